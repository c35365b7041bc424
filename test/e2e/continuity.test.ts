import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NginxRtmp, startNginxRtmp } from '../../src/demo/nginx-rtmp.ts';
import { readFlv } from '../support/clip.ts';
import { eventually } from '../support/eventually.ts';
import { trackTimes } from '../support/media-checks.ts';
import { type RunningRoomcast, startRoomcast } from '../support/roomcast.ts';
import { cliJson, GUESTS, leftOutMs, Studio, startRelay, untilLive } from '../support/studio.ts';

const ROOM = 7;
const FREEZE_MS = 5000;

interface ListedRoom {
  readonly users: readonly { readonly userId: string }[];
}

describe('a programme that cannot stop', () => {
  let nginx: NginxRtmp;
  let roomcast: RunningRoomcast;
  let studio: Studio;

  beforeAll(async () => {
    nginx = await startNginxRtmp({ applications: [{ name: 'live', record: true }] });
    roomcast = await startRoomcast({ env: { ROOMCAST_LOST_USER_GRACE_SECONDS: '8' } });
    studio = await Studio.open([GUESTS.red, GUESTS.green, GUESTS.blue]);
  });

  afterAll(async () => {
    await studio?.close();
    await roomcast?.stop();
    await nginx?.stop();
  });

  it('has no gap, no step back and one session at the foreign server through joins, leaves, a kill and a freeze', async () => {
    const present = async (...userIds: string[]) =>
      eventually(async () => {
        const [room] = await cliJson<ListedRoom[]>(roomcast, 'rooms');
        const now = (room?.users ?? []).map((user) => user.userId).sort();
        if (now.join() !== [...userIds].sort().join()) throw new Error(`in the room: ${now.join()}`);
        return true;
      });

    const red = await studio.publish(roomcast, ROOM, GUESTS.red);
    await present('red');
    const to = nginx.rtmpUrl('live', 'programme');
    const taskId = await startRelay(roomcast, ROOM, to);
    await untilLive(roomcast, taskId);

    const green = await studio.publish(roomcast, ROOM, GUESTS.green); // a join
    await present('red', 'green');
    const blue = await studio.publish(roomcast, ROOM, GUESTS.blue);
    await present('red', 'green', 'blue');
    await green.stop(); // a clean leave takes effect at once
    await present('red', 'blue');
    red.freeze(); // a stall: held, then it comes back by itself
    await delay(FREEZE_MS);
    red.thaw();
    await blue.kill(); // lost without a word: leaves after the grace
    await present('red');
    await studio.publish(roomcast, ROOM, GUESTS.green); // somebody comes again
    await present('red', 'green');
    await red.stop();
    await present('green');

    const files = (await readdir(nginx.recordingDir)).filter((name) => name.startsWith('programme'));
    expect(files).toHaveLength(1);
    const file = path.join(nginx.recordingDir, files[0] ?? '');
    const before = trackTimes(await readFlv(file), 9).lastMs;
    const tags = await eventually(async () => {
      const now = await readFlv(file);
      return trackTimes(now, 9).lastMs > before + 2000 ? now : null;
    });
    const video = trackTimes(tags, 9);
    const audio = trackTimes(tags, 8);
    expect(video.lastMs - video.firstMs).toBeGreaterThan(15_000);
    expect(video.largestGapMs).toBeLessThanOrEqual(100 + (await leftOutMs(roomcast, taskId)));
    expect(video.wentBack).toEqual([]);
    expect(audio.largestGapMs).toBeLessThanOrEqual(100);
    expect(audio.wentBack).toEqual([]);
    expect(await nginx.sessions()).toHaveLength(1);
  });
});

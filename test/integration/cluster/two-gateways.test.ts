import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NginxRtmp, startNginxRtmp } from '../../../src/demo/nginx-rtmp.ts';
import { Cluster } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { colourDistance, lastPicture, meanColour, type Rgb } from '../../support/media-checks.ts';
import type { RunningRoomcast } from '../../support/roomcast.ts';
import {
  cliJson,
  GUESTS,
  type ListedRecording,
  type ListedRelay,
  Studio,
  untilLive,
} from '../../support/studio.ts';

const ROOM = 31;
const MAX_DISTANCE = 40;

interface ListedRoom {
  readonly users: readonly { readonly userId: string }[];
}

describe('a room on two gateways', () => {
  let cluster: Cluster;
  let nginx: NginxRtmp;
  let studio: Studio;
  let home: RunningRoomcast;
  let other: RunningRoomcast;

  beforeEach(async () => {
    cluster = await Cluster.open();
    [nginx, studio, home, other] = await Promise.all([
      startNginxRtmp({ applications: [{ name: 'live', record: true }] }),
      Studio.open([GUESTS.red, GUESTS.blue]),
      cluster.startGateway(),
      cluster.startGateway(),
      cluster.startWorker(),
    ]);
  });

  afterEach(async () => {
    await studio?.close();
    await cluster?.close();
    await nginx?.stop();
  });

  const usersAre = (...userIds: string[]) =>
    eventually(async () => {
      const [room] = await cliJson<ListedRoom[]>(home, 'rooms');
      return room?.users.map((user) => user.userId).join() === userIds.join();
    }, 15_000);

  const startRelay = (...args: string[]) =>
    cliJson<ListedRelay>(home, 'relay', 'start', '--room', String(ROOM), ...args);

  const recordingOf = async (key: string): Promise<string> => {
    const names = (await readdir(nginx.recordingDir)).filter((name) => name.startsWith(key)).sort();
    return path.join(nginx.recordingDir, names.at(-1) ?? 'none');
  };

  /** The last picture at nginx has exactly these colours in this many columns. */
  const shows = (key: string, size: readonly [number, number], columns: readonly Rgb[]) =>
    eventually(
      async () => {
        const [width, height] = size;
        const picture = await lastPicture(await recordingOf(key), width, height);
        const cell = { y: height / 2 - 40, width: width / columns.length, height: 80 };
        const seen = columns.map((_colour, at) => meanColour(picture, { ...cell, x: at * cell.width }));
        const far = columns.map((colour, at) => colourDistance(colour, seen[at] ?? [0, 0, 0]));
        if (Math.max(...far) > MAX_DISTANCE) throw new Error(`seen: ${JSON.stringify(seen)}`);
        return true;
      },
      20_000,
      500,
    );

  it('mixes the publishers of both, and keeps one session at the target when one of them moves', async () => {
    await studio.publish(home, ROOM, GUESTS.red);
    await usersAre('red');
    const blue = await studio.publish(other, ROOM, GUESTS.blue);
    await usersAre('red', 'blue');
    const to = nginx.rtmpUrl('live', 'mixed');
    const { taskId } = await startRelay('--to', to, '--size', '640x360', '--fps', '15');
    await untilLive(home, taskId);
    const both = [GUESTS.red.colour, GUESTS.blue.colour];
    await shows('mixed', [640, 360], both);

    await blue.kill();
    await studio.publish(home, ROOM, GUESTS.blue);
    await shows('mixed', [640, 360], both);
    expect(await nginx.sessions()).toHaveLength(1);
  });

  it('copies and records one user of the gateway that is not the home of the room', async () => {
    await studio.publish(home, ROOM, GUESTS.red);
    await usersAre('red');
    await studio.publish(other, ROOM, GUESTS.blue);
    await usersAre('red', 'blue');
    const { taskId } = await startRelay('--single', 'blue', '--to', nginx.rtmpUrl('live', 'single'));
    const single = ['--mode', 'single', '--user', 'blue'];
    const started = await cliJson<ListedRecording>(
      home,
      ...['record', 'start', '--room', String(ROOM), ...single],
    );
    await untilLive(home, taskId);
    await shows('single', [640, 360], [GUESTS.blue.colour]);
    await eventually(async () => {
      const shown = await cliJson<ListedRecording>(home, 'record', 'show', started.taskId);
      return shown.state === 'recording';
    }, 15_000);
    await cliJson(home, 'record', 'stop', started.taskId);
    const ready = await eventually(async () => {
      const shown = await cliJson<ListedRecording>(home, 'record', 'show', started.taskId);
      return shown.state === 'ready' && shown;
    }, 20_000);
    const [file] = ready.files;
    expect(file).toMatchObject({ userId: 'blue', verdict: { playable: true } });
    const picture = await lastPicture(file?.path ?? '', 640, 360);
    const whole = { x: 0, y: 0, width: 640, height: 360 };
    expect(colourDistance(meanColour(picture, whole), GUESTS.blue.colour)).toBeLessThan(MAX_DISTANCE);
  });

  it('goes on at another gateway when the home of the room is gone', async () => {
    const red = await studio.publish(home, ROOM, GUESTS.red);
    await usersAre('red');
    const to = nginx.rtmpUrl('live', 'moved');
    const { taskId } = await startRelay('--to', to, '--size', '320x180', '--fps', '15');
    await untilLive(home, taskId);
    await home.kill();
    await red.kill();
    await studio.publish(other, ROOM, GUESTS.red);
    await untilLive(other, taskId, 30_000);
    const running = await eventually(async () => {
      const shown = await cliJson<ListedRelay>(other, 'relay', 'show', taskId);
      return shown.state === 'running' && shown;
    }, 20_000);
    expect(running.targets[0]?.state).toBe('live');
    await shows('moved', [320, 180], [GUESTS.red.colour]);
  });
});

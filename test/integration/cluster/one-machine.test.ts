import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { probeFile } from '../../support/media-checks.ts';
import { type RunningRoomcast, startRoomcast } from '../../support/roomcast.ts';
import { cliJson, GUESTS, type ListedRecording, Studio } from '../../support/studio.ts';

const ROOM = '61';

describe('a roomcast that has just been started', () => {
  let roomcast: RunningRoomcast;
  let studio: Studio;

  beforeEach(async () => {
    studio = await Studio.open([GUESTS.red]);
    roomcast = await startRoomcast();
  });

  afterEach(async () => {
    await studio?.close();
    await roomcast?.stop();
  });

  it('ends a recording when its duration is over, with a file of that length', async () => {
    await studio.publish(roomcast, Number(ROOM), GUESTS.red);
    await eventually(async () => (await cliJson<unknown[]>(roomcast, 'rooms')).length === 1);
    const single = ['--mode', 'single', '--user', 'red', '--for', '3s'];
    const { taskId } = await cliJson<ListedRecording>(
      roomcast,
      ...['record', 'start', '--room', ROOM, ...single],
    );
    const ended = await eventually(async () => {
      const shown = await cliJson<ListedRecording>(roomcast, 'record', 'show', taskId);
      return shown.state === 'ready' && shown;
    });
    expect(roomcast.logs()).toContain('"reason":"finished"');
    const [file] = ended.files;
    // 3 s, a key frame less, half a second for the watcher more.
    expect(file?.durationMs).toBeGreaterThan(2_000);
    expect(file?.durationMs).toBeLessThan(4_500);
    expect((await probeFile(file?.path ?? '')).errors).toBe('');
  });

  it('lets nobody publish under the name of its mix', async () => {
    const relay = ['relay', 'start', '--room', ROOM, '--agent', 'red', '--to', 'rtmp://127.0.0.1:1/live/key'];
    await cliJson(roomcast, ...relay);
    const refused = await studio.publish(roomcast, Number(ROOM), GUESTS.red);
    await eventually(() => refused.child.exitCode !== null, 10_000);
    expect(roomcast.logs()).toContain('publish refused');
    expect(await cliJson<unknown[]>(roomcast, 'rooms')).toEqual([]);
  });
});

import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NginxRtmp, startNginxRtmp } from '../../src/demo/nginx-rtmp.ts';
import { readFlv } from '../support/clip.ts';
import { countCpuWait } from '../support/cpu-wait.ts';
import { eventually } from '../support/eventually.ts';
import { probeFile, trackTimes } from '../support/media-checks.ts';
import { descendants, findDescendant, survivors } from '../support/process-tree.ts';
import { type RunningRoomcast, startRoomcast } from '../support/roomcast.ts';
import {
  cliJson,
  GUESTS,
  type ListedRecording,
  leftOutMs,
  Studio,
  startRelay,
  untilLive,
} from '../support/studio.ts';

const ROOM = 42;
const BACK_WITHIN_MS = 5000;
const GATEWAY = /main\.js gateway/;
const WORKER = /main\.js worker/;
const MIX = /programme\/main\.js/;
const REDIS = /redis-server/;

describe('after a failure', () => {
  let nginx: NginxRtmp;
  let roomcast: RunningRoomcast;
  let studio: Studio;
  let taskId: string;

  beforeEach(async () => {
    nginx = await startNginxRtmp({ applications: [{ name: 'live', record: true }] });
    roomcast = await startRoomcast();
    studio = await Studio.open([GUESTS.red]);
    await studio.publish(roomcast, ROOM, GUESTS.red);
    const to = nginx.rtmpUrl('live', 'programme');
    taskId = await startRelay(roomcast, ROOM, to);
    await untilLive(roomcast, taskId);
    await framesGrow();
  });

  afterEach(async () => {
    await studio?.close();
    await roomcast?.stop();
    await nginx?.stop();
  });

  /** Video frames nginx has recorded so far, over all sessions of the key. */
  const framesAtNginx = async () => {
    let frames = 0;
    for (const name of await readdir(nginx.recordingDir)) {
      frames += trackTimes(await readFlv(path.join(nginx.recordingDir, name)), 9).count;
    }
    return frames;
  };

  /** Waits until frames arrive at nginx again. */
  const framesGrow = async () => {
    const before = await framesAtNginx();
    await eventually(async () => (await framesAtNginx()) > before + 10, 60_000, 100);
  };

  /** Ends the process, and waits until frames arrive again: at most so long, but for what all had to wait for a CPU. */
  const expectBackWithin = async (ms: number, killed: RegExp) => {
    const cpuWait = countCpuWait(roomcast.pid);
    process.kill(findDescendant(roomcast.pid, killed).pid, 'SIGKILL');
    const killedAt = Date.now();
    await framesGrow();
    expect(Date.now() - killedAt).toBeLessThan(ms + cpuWait());
  };

  it('a worker killed with SIGKILL is replaced: the programme is back within 5 s, one pusher at a time', async () => {
    const worker = findDescendant(roomcast.pid, WORKER);
    const children = descendants(worker.pid);
    await expectBackWithin(BACK_WITHIN_MS, WORKER);
    await eventually(() => survivors(children).length === 0, 5000);
    expect(findDescendant(roomcast.pid, WORKER).pid).not.toBe(worker.pid);
    const sessions = await nginx.sessions();
    expect(sessions.length).toBe(2);
    expect(sessions[1]?.startedAt).toBeGreaterThanOrEqual(sessions[0]?.endedAt ?? Number.POSITIVE_INFINITY);
  });

  it('a mix killed with SIGKILL is started again while the push keeps its session', async () => {
    await expectBackWithin(BACK_WITHIN_MS, MIX);
    expect(await nginx.sessions()).toHaveLength(1);
  });

  it('a gateway killed with SIGKILL comes back on its ports and the tasks resume by themselves', async () => {
    await expectBackWithin(2 * BACK_WITHIN_MS, GATEWAY);
    await eventually(async () => (await fetch(`${roomcast.http}/readyz`)).status === 200);
    await studio.publish(roomcast, ROOM, GUESTS.red);
    await untilLive(roomcast, taskId);
  });

  it('Redis killed with SIGKILL comes back with its data and the push loses nothing', async () => {
    process.kill(findDescendant(roomcast.pid, REDIS).pid, 'SIGKILL');
    await framesGrow();
    await eventually(async () => (await fetch(`${roomcast.http}/readyz`)).status === 200);
    await untilLive(roomcast, taskId);
    await framesGrow();
    const [name = ''] = await readdir(nginx.recordingDir);
    const video = trackTimes(await readFlv(path.join(nginx.recordingDir, name)), 9);
    expect(video.largestGapMs).toBeLessThanOrEqual(100 + (await leftOutMs(roomcast, taskId)));
    expect(await nginx.sessions()).toHaveLength(1);
  });

  it('a supervisor killed with SIGKILL leaves nothing behind, and the next start takes the tasks up again', async () => {
    const all = descendants(roomcast.pid);
    await roomcast.kill();
    await eventually(() => survivors(all).length === 0);
    const { dataDir } = roomcast;
    roomcast = await startRoomcast({ dataDir });
    await studio.publish(roomcast, ROOM, GUESTS.red);
    await untilLive(roomcast, taskId, 30_000);
    await framesGrow();
  });

  it('SIGTERM ends everything within 10 s with recordings that play', async () => {
    await cliJson(roomcast, 'record', 'start', '--room', String(ROOM));
    await eventually(async () => {
      const [listed] = await cliJson<ListedRecording[]>(roomcast, 'record', 'list');
      return listed?.state === 'recording';
    });
    await framesGrow();
    const all = descendants(roomcast.pid);
    const began = Date.now();
    const cpuWait = countCpuWait(roomcast.pid);
    let waitedMs = 0;
    // Those that have ended are not counted any more.
    const counting = setInterval(() => {
      waitedMs = Math.max(waitedMs, cpuWait());
    }, 100);
    expect(await roomcast.stop()).toBe(0);
    clearInterval(counting);
    expect(Date.now() - began).toBeLessThan(10_000 + waitedMs);
    expect(survivors(all)).toEqual([]);

    roomcast = await startRoomcast({ dataDir: roomcast.dataDir });
    const [listed] = await cliJson<ListedRecording[]>(roomcast, 'record', 'list');
    await cliJson(roomcast, 'record', 'stop', listed?.taskId ?? '');
    const ready = await eventually(async () => {
      const [now] = await cliJson<ListedRecording[]>(roomcast, 'record', 'list');
      return now?.state === 'ready' ? now : null;
    });
    const probe = await probeFile(ready.files[0]?.path ?? '');
    expect(probe.errors).toBe('');
    expect(probe.durationMs).toBeGreaterThan(300);
  });
});

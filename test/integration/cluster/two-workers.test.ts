import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NginxRtmp, startNginxRtmp } from '../../../src/demo/nginx-rtmp.ts';
import { readFlv } from '../../support/clip.ts';
import { Cluster, type Role } from '../../support/cluster.ts';
import { countCpuWait } from '../../support/cpu-wait.ts';
import { eventually } from '../../support/eventually.ts';
import { probeFile, trackTimes } from '../../support/media-checks.ts';
import type { RunningRoomcast } from '../../support/roomcast.ts';
import {
  cliJson,
  GUESTS,
  type ListedRecording,
  type ListedRelay,
  Studio,
  untilLive,
} from '../../support/studio.ts';

const ROOM = 52;

describe('two workers', () => {
  let cluster: Cluster;
  let nginx: NginxRtmp;
  let studio: Studio;
  let gateway: RunningRoomcast;
  let first: Role;

  beforeEach(async () => {
    cluster = await Cluster.open();
    [nginx, studio, gateway, first] = await Promise.all([
      startNginxRtmp({ applications: [{ name: 'live', record: true }] }),
      Studio.open([GUESTS.red]),
      cluster.startGateway(),
      cluster.startWorker(),
    ]);
    await studio.publish(gateway, ROOM, GUESTS.red);
    await eventually(async () => (await cliJson<unknown[]>(gateway, 'rooms')).length === 1);
  });

  afterEach(async () => {
    await studio?.close();
    await cluster?.close();
    await nginx?.stop();
  });

  /** A relay of the room's mix; all its jobs run on the first worker. */
  const startRelay = async () => {
    const to = nginx.rtmpUrl('live', 'programme');
    const args = ['--room', String(ROOM), '--size', '320x180', '--fps', '15', '--to', to];
    const { taskId } = await cliJson<ListedRelay>(gateway, 'relay', 'start', ...args);
    await untilLive(gateway, taskId);
    return taskId;
  };

  const startRecording = async () => {
    const { taskId } = await cliJson<ListedRecording>(
      gateway,
      ...['record', 'start', '--room', String(ROOM), '--mode', 'single', '--user', 'red'],
    );
    await recordingIs(taskId, 'recording');
    return taskId;
  };

  const recordingIs = (taskId: string, state: string) =>
    eventually(async () => {
      const shown = await cliJson<ListedRecording>(gateway, 'record', 'show', taskId);
      if (shown.state !== state) throw new Error(`the recording is ${shown.state}`);
      return shown;
    }, 30_000);

  const framesAtNginx = async () => {
    const names = (await readdir(nginx.recordingDir)).map((name) => path.join(nginx.recordingDir, name));
    const tags = await Promise.all(names.map(readFlv));
    return tags.reduce((sum, some) => sum + trackTimes(some, 9).count, 0);
  };

  const framesGrow = async () => {
    const before = await framesAtNginx();
    await eventually(async () => (await framesAtNginx()) > before + 15, 15_000);
  };

  it('one that is told to end hands its jobs to the other at once, and both parts of a recording are finished', async () => {
    await startRelay();
    const recording = await startRecording();
    await framesGrow();
    const second = await cluster.startWorker();
    const cpuWait = countCpuWait(second.pid);
    expect(await first.end('SIGTERM')).toBe(0);

    const sessions = await eventually(async () => {
      const all = await nginx.sessions();
      return all.length === 2 && all;
    }, 30_000);
    const gapMs = (sessions[1]?.startedAt ?? 0) - (sessions[0]?.endedAt ?? 0);
    expect(gapMs).toBeGreaterThanOrEqual(0);
    expect(gapMs).toBeLessThan(3_000 + cpuWait());
    await framesGrow();

    await recordingIs(recording, 'recording');
    await framesGrow();
    await cliJson(gateway, 'record', 'stop', recording);
    // The part of the worker that is away keeps it from being whole.
    await eventually(() => second.logs().includes('run ended'));
    await recordingIs(recording, 'finalising');
    await cluster.startWorker(first.dataDir);
    const { files } = await recordingIs(recording, 'ready');
    expect(files.map((file) => path.dirname(path.dirname(path.dirname(file.path))))).toEqual([
      first.dataDir,
      second.dataDir,
    ]);
    for (const file of files) {
      expect(file.verdict).toMatchObject({ playable: true, gaps: 0 });
      expect((await probeFile(file.path)).errors).toBe('');
    }
  });

  it('one that hangs is replaced, and when it wakes up its session is gone within a second', async () => {
    const taskId = await startRelay();
    await framesGrow();
    const second = await cluster.startWorker();
    await cluster.redisIsSteady();
    first.signal('SIGSTOP');
    // The server still holds the session of the one that hangs: the other asks again and again, and is not given up.
    const refused = () => second.logs().split('"code":"key-refused"').length - 1;
    await eventually(() => refused() >= 4, 30_000);
    const wokenAt = Date.now();
    first.signal('SIGCONT');
    await untilLive(gateway, taskId, 30_000);
    // nginx also tells of those it refuses; they are over at once.
    const sessions = await nginx.sessions();
    const [old, next, ...more] = sessions.filter(
      ({ startedAt, endedAt }) => (endedAt ?? wokenAt * 2) - startedAt > 500,
    );
    expect(more).toEqual([]);
    expect(old?.endedAt).toBeGreaterThanOrEqual(wokenAt);
    expect(old?.endedAt).toBeLessThan(wokenAt + 1_000);
    expect(next?.startedAt).toBeGreaterThanOrEqual(old?.endedAt ?? Number.POSITIVE_INFINITY);
    expect(next?.startedAt).toBeLessThan(wokenAt + 5_000);
    await framesGrow();
    expect((await nginx.sessions()).length).toBe(sessions.length);
  });

  it('a recording is finished by the worker whose disk it is on', async () => {
    const recordings = [await startRecording(), await startRecording(), await startRecording()];
    await cluster.startWorker();
    for (const taskId of recordings) await cliJson(gateway, 'record', 'stop', taskId);
    for (const taskId of recordings) {
      const { files } = await recordingIs(taskId, 'ready');
      expect(files).toMatchObject([{ verdict: { playable: true } }]);
      expect(files[0]?.path.startsWith(first.dataDir)).toBe(true);
    }
  });
});

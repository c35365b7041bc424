import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFinaliseJob } from '../../../jobs/finalise.ts';
import type { JobContext, JobFacts, StopReason } from '../../../jobs/job-context.ts';
import { createRecordJob } from '../../../jobs/record.ts';
import { AskPace, requestUnfinished } from '../../../jobs/unfinished.ts';
import { type JobRef, type JobStatus, jobKey } from '../../../src/domain/job.ts';
import type { GatewayFacts } from '../../../src/domain/room.ts';
import { Secret } from '../../../src/domain/secret.ts';
import type { RecordingResult, RecordTask, Task } from '../../../src/domain/task.ts';
import { makeFlv, readFlv } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import { decodeErrors, probe } from '../../support/media-checks.ts';
import { OneStreamHub } from './one-stream-hub.ts';

const log = pino({ level: 'silent' });
const SECRET = new Secret('cluster');
const STREAM = '1400000001_1001_anna_main';

const TASK: RecordTask = {
  kind: 'record',
  taskId: 'rec1',
  appId: 1_400_000_001,
  room: { kind: 'number', value: 1001 },
  createdAt: 0,
  source: { type: 'single', userId: 'anna', stream: 'main' },
  streamId: STREAM,
  maxIdleSeconds: 30,
  revision: 1,
  endedAt: null,
  endReason: null,
  agentUserId: 'rec_agent',
  formats: ['mp4'],
  startAt: null,
  durationMs: null,
};

let dataDir: string;
let hub: OneStreamHub;
let tasks: Map<string, Task>;
let recordings: RecordingResult[];
let requested: string[];
let statuses: JobStatus[];

beforeEach(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'roomcast-record-'));
  tasks = new Map([[TASK.taskId, TASK]]);
  recordings = [];
  requested = [];
  statuses = [];
  const tags = await readFlv(await makeFlv({ dir: dataDir, name: 'clip', seconds: 40 }));
  hub = new OneStreamHub({ tags, streamId: STREAM, secret: SECRET });
  await hub.listen();
});
afterEach(async () => {
  await hub.close();
  await rm(dataDir, { recursive: true, force: true });
});

function facts(): JobFacts {
  const gateway: GatewayFacts = {
    gatewayId: 'g',
    internalHttp: hub.url,
    internalRtmp: '',
    publicHttp: '',
    publicRtmp: '',
  };
  return {
    getTask: async (taskId) => tasks.get(taskId) ?? null,
    getRoom: async () => null,
    locateRoom: async () => gateway,
    locateStream: async () => gateway,
    watchRoom: () => () => undefined,
    saveRecording: async (result) => {
      recordings.push(result);
    },
    requestJob: async (job) => {
      requested.push(jobKey(job));
    },
  };
}

function context(job: JobRef, epoch: number, signal: AbortSignal): JobContext {
  return {
    job,
    epoch,
    clusterSecret: SECRET,
    dataDir,
    log,
    facts: facts(),
    signal,
    leftBehind: null,
    emit: () => undefined,
    tellApp: () => undefined,
    report: (status) => {
      statuses.push(status);
    },
    leave: () => undefined,
    onUpdate: () => () => undefined,
  };
}

function record(epoch: number) {
  const controller = new AbortController();
  const done = createRecordJob()(context({ kind: 'record', id: TASK.taskId }, epoch, controller.signal));
  return {
    async end(reason: StopReason) {
      controller.abort(reason);
      return done;
    },
  };
}

/** Waits until the status says that much media is in the journal. */
async function recorded(mediaMs: number): Promise<void> {
  await eventually(() => {
    const last = statuses.at(-1);
    return last?.kind === 'record' && last.state === 'recording' && last.mediaMs >= mediaMs;
  });
}

const finalise = () =>
  createFinaliseJob()(context({ kind: 'finalise', id: TASK.taskId }, 1, new AbortController().signal));

const unfinished = (running: readonly string[] = []) =>
  requestUnfinished({
    dataDir,
    facts: facts(),
    isRunning: (job) => running.includes(jobKey(job)),
    pace: new AskPace(),
  });

describe('the record job', () => {
  it('records from the kept GOP until stopped, and its files are as long as it was on the air', async () => {
    await eventually(() => hub.nowMs > 1500);
    const run = record(1);
    await recorded(4000);
    expect(await run.end('stopped')).toEqual({ result: 'stopped' });
    expect(recordings.at(-1)).toMatchObject({ taskId: TASK.taskId, state: 'finalising' });
    expect(requested).toEqual(['finalise-rec1']);

    expect(await finalise()).toEqual({ result: 'done' });
    const result = recordings.at(-1);
    expect(result).toMatchObject({
      state: 'ready',
      files: [{ userId: 'anna', verdict: { playable: true, gaps: 0 } }],
    });
    const [file] = result?.files ?? [];
    expect(file?.path).toBe(path.join(dataDir, 'recordings', 'rec1', 'anna.mp4'));
    expect(Math.abs((file?.durationMs ?? 0) - (result?.onAirMs ?? 0))).toBeLessThan(500);
    expect(file?.durationMs).toBeGreaterThan(4000);
    expect((await probe(file?.path ?? '')).startMs).toBe(0);
    expect(await decodeErrors(file?.path ?? '')).toBe('');
  });

  it('goes on after a drain behind its last frame, without a gap where the hub still had them', async () => {
    const first = record(1);
    await recorded(2500);
    expect(await first.end('drain')).toEqual({ result: 'stopped' });
    expect(requested).toEqual([]);
    statuses = [];
    const second = record(2);
    await recorded(6000);
    await second.end('stopped');
    expect(hub.epochs).toEqual([1, 2]);

    await finalise();
    const result = recordings.at(-1);
    expect(result?.files).toHaveLength(1);
    expect(result?.files[0]?.verdict).toEqual({ playable: true, gaps: 0, secondsLost: 0 });
    expect(Math.abs((result?.files[0]?.durationMs ?? 0) - (result?.onAirMs ?? 0))).toBeLessThan(500);
    expect(await decodeErrors(result?.files[0]?.path ?? '')).toBe('');
  });

  it('asks at the next start for the files of a recording that ended while nobody ran it', async () => {
    const run = record(1);
    await recorded(500);
    await run.end('drain');
    expect(await unfinished()).toEqual({ asked: [], isClosing: false });
    tasks.set(TASK.taskId, { ...TASK, endedAt: Date.now(), endReason: 'stopped' });
    // Its own run may still be closing the journal.
    expect(await unfinished()).toEqual({ asked: [], isClosing: true });
    tasks.set(TASK.taskId, { ...TASK, endedAt: 1, endReason: 'stopped' });
    expect(await unfinished(['record-rec1'])).toEqual({ asked: [], isClosing: false });
    expect(await unfinished(['finalise-rec1'])).toEqual({ asked: [], isClosing: false });
    expect(await unfinished()).toEqual({ asked: [TASK.taskId], isClosing: false });
    expect(requested).toEqual(['finalise-rec1']);
    await finalise();
    expect(await unfinished()).toEqual({ asked: [], isClosing: false });
    expect(await readdir(path.join(dataDir, 'recordings', 'rec1'))).toEqual(['anna.mp4', 'recording.json']);
  });

  it('has failed, and says why, when its journal was taken away', async () => {
    expect(await finalise()).toEqual({ result: 'done' });
    expect(recordings.at(-1)).toMatchObject({
      state: 'failed',
      error: expect.stringContaining('no journal'),
    });
  });

  it('leaves the journal alone when a higher epoch has taken over', async () => {
    const run = record(1);
    await recorded(500);
    expect(await run.end('fenced')).toEqual({ result: 'fenced' });
    expect(requested).toEqual([]);
    expect(await readdir(path.join(dataDir, 'recordings', 'rec1'))).toEqual(['journal.flv', 'journal.json']);
  });
});

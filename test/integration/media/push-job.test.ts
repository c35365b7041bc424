import { randomBytes } from 'node:crypto';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JobContext } from '../../../jobs/job-context.ts';
import { createPushJob } from '../../../jobs/push.ts';
import type { JobOutcome, JobStatus, TargetStatus } from '../../../src/domain/job.ts';
import { showRtmpUrl } from '../../../src/domain/push/rtmp-url.ts';
import { Secret } from '../../../src/domain/secret.ts';
import type { PushTarget, RelayTask } from '../../../src/domain/task.ts';
import { seal } from '../../../src/identity/seal.ts';
import { verifyTicket } from '../../../src/identity/tickets.ts';
import type { FlvTag } from '../../../src/media/flv/tag.ts';
import { makeClip, parseFlv } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import { type FlvHub, startFlvHub } from '../../support/flv-hub.ts';
import { type FlvPlayer, playClip } from '../../support/flv-player.ts';
import { type RtmpSink, startRtmpSink } from '../../support/rtmp-sink.ts';

const STREAM = '1400000001_1001_mix_abcdefgh_main';
const secret = new Secret(randomBytes(16).toString('hex'));

let clip: FlvTag[];
let hub: FlvHub;
let sinks: RtmpSink[];
let player: FlvPlayer;
let task: RelayTask;
let statuses: JobStatus[];
let listeners: Set<() => void>;
let stop: AbortController;
let outcome: Promise<JobOutcome>;

beforeAll(async () => {
  clip = parseFlv(await makeClip({ seconds: 3 }));
});

beforeEach(async () => {
  hub = await startFlvHub();
  sinks = [await startRtmpSink(), await startRtmpSink()];
  statuses = [];
  listeners = new Set();
  stop = new AbortController();
  task = relayTask([sealed('a', sinks[0])]);
  player = playClip(clip, (tag) => hub.send(tag));
});

afterEach(async () => {
  stop.abort('stopped');
  await outcome;
  player.stop();
  await hub.close();
  await Promise.all(sinks.map((sink) => sink.close()));
});

afterAll(() => {
  expect(listeners.size).toBe(0);
});

function sealed(id: string, sink: RtmpSink | undefined): PushTarget {
  const url = sink?.url ?? '';
  return { id, sealedUrl: seal(secret, new Secret(url)), shownUrl: showRtmpUrl(url) };
}

function relayTask(targets: readonly PushTarget[]): RelayTask {
  return {
    kind: 'relay',
    taskId: 't1',
    appId: 1400000001,
    room: { kind: 'number', value: 1001 },
    createdAt: 0,
    source: { type: 'single', userId: 'anna', stream: 'main' },
    streamId: STREAM,
    maxIdleSeconds: 300,
    revision: 1,
    endedAt: null,
    endReason: null,
    agentUserId: 'mix_abcdefgh',
    targets,
    retryNonce: {},
  };
}

function start(): void {
  const gateway = () => ({
    gatewayId: 'g',
    internalHttp: hub.url,
    internalRtmp: '',
    publicHttp: '',
    publicRtmp: '',
  });
  const context: JobContext = {
    job: { kind: 'push', id: 't1' },
    epoch: 7,
    clusterSecret: secret,
    dataDir: '/nowhere',
    log: pino({ level: 'silent' }),
    signal: stop.signal,
    leftBehind: null,
    leave: () => undefined,
    emit: () => undefined,
    tellApp: () => undefined,
    facts: {
      getTask: async () => task,
      getRoom: async () => null,
      locateRoom: async () => gateway(),
      locateStream: async () => gateway(),
      watchRoom: () => () => undefined,
      saveRecording: async () => undefined,
      requestJob: async () => undefined,
    },
    report: (status) => statuses.push(status),
    onUpdate: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  outcome = createPushJob({ random: () => 0.5 })(context);
}

function change(next: Partial<RelayTask>): void {
  task = { ...task, ...next, revision: task.revision + 1 };
  for (const listener of listeners) listener();
}

function target(id: string): TargetStatus | undefined {
  const status = statuses.at(-1);
  return status?.kind === 'push' ? status.targets.find((one) => one.targetId === id) : undefined;
}

describe('a push job', () => {
  it('reads the stream with a ticket for its task and epoch, and pushes it', async () => {
    start();
    await eventually(() => target('a')?.state === 'live');
    const [request = ''] = hub.requests;
    const ticket = new URL(request, hub.url).searchParams.get('ticket') ?? '';
    expect(request).toContain(`/internal/flv/${STREAM}?`);
    const claims = verifyTicket(secret, ticket, { use: 'read', stream: STREAM, nowMs: Date.now() });
    expect(claims).toMatchObject({ task: 'push-t1', epoch: 7 });
    await eventually(() => (sinks[0]?.media.length ?? 0) > 30);
  });

  it('adds, removes and retries targets as the task changes', async () => {
    start();
    await eventually(() => target('a')?.state === 'live');
    change({ targets: [...task.targets, sealed('b', sinks[1])] });
    await eventually(() => target('b')?.state === 'live');
    expect(target('a')?.sessions).toBe(1);
    change({ targets: [sealed('b', sinks[1])] });
    await eventually(() => sinks[0]?.connections === 0);
    expect(target('a')).toBeUndefined();
    const [, second] = sinks;
    if (second) second.refuseWith = 'NetStream.Publish.BadName';
    second?.reset();
    await eventually(() => target('b')?.lastError?.code === 'key-refused', 20_000);
    if (second) second.refuseWith = null;
    change({ retryNonce: { b: 1 } });
    await eventually(() => target('b')?.state === 'live');
  });

  it('reads again from the gateway when the connection is cut, its targets undisturbed', async () => {
    start();
    await eventually(() => target('a')?.state === 'live');
    hub.cut();
    await eventually(() => hub.readers === 1 && hub.requests.length === 2);
    const before = sinks[0]?.media.length ?? 0;
    await eventually(() => (sinks[0]?.media.length ?? 0) > before + 30);
    expect(sinks[0]?.publishes).toBe(1);
    const times = (sinks[0]?.media ?? []).filter((one) => one.type === 9 && one.data[1] === 1);
    const steps = times.slice(1).map((one, index) => one.timestamp - (times[index]?.timestamp ?? 0));
    expect(Math.min(...steps)).toBeGreaterThan(0);
    expect(Math.max(...steps)).toBeLessThanOrEqual(100);
  });

  it('keeps its sessions without a stream for as long as its task says', async () => {
    task = { ...task, graceSeconds: 0 };
    start();
    await eventually(() => target('a')?.state === 'live');
    player.stop();
    hub.end();
    await eventually(() => target('a')?.state === 'idle' && sinks[0]?.connections === 0, 9_000);
  });

  it('reads in steps of the shortest window of its targets, and a target that waits less costs the others nothing', async () => {
    const [, second] = sinks;
    const steps = () => hub.requests.map((path) => new URL(path, hub.url).searchParams.get('merge'));
    start();
    await eventually(() => target('a')?.state === 'live');
    change({ targets: [...task.targets, { ...sealed('b', second), mergeMs: 40 }] });
    await eventually(() => target('b')?.state === 'live' && hub.requests.length === 2);
    const before = second?.media.length ?? 0;
    await eventually(() => (second?.media.length ?? 0) > before + 60);
    expect(steps()).toEqual(['100', '40']);
    for (const sink of sinks) {
      const pictures = sink.media.filter((one) => one.type === 9 && one.data[1] === 1);
      const gaps = pictures.slice(1).map((one, index) => one.timestamp - (pictures[index]?.timestamp ?? 0));
      expect(Math.min(...gaps)).toBeGreaterThan(0);
      expect(Math.max(...gaps)).toBeLessThanOrEqual(60);
      expect(sink.publishes).toBe(1);
    }
  });

  it('closes every target and ends as stopped when it is stopped', async () => {
    start();
    await eventually(() => target('a')?.state === 'live');
    stop.abort('stopped');
    expect(await outcome).toEqual({ result: 'stopped' });
    await eventually(() => sinks[0]?.connections === 0);
    await eventually(() => hub.readers === 0);
    expect(listeners.size).toBe(0);
  });

  it('closes every target at once and ends as fenced when a higher epoch reads', async () => {
    start();
    await eventually(() => target('a')?.state === 'live');
    hub.answer = 409;
    hub.cut();
    expect(await outcome).toEqual({ result: 'fenced' });
    await eventually(() => sinks[0]?.connections === 0);
  });

  it('ends as done when its task is gone', async () => {
    task = { ...task, endedAt: 1 };
    start();
    expect(await outcome).toEqual({ result: 'done' });
  });
});

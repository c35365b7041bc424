import { describe, expect, it } from 'vitest';
import type { MixStatus, PushStatus, RecordStatus, TargetStatus } from '../../../src/domain/job.ts';
import { DEFAULT_PROGRAMME } from '../../../src/domain/programme.ts';
import type { RecordTask, RelayTask } from '../../../src/domain/task.ts';
import { recordView, relayView } from '../../../src/domain/task-view.ts';

const base = {
  taskId: 'abcdefghijklmnop',
  appId: 1_400_000_001,
  room: { kind: 'number', value: 1001 },
  createdAt: 1000,
  source: { type: 'mix', mixTaskId: 'abcdefghijklmnop', programme: DEFAULT_PROGRAMME },
  streamId: '1400000001_1001_mix_abcdefgh_main',
  maxIdleSeconds: 30,
  revision: 1,
  endedAt: null,
  endReason: null,
  agentUserId: 'mix_abcdefgh',
} as const;

const relay: RelayTask = {
  ...base,
  kind: 'relay',
  targets: [
    { id: 't1', sealedUrl: 'v1.x', shownUrl: 'rtmp://a/live/****' },
    { id: 't2', sealedUrl: 'v1.y', shownUrl: 'rtmp://b/live/****' },
  ],
  retryNonce: {},
};
const single: RelayTask = { ...relay, source: { type: 'single', userId: 'ann', stream: 'main' } };
const record: RecordTask = { ...base, kind: 'record', formats: ['mp4'], startAt: null, durationMs: null };

const mix = (state: MixStatus['state']): MixStatus => ({
  kind: 'mix',
  state,
  pid: 1,
  inputs: [],
  framesOut: 0,
  framesDropped: 0,
  lateTicks: 0,
  overloaded: null,
  encoderStarts: 1,
  publisherStarts: 1,
  cpuSeconds: 0,
  rssBytes: 0,
});

const live: TargetStatus = {
  targetId: 't1',
  url: 'rtmp://a/live/****',
  state: 'live',
  attempt: 1,
  nextRetryAt: null,
  lastError: null,
  bytes: 500,
  lagMs: 3,
  droppedFrames: 7,
  connectedAt: 1,
  sessions: 2,
  kbps: 2500,
  takenBy: 'peer',
  onAirMs: 9000,
  warnings: ['too slow'],
};
const push = (source: PushStatus['source']): PushStatus => ({ kind: 'push', source, targets: [live] });

describe('the state of a relay', () => {
  const cases: [string, RelayTask, MixStatus | null, PushStatus | null, boolean, string][] = [
    ['nobody publishes and nothing runs', relay, null, null, false, 'waiting'],
    ['somebody publishes and nothing runs yet', relay, null, null, true, 'starting'],
    ['the mix is still starting', relay, mix('starting'), push('waiting'), true, 'starting'],
    ['the mix restarts', relay, mix('restarting'), push('flowing'), true, 'starting'],
    ['the mix runs and packets flow', relay, mix('running'), push('flowing'), true, 'running'],
    ['the slate is on the air in an empty room', relay, mix('running'), push('flowing'), false, 'running'],
    ['one stream is copied', single, null, push('flowing'), true, 'running'],
    ['the copied user is not there', single, null, push('waiting'), false, 'waiting'],
    ['it ended and its push still closes', { ...relay, endedAt: 5 }, null, push('flowing'), true, 'stopping'],
    ['it ended and nothing is left', { ...relay, endedAt: 5 }, mix('running'), null, true, 'ended'],
  ];
  it.each(cases)('when %s', (_when, task, mixStatus, pushStatus, hasPublisher, state) => {
    expect(relayView(task, { mix: mixStatus, push: pushStatus, hasPublisher }).state).toBe(state);
  });
});

describe('the targets of a relay', () => {
  it('show what the workers report, and idle where nobody reports yet', () => {
    const view = relayView(relay, { mix: mix('running'), push: push('flowing'), hasPublisher: true });
    expect(view).toEqual({
      taskId: relay.taskId,
      auto: false,
      room: 1001,
      state: 'running',
      streamId: relay.streamId,
      targets: [
        {
          url: 'rtmp://a/live/****',
          state: 'live',
          attempt: 1,
          nextRetryAt: null,
          lastError: null,
          bytes: 500,
          id: 't1',
          kbps: 2500,
          takenBy: 'peer',
          lagMs: 3,
          droppedFrames: 7,
          reconnects: 1,
          onAirMs: 9000,
          warnings: ['too slow'],
        },
        {
          url: 'rtmp://b/live/****',
          state: 'idle',
          attempt: 0,
          nextRetryAt: null,
          lastError: null,
          bytes: 0,
          id: 't2',
          kbps: 0,
          takenBy: null,
          lagMs: 0,
          droppedFrames: 0,
          reconnects: 0,
          onAirMs: 0,
          warnings: [],
        },
      ],
    });
  });

  it('are stopped once the relay has ended', () => {
    const view = relayView({ ...relay, endedAt: 5 }, { mix: null, push: null, hasPublisher: true });
    expect(view.targets.map((target) => target.state)).toEqual(['stopped', 'stopped']);
  });

  it('keep integer and string rooms apart', () => {
    const facts = { mix: null, push: null, hasPublisher: false };
    expect(relayView({ ...relay, room: { kind: 'string', value: '1001' } }, facts).room).toBe('1001');
  });
});

describe('the state of a recording', () => {
  const status = (state: RecordStatus['state']): RecordStatus => ({
    kind: 'record',
    state,
    startedAt: null,
    mediaMs: 0,
    bytes: 0,
    gaps: 0,
  });
  const cases: [string, Partial<RecordTask>, RecordStatus | null, string][] = [
    ['its start lies ahead', { startAt: 20_000 }, null, 'scheduled'],
    ['its start has come', { startAt: 9000 }, null, 'waiting'],
    ['nothing runs yet', {}, null, 'waiting'],
    ['its stream is not on the air', {}, status('waiting'), 'waiting'],
    ['packets are written', {}, status('recording'), 'recording'],
    ['its job closes', {}, status('closing'), 'finalising'],
    ['it ended and its job still runs', { endedAt: 9 }, status('recording'), 'finalising'],
    ['it ended before anything was on the air', { endedAt: 9 }, null, 'ended'],
  ];
  it.each(cases)('when %s', (_when, change, recordStatus, state) => {
    const facts = { record: recordStatus, result: null, nowMs: 10_000 };
    expect(recordView({ ...record, ...change }, facts).state).toBe(state);
  });

  it.each(['finalising', 'ready', 'failed'] as const)('is %s when its result says so', (state) => {
    const file = {
      path: '/data/recordings/x/a.mp4',
      userId: '',
      durationMs: 1000,
      bytes: 10,
      verdict: { playable: true, gaps: 0, secondsLost: 0 },
    };
    const result = { taskId: record.taskId, state, onAirMs: 1000, files: [file], error: null };
    const ended = { ...record, endedAt: 9 };
    const view = recordView(ended, { record: status('recording'), result, nowMs: 10_000 });
    expect(view).toEqual({ taskId: record.taskId, auto: false, room: 1001, state, files: [file] });
  });

  it('is what its job says while it runs, whatever became of an earlier part', () => {
    const result = {
      taskId: record.taskId,
      state: 'finalising',
      onAirMs: 0,
      files: [],
      error: null,
    } as const;
    const view = recordView(record, { record: status('recording'), result, nowMs: 10_000 });
    expect(view.state).toBe('recording');
  });
});

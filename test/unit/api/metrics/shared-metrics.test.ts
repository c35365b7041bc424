import { describe, expect, it } from 'vitest';
import { exposition } from '../../../../src/api/metrics/exposition.ts';
import { type SharedFacts, sharedMetrics } from '../../../../src/api/metrics/shared-metrics.ts';
import type { MixStatus, StoredJobStatus, TargetStatus } from '../../../../src/domain/job.ts';
import { DEFAULT_PROGRAMME } from '../../../../src/domain/programme.ts';
import type { RecordTask, RelayTask } from '../../../../src/domain/task.ts';
import { roomFacts, userFacts } from '../../../support/room-facts.ts';

const base = {
  taskId: 'abcdefghijklmnop',
  appId: 1_400_000_001,
  room: { kind: 'string', value: 'a "quoted" room' },
  createdAt: 1000,
  source: { type: 'mix', mixTaskId: 'abcdefghijklmnop', programme: DEFAULT_PROGRAMME },
  streamId: 's',
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
    { id: 't1', sealedUrl: 'v1.x', shownUrl: 'rtmps://live.test:443/app/****', platform: 'youtube' },
    { id: 't2', sealedUrl: 'v1.y', shownUrl: 'rtmp://[::1]:1936/live/****' },
  ],
  retryNonce: {},
};
const record: RecordTask = {
  ...base,
  taskId: 'ponmlkjihgfedcba',
  kind: 'record',
  formats: ['mp4'],
  startAt: null,
  durationMs: null,
};
const live: TargetStatus = {
  targetId: 't1',
  url: 'rtmps://live.test:443/app/****',
  state: 'degraded',
  attempt: 2,
  nextRetryAt: null,
  lastError: { code: 'stalled', message: 'the server takes nothing any more', at: 1 },
  bytes: 500,
  lagMs: 3250,
  droppedFrames: 7,
  connectedAt: 1,
  sessions: 3,
  kbps: 2000,
  takenBy: 'peer',
  onAirMs: 9500,
  warnings: ['too slow'],
};
const mix: MixStatus = {
  kind: 'mix',
  state: 'running',
  pid: 1,
  inputs: ['live', 'live', 'stalled'].map((state, index) => ({
    streamId: `s${index}`,
    userId: 'u',
    stream: 'main',
    state: state as 'live',
    width: 1,
    height: 1,
    hasAudio: true,
    volume: 0,
  })),
  framesOut: 900,
  framesDropped: 4,
  lateTicks: 5,
  overloaded: { since: 1, droppedShare: 0.1, behindMs: 5, lateTicks: 5 },
  encoderStarts: 1,
  publisherStarts: 1,
  cpuSeconds: 12.5,
  rssBytes: 1e8,
};
const stored = (status: StoredJobStatus['status']) => ({ workerId: 'w', epoch: 1, at: 1, status });
const facts: SharedFacts = {
  tasks: [relay, record],
  statuses: new Map([
    [`push-${relay.taskId}`, stored({ kind: 'push', source: 'flowing', targets: [live] })],
    [`mix-${relay.taskId}`, stored(mix)],
    // Of a task that has ended: its worker was killed and nobody has taken it back yet.
    ['push-aaaaaaaaaaaaaaaa', stored({ kind: 'push', source: 'flowing', targets: [live] })],
  ]),
  rooms: [],
  workers: [],
  callbacks: [],
};
const linesOf = (shared: SharedFacts) => exposition(sharedMetrics(shared)).split('\n');
const T1 = `app="1400000001",task="${relay.taskId}",target="t1",host="live.test",platform="youtube"`;

describe('the metrics of a push', () => {
  it.each([
    ['roomcast_target_sent_bytes_total', 500],
    ['roomcast_target_sent_bytes_per_second', 250_000],
    ['roomcast_target_lag_seconds', 3.25],
    ['roomcast_target_dropped_frames_total', 7],
    ['roomcast_target_reconnects_total', 2],
    ['roomcast_target_on_air_seconds_total', 9.5],
    ['roomcast_target_attempt', 2],
    ['roomcast_target_warnings', 1],
  ])('tell %s in base units', (name, value) => {
    expect(linesOf(facts)).toContain(`${name}{${T1}} ${value}`);
  });

  it('are 1 for the state a target is in and 0 for every other', () => {
    const states = linesOf(facts).filter((line) => line.startsWith(`roomcast_target_state{${T1}`));
    expect(states).toHaveLength(9);
    expect(states.filter((line) => line.endsWith(' 1'))).toEqual([
      `roomcast_target_state{${T1},state="degraded"} 1`,
    ]);
  });

  it('show a target of which no worker tells as idle', () => {
    expect(linesOf(facts)).toContain(
      `roomcast_target_state{app="1400000001",task="${relay.taskId}",target="t2",host="[::1]",platform="custom",state="idle"} 1`,
    );
  });

  it('go with their task, whatever status is left behind', () => {
    const left = linesOf({ ...facts, tasks: [record] });
    expect(linesOf(facts).join()).not.toContain('aaaaaaaaaaaaaaaa');
    expect(left.filter((line) => line.includes('roomcast_target_') || line.includes(relay.taskId))).toEqual([
      // The recording reads the mix of the relay that ended.
      ...left.filter((line) => line.startsWith('roomcast_mix_')),
    ]);
  });

  it('hold no part of a URL but its host', () => {
    const login = {
      ...relay,
      targets: [{ ...relay.targets[0], shownUrl: 'rtmp://annabel:pw@h.test/secret/****' }],
    };
    const text = linesOf({ ...facts, tasks: [login as RelayTask] }).join('\n');
    expect(text).toContain('host="h.test"');
    for (const hidden of ['annabel', 'pw@', 'secret', '****', 'rtmp:']) expect(text).not.toContain(hidden);
  });
});

it('a mix that several tasks share is told of once, with its inputs by state', () => {
  const mixes = linesOf(facts).filter((line) => line.startsWith('roomcast_mix_'));
  const labels = `app="1400000001",task="${relay.taskId}"`;
  expect(mixes).toEqual([
    `roomcast_mix_frames_total{${labels}} 900`,
    `roomcast_mix_dropped_frames_total{${labels}} 4`,
    `roomcast_mix_late_ticks_total{${labels}} 5`,
    `roomcast_mix_overloaded{${labels}} 1`,
    `roomcast_mix_encoder_starts_total{${labels}} 1`,
    `roomcast_mix_cpu_seconds_total{${labels}} 12.5`,
    `roomcast_mix_resident_memory_bytes{${labels}} 100000000`,
    `roomcast_mix_inputs{${labels},state="connecting"} 0`,
    `roomcast_mix_inputs{${labels},state="live"} 2`,
    `roomcast_mix_inputs{${labels},state="stalled"} 1`,
    `roomcast_mix_inputs{${labels},state="placeholder"} 0`,
  ]);
});

it('counts rooms, users and callbacks by app, recordings by state, and names tasks and workers', () => {
  const user = userFacts('u');
  const room = roomFacts({ appId: 0, room: base.room }, [user, user]);
  const worker = {
    workerId: 'w-1',
    machine: 'm',
    cores: 8,
    spareCores: 2.5,
    promisedCores: 0,
    mixes: 3,
    encoders: [],
    ffmpegVersion: '5',
    at: 1,
  };
  const rooms = [
    { ...room, appId: 2 },
    { ...room, appId: 1 },
    { ...room, appId: 2 },
  ];
  const ended = { delivered: 12, 'given-up': 1, dropped: 0 };
  const callbacks = [{ appId: 2, ended, waiting: 3 }];
  expect(linesOf({ ...facts, rooms, workers: [worker], callbacks })).toEqual(
    expect.arrayContaining([
      'roomcast_rooms{app="1"} 1',
      'roomcast_rooms{app="2"} 2',
      'roomcast_users{app="2"} 4',
      'roomcast_recordings{state="waiting"} 1',
      'roomcast_recordings{state="recording"} 0',
      `roomcast_task_info{app="1400000001",task="${relay.taskId}",kind="relay",room="a \\"quoted\\" room"} 1`,
      'roomcast_worker_cores{worker="w-1"} 8',
      'roomcast_worker_spare_cores{worker="w-1"} 2.5',
      'roomcast_worker_mixes{worker="w-1"} 3',
      'roomcast_callbacks_total{app="2",outcome="delivered"} 12',
      'roomcast_callbacks_total{app="2",outcome="given-up"} 1',
      'roomcast_callbacks_waiting{app="2"} 3',
    ]),
  );
});

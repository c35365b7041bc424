import { describe, expect, test } from 'vitest';
import { HLS_LINGER_MS, plan } from '../../../src/domain/plan.ts';
import { DEFAULT_PROGRAMME } from '../../../src/domain/programme.ts';
import {
  copies,
  ENDED,
  type FactChanges,
  facts,
  keys,
  NOW,
  record,
  refs,
  relay,
  room,
  SINGLE,
  table,
  user,
} from '../../support/plan-facts.ts';

interface Row {
  readonly it: string;
  readonly given: FactChanges;
  readonly start?: readonly string[];
  readonly stop?: readonly string[];
  readonly ends?: readonly (readonly [string, string])[];
}

const WANTED: readonly Row[] = [
  { it: 'nothing is wanted without tasks', given: {} },
  {
    it: 'a relay of a mix wants its mix and its push',
    given: { tasks: [relay('a')] },
    start: ['mix-a', 'push-a'],
  },
  {
    it: 'a relay without targets still mixes',
    given: { tasks: [relay('a', { targets: [] })] },
    start: ['mix-a'],
  },
  {
    it: 'a relay of one stream wants only its push',
    given: { tasks: [relay('a', SINGLE)] },
    start: ['push-a'],
  },
  {
    it: 'a relay waits for publishers with its jobs running',
    given: { tasks: [relay('a')], rooms: [] },
    start: ['mix-a', 'push-a'],
  },
  { it: 'a recording of a mix wants both', given: { tasks: [record('r')] }, start: ['mix-r', 'record-r'] },
  {
    it: 'a recording that copies a mix wants no second one',
    given: { tasks: [relay('a'), record('r', copies('a'))] },
    start: ['mix-a', 'push-a', 'record-r'],
  },
  {
    it: 'a mix goes on for a recording after its own task ended',
    given: {
      tasks: [relay('a', ENDED), record('r', copies('a'))],
      queued: refs('mix:a', 'push:a', 'record:r'),
    },
    stop: ['push-a'],
  },
  {
    it: 'a mix ends with the last task that copies it',
    given: {
      tasks: [relay('a', ENDED), record('r', { ...copies('a'), ...ENDED })],
      queued: refs('mix:a', 'record:r'),
    },
    stop: ['mix-a', 'record-r'],
  },
  {
    it: 'what is queued is not started again',
    given: { tasks: [relay('a')], queued: refs('mix:a', 'push:a'), leased: refs('mix:a', 'push:a') },
  },
  {
    it: 'what is leased but lost from the queue is put there again',
    given: { tasks: [relay('a')], queued: refs('push:a'), leased: refs('mix:a', 'push:a') },
    start: ['mix-a'],
  },
  {
    it: 'what is leased but unwanted is stopped, in the queue or not',
    given: { tasks: [], leased: refs('push:a') },
    stop: ['push-a'],
  },
];

const TIMES: readonly Row[] = [
  {
    it: 'a scheduled recording wants nothing before its start',
    given: { tasks: [record('r', { startAt: NOW + 1 })] },
  },
  {
    it: 'a scheduled recording starts at its time, with its mix',
    given: { tasks: [record('r', { startAt: NOW })] },
    start: ['mix-r', 'record-r'],
  },
  {
    it: 'a recording runs until its duration is over',
    given: { tasks: [record('r', { durationMs: 1_001 })], queued: refs('mix:r', 'record:r') },
  },
  {
    it: 'a recording whose duration is over ends as finished, and its jobs at once',
    given: { tasks: [record('r', { durationMs: 1_000 })], queued: refs('mix:r', 'record:r') },
    stop: ['mix-r', 'record-r'],
    ends: [['r', 'finished']],
  },
  {
    it: 'the duration of a scheduled recording counts from its start',
    given: {
      tasks: [record('r', { startAt: NOW - 500, durationMs: 1_000 })],
      queued: refs('mix:r', 'record:r'),
    },
  },
  {
    it: 'a recording that is over does not take away the mix others copy',
    given: {
      tasks: [record('r', { durationMs: 1 }), relay('a', copies('r'))],
      queued: refs('mix:r', 'record:r', 'push:a'),
    },
    stop: ['record-r'],
    ends: [['r', 'finished']],
  },
];

const LOST = user('alice', { lostAt: NOW - 5_000, streams: [] });
const SILENT = user('alice', { streams: [] });
const STUDIO = { kind: 'string', value: 'studio' } as const;
const GUEST = { userId: 'Alice', stream: 'main', room: STUDIO } as const;
const CELL = { x: 0, y: 0, width: 320, height: 180, source: GUEST };
const GUEST_SHOWN = {
  source: {
    type: 'mix',
    mixTaskId: 'a',
    programme: { ...DEFAULT_PROGRAMME, layout: { mode: 'custom', cells: [CELL] } },
  },
} as const;
const idleFor = (ms: number, taskId = 'a') => ({ idleSince: new Map([[taskId, 50_000 - ms]]) });

const IDLE: readonly Row[] = [
  {
    it: 'a task with nobody ends as idle after maxIdleSeconds',
    given: { tasks: [relay('a')], rooms: [], queued: refs('mix:a', 'push:a'), memory: idleFor(30_000) },
    stop: ['mix-a', 'push-a'],
    ends: [['a', 'idle']],
  },
  {
    it: 'a task with nobody goes on until maxIdleSeconds',
    given: { tasks: [relay('a')], rooms: [], queued: refs('mix:a', 'push:a'), memory: idleFor(29_999) },
  },
  {
    it: 'counting begins at the first look',
    given: {
      tasks: [relay('a', { createdAt: NOW - 3_600_000 })],
      rooms: [],
      queued: refs('mix:a', 'push:a'),
    },
  },
  {
    it: 'a publisher ends the counting',
    given: { tasks: [relay('a')], queued: refs('mix:a', 'push:a'), memory: idleFor(60_000) },
  },
  {
    it: 'a user lost a moment ago counts as present',
    given: {
      tasks: [relay('a')],
      rooms: [room([LOST])],
      queued: refs('mix:a', 'push:a'),
      memory: idleFor(60_000),
    },
  },
  {
    it: 'a user without any stream does not count',
    given: {
      tasks: [relay('a')],
      rooms: [room([SILENT])],
      queued: refs('mix:a', 'push:a'),
      memory: idleFor(60_000),
    },
    stop: ['mix-a', 'push-a'],
    ends: [['a', 'idle']],
  },
  {
    it: 'a user of another room that a cell names keeps the mix going',
    given: {
      tasks: [relay('a', GUEST_SHOWN)],
      rooms: [{ ...room([user('alice'), user('bob')]), room: STUDIO }],
      queued: refs('mix:a', 'push:a'),
      memory: idleFor(60_000),
    },
  },
  {
    it: 'others of that room do not',
    given: {
      tasks: [relay('a', GUEST_SHOWN)],
      rooms: [{ ...room([user('bob')]), room: STUDIO }],
      queued: refs('mix:a', 'push:a'),
      memory: idleFor(60_000),
    },
    stop: ['mix-a', 'push-a'],
    ends: [['a', 'idle']],
  },
  {
    it: 'a single source is idle though others publish',
    given: {
      tasks: [relay('a', SINGLE)],
      rooms: [room([user('bob')])],
      queued: refs('push:a'),
      memory: idleFor(60_000),
    },
    stop: ['push-a'],
    ends: [['a', 'idle']],
  },
  {
    it: 'a single source is found however its name is written',
    given: {
      tasks: [relay('a', SINGLE)],
      rooms: [room([user('ALICE')])],
      queued: refs('push:a'),
      memory: idleFor(60_000),
    },
  },
  {
    it: 'a single source is idle when only its other stream is there',
    given: {
      tasks: [relay('a', { source: { type: 'single', userId: 'alice', stream: 'aux' } })],
      queued: refs('push:a'),
      memory: idleFor(60_000),
    },
    stop: ['push-a'],
    ends: [['a', 'idle']],
  },
  {
    it: 'users of another app in a room of the same name do not count',
    given: {
      tasks: [relay('a')],
      rooms: [{ ...room([user('alice')]), appId: 2 }],
      queued: refs('mix:a', 'push:a'),
      memory: idleFor(60_000),
    },
    stop: ['mix-a', 'push-a'],
    ends: [['a', 'idle']],
  },
  {
    it: 'a scheduled recording is not idle before its start',
    given: { tasks: [record('r', { startAt: NOW + 1 })], rooms: [], memory: idleFor(3_600_000, 'r') },
  },
];

const OTHERS: readonly Row[] = [
  {
    it: 'HLS runs while somebody watches',
    given: { hlsWanted: new Map([['s', NOW - HLS_LINGER_MS + 1]]) },
    start: ['hls-s'],
  },
  {
    it: 'HLS ends a minute after its last viewer',
    given: { hlsWanted: new Map([['s', NOW - HLS_LINGER_MS]]), queued: refs('hls:s') },
    stop: ['hls-s'],
  },
  { it: 'a requested job is started', given: { requestedJobs: refs('finalise:r') }, start: ['finalise-r'] },
  {
    it: 'finalising is never stopped',
    given: { tasks: [record('r', ENDED)], queued: refs('finalise:r'), leased: refs('finalise:r') },
  },
];

const ADDS_ONLY: readonly Row[] = [
  {
    it: 'starts what is wanted',
    given: { tasks: [relay('a')] },
    start: ['mix-a', 'push-a'],
  },
  {
    it: 'stops nothing it knows nothing about',
    given: { queued: refs('mix:x', 'push:x', 'hls:s', 'record:y') },
  },
  {
    it: 'stops what is known to have ended',
    given: { tasks: [relay('a', ENDED)], queued: refs('mix:a', 'push:a') },
    stop: ['mix-a', 'push-a'],
  },
  {
    it: 'ends nothing for being idle',
    given: { tasks: [relay('a')], rooms: [], queued: refs('mix:a', 'push:a'), memory: idleFor(60_000) },
  },
  {
    it: 'ends a recording whose duration is over, with its jobs',
    given: { tasks: [record('r', { durationMs: 1 })], queued: refs('mix:r', 'record:r') },
    stop: ['mix-r', 'record-r'],
    ends: [['r', 'finished']],
  },
];

const GROUPS: readonly (readonly [string, readonly Row[], FactChanges])[] = [
  ['wanted jobs', WANTED, {}],
  ['times', TIMES, {}],
  ['idle tasks', IDLE, {}],
  ['other jobs', OTHERS, {}],
  ['adds only', ADDS_ONLY, { addsOnly: true }],
];

for (const [name, rows, common] of GROUPS) {
  describe(name, () => {
    test.each(rows)('$it', ({ given, start = [], stop = [], ends = [] }) => {
      const result = plan(facts({ ...given, ...common }));
      expect(keys(result.start)).toEqual(start);
      expect(keys(result.stop)).toEqual(stop);
      expect(result.endTasks.map((end) => [end.taskId, end.reason])).toEqual(ends);
    });
  });
}

test('idle time is counted from plan to plan, and anew after somebody was there', () => {
  const given = facts({ tasks: [relay('a')], rooms: [] });
  const first = plan(given);
  const later = plan({ ...given, monotonicMs: 79_999, memory: first.memory });
  expect(later.endTasks).toEqual([]);
  const between = plan({
    ...given,
    rooms: table([room([user('alice')])]),
    monotonicMs: 79_999,
    memory: later.memory,
  });
  expect(between.memory.idleSince.size).toBe(0);
  expect(plan({ ...given, monotonicMs: 80_000, memory: later.memory }).endTasks).toHaveLength(1);
  expect(plan({ ...given, monotonicMs: 80_000, memory: between.memory }).endTasks).toEqual([]);
});

test('a clock that is set changes no idle time', () => {
  const given = facts({ tasks: [relay('a')], rooms: [] });
  const { memory } = plan(given);
  const set = plan({ ...given, nowMs: NOW + 3_600_000, monotonicMs: 51_000, memory });
  expect(set.endTasks).toEqual([]);
});

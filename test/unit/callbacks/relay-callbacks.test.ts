import { expect, it } from 'vitest';
import { createRelayCallbacks, tellRelayEnds } from '../../../src/callbacks/relay-callbacks.ts';
import type { CallbackEvent } from '../../../src/domain/callback/callback.ts';
import type { PushStatus, TargetState } from '../../../src/domain/job.ts';
import { handedOver } from '../../../src/domain/push/hand-over.ts';
import type { RelayTask } from '../../../src/domain/task.ts';

const URL = 'rtmp://a/live/****';
const task: Pick<RelayTask, 'appId' | 'room' | 'taskId' | 'agentUserId' | 'targets'> = {
  appId: 1_400_000_001,
  room: { kind: 'number', value: 1001 },
  taskId: 'abcdefghijklmnop',
  agentUserId: 'mix_abcdefgh',
  targets: [{ id: 't', sealedUrl: 'v1.x', shownUrl: URL }],
};

function told(options: { task?: typeof task; leftBehind?: PushStatus | null } = {}) {
  const sent: CallbackEvent[] = [];
  let nowMs = 1000;
  const callbacks = createRelayCallbacks({
    task,
    leftBehind: null,
    ...options,
    send: (event) => sent.push(event),
    now: () => nowMs,
  });
  const move = (to: TargetState, targetId = 't', message: string | null = null) => {
    const error = message === null ? null : { code: 'key-refused', message, at: 1 };
    callbacks.changed({ targetId, url: URL, to, error });
  };
  const wait = (ms: number) => {
    nowMs += ms;
    callbacks.tick();
  };
  const statuses = () => sent.map(({ info }) => (info['Payload'] as { readonly Status: number }).Status);
  return { sent, move, wait, statuses };
}

const left = (state: TargetState, targetId = 't'): PushStatus => ({
  kind: 'push',
  source: 'flowing',
  targets: [
    {
      targetId,
      url: URL,
      state,
      attempt: 0,
      nextRetryAt: null,
      lastError: null,
      bytes: 0,
      lagMs: 0,
      droppedFrames: 0,
      kbps: 0,
      takenBy: null,
      connectedAt: 1,
      sessions: 1,
      onAirMs: 1,
      warnings: [],
    },
  ],
});

it('a refusal is a 401 as TRTC has it, its key hidden', () => {
  const { sent, move } = told();
  move('connecting');
  move('refused', 't', 'the server refuses this stream key');
  expect(sent[1]).toEqual({
    appId: 1_400_000_001,
    lane: 'abcdefghijklmnop',
    group: 4,
    type: 401,
    info: {
      RoomId: 1001,
      RoomType: 0,
      EventMsTs: 1001,
      UserId: 'mix_abcdefgh',
      TaskId: 'abcdefghijklmnop',
      Payload: { Url: URL, Status: 4, ErrorCode: 22, ErrorMsg: 'the server refuses this stream key' },
    },
  });
});

it('a string room is one', () => {
  const { sent, move } = told({ task: { ...task, room: { kind: 'string', value: '1001' } } });
  move('connecting');
  expect(sent[0]?.info).toMatchObject({ RoomId: '1001', RoomType: 1 });
});

it('events of a URL can be sorted by their time, however fast they come', () => {
  const { sent, move } = told();
  for (const state of ['connecting', 'live', 'backing-off', 'live', 'stopped'] as const) move(state);
  const times = sent.map(({ info }) => Number(info['EventMsTs']));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(new Set(times).size).toBe(6);
});

it('each URL has a stream of events of its own', () => {
  const { sent, move, wait } = told();
  move('connecting', 'a');
  wait(3000);
  move('connecting', 'b');
  wait(2000);
  wait(3000);
  expect(sent).toHaveLength(4);
});

it('a target of a worker that died is recovering, not new', () => {
  const { statuses, move } = told({ leftBehind: left('live') });
  move('connecting');
  move('live');
  expect(statuses()).toEqual([3, 2]);
});

it('a target that went from its task while no worker ran it is told to have ended', () => {
  const { statuses, wait } = told({ leftBehind: left('backing-off', 'gone') });
  wait(60_000);
  expect(statuses()).toEqual([5, 0]);
});

it('nothing is told again of a target that is gone', () => {
  const { statuses, move, wait } = told();
  move('connecting');
  move('stopped');
  wait(10_000);
  expect(statuses()).toEqual([1, 5, 0]);
});

it('a target that was on the air at a worker that handed it over recovers, one that never was goes on connecting', () => {
  const { statuses, move } = told();
  move('connecting');
  move('live');
  move('backing-off');
  expect(statuses()).toEqual([1, 2, 3]);
  const next = told({ leftBehind: handedOver(left('live')) });
  next.wait(0);
  next.move('connecting');
  next.move('live');
  expect(next.statuses()).toEqual([2]);
  const status = left('connecting');
  const never = { ...status, targets: status.targets.map((target) => ({ ...target, sessions: 0 })) };
  const other = told({ leftBehind: handedOver(never) });
  other.move('connecting');
  other.wait(5000);
  other.move('live');
  expect(other.statuses()).toEqual([1, 2]);
});

it.each([
  ['live', [5, 0]],
  ['degraded', [5, 0]],
  ['backing-off', [5, 0]],
  ['connecting', [5, 0]],
  ['refused', []],
  ['failed', []],
  ['paused', []],
] as const)(
  'a relay that ended while its worker was dead, its target last %s, is told as %j',
  async (state, ends) => {
    const sent: CallbackEvent[] = [];
    const ended = { ...task, kind: 'relay', endedAt: 5 } as RelayTask;
    const others = [
      { ...ended, taskId: 'running', endedAt: null },
      { ...ended, taskId: 'unknown' },
    ];
    const stored = (status: PushStatus) => ({ workerId: 'w', epoch: 1, at: 1, status });
    await tellRelayEnds({
      left: new Map([
        [`push-${task.taskId}`, stored(left(state))],
        ['push-running', stored(left('live'))],
        ['push-gone', stored(left('live'))],
      ]),
      getTasks: async () => [ended, ...others],
      send: (event) => sent.push(event),
      now: () => 7,
    });
    expect(sent.map(({ info }) => info['Payload'])).toMatchObject(
      ends.map((Status) => ({ Status, Url: URL })),
    );
  },
);

import { expect, it } from 'vitest';
import { createPushEvents } from '../../../jobs/push-events.ts';
import type { TargetStatus } from '../../../src/domain/job.ts';
import type { PushEvent } from '../../../src/domain/task-event.ts';

const URL = 'rtmp://a/live/****';

function told() {
  const events: PushEvent[] = [];
  let nowMs = 1000;
  const push = createPushEvents({ emit: (event) => events.push(event), now: () => nowMs });
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { events, push, pass };
}

function target(warnings: readonly string[], targetId = 't'): TargetStatus {
  return {
    targetId,
    url: URL,
    state: 'live',
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
    warnings,
  };
}

it('tells a change of state with its cause and when it goes on', () => {
  const { events, push } = told();
  const base = { targetId: 't', url: URL, from: 'live', attempt: 1, nextRetryAt: 5000 } as const;
  push.changed({ ...base, to: 'backing-off', error: { code: 'stalled', message: 'takes nothing', at: 7 } });
  const error = { code: 'stalled', message: 'takes nothing' };
  expect(events).toEqual([{ type: 'push-state', ...base, to: 'backing-off', error, at: 1000 }]);
});

it('tells when something breaks a limit and when nothing does any more, not what stays', () => {
  const { events, push, pass } = told();
  for (const warnings of [[], ['too fast'], ['too fast'], []]) {
    push.look([target(warnings)]);
    pass(10_000);
  }
  expect(events).toEqual([
    { type: 'push-warning', targetId: 't', url: URL, warnings: ['too fast'], at: 11_000 },
    { type: 'push-warning', targetId: 't', url: URL, warnings: [], at: 31_000 },
  ]);
});

it('tells of a stream at its limit every 10 s at most, and in the end how it stands', () => {
  const { events, push, pass } = told();
  for (let second = 0; second < 60; second += 1) {
    push.look([target(second % 2 === 0 ? ['too fast'] : [])]);
    pass(1000);
  }
  for (let second = 0; second < 20; second += 1) {
    push.look([target(['for good'])]);
    pass(1000);
  }
  expect(events.length).toBeLessThanOrEqual(8);
  expect(events.at(-1)).toMatchObject({ warnings: ['for good'] });
});

it('forgets a target that is gone', () => {
  const { events, push, pass } = told();
  push.look([target(['too fast'])]);
  push.look([]);
  pass(1000);
  push.look([target(['too fast'])]);
  expect(events).toHaveLength(2);
});

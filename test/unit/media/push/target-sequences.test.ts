import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ErrorCode } from '../../../../src/domain/errors.ts';
import { TARGET_STATES, type TargetState } from '../../../../src/domain/job.ts';
import { retryClass } from '../../../../src/domain/push/retry-policy.ts';
import { seededWhole } from '../../../support/random.ts';
import {
  fail,
  lag,
  look,
  nextAttempt,
  openTarget,
  SPEC,
  settle,
  stream,
  type TargetRig,
} from '../../../support/target-rig.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const CODES: readonly ErrorCode[] = [
  'connection-refused',
  'timeout',
  'tls-failed',
  'handshake-failed',
  'closed-by-peer',
  'key-refused',
  'app-refused',
  'login-refused',
  'name-not-found',
];

describe('a push target through any sequence of events', () => {
  /** With a session or an attempt. */
  const RUNNING: ReadonlySet<TargetState> = new Set(['connecting', 'live', 'degraded']);

  const seen = new Set<TargetState>();

  async function refuseThrice(one: TargetRig): Promise<void> {
    for (let n = 0; n < 3; n += 1) {
      await fail(one, 'login-refused');
      await nextAttempt(one);
    }
  }

  function inspect(one: TargetRig): void {
    const { state, nextRetryAt, lastError } = one.target.status();
    const held = one.running().length + one.open().length;
    expect(held).toBeLessThanOrEqual(1);
    if (!RUNNING.has(state)) expect(held).toBe(0);
    expect(nextRetryAt !== null).toBe(state === 'backing-off');
    expect(state).not.toBe('failed');
    if (state === 'refused') expect(retryClass(lastError?.code as ErrorCode)).toBe('refused');
    expect(vi.getTimerCount()).toBe(state === 'backing-off' ? 1 : 0);
    expect(one.changes.slice(1).map(({ from }) => from)).toEqual(
      one.changes.slice(0, -1).map(({ to }) => to),
    );
  }

  it.each(Array.from({ length: 40 }, (_, seed) => seed))('holds its promises (%i)', async (seed) => {
    const whole = seededWhole(seed);
    const one = openTarget({ ...SPEC, proved: whole(2) === 0 });
    const code = () => CODES[whole(CODES.length)] ?? 'timeout';
    const events: (() => unknown)[] = [
      () => one.target.sourceUp(),
      () => whole(3) === 0 && one.target.sourceAway(),
      () => one.running()[0]?.accept(),
      () => one.running()[0]?.accept(),
      () => one.running()[0]?.refuse(code()),
      () => one.open()[0]?.end({ code: code(), message: 'as the test wants' }),
      () => stream(one, whole(6)),
      () => lag(one, 5),
      () => refuseThrice(one),
      () => one.open().map((peer) => (peer.written += 5_000_000)) && look(one.target, 7),
      () => one.target.retryNow(),
      () => one.target.update({ ...SPEC, paused: whole(2) === 0 }),
      () => one.target.streamStarted(),
      () => vi.advanceTimersByTime(whole(40_000)),
    ];
    for (let n = 0; n < 150; n += 1) {
      await events[whole(events.length)]?.();
      await settle();
      inspect(one);
    }
    await one.target.close();
    await settle();
    for (const { to } of one.changes) seen.add(to);
    expect([one.state(), vi.getTimerCount(), one.running().length, one.open().length]).toEqual([
      'stopped',
      0,
      0,
      0,
    ]);
    one.target.sourceUp();
    one.target.retryNow();
    one.target.update(SPEC);
    vi.advanceTimersByTime(100_000);
    await settle();
    expect([one.state(), one.running().length]).toEqual(['stopped', 0]);
  });

  it('has been in every state but that of a rule which allows no more attempts', () => {
    expect(TARGET_STATES.filter((state) => !seen.has(state))).toEqual(['failed']);
  });
});

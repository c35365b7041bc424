import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../../src/domain/errors.ts';
import {
  DEFAULT_RETRY,
  planRetry,
  type RetryPolicy,
  retryClass,
  retryPauseMs,
} from '../../../../src/domain/push/retry-policy.ts';

describe('retries', () => {
  it('wait 1, 2, 4 ... 30 s, a fifth up or down', () => {
    const rule = DEFAULT_RETRY.network;
    expect([1, 2, 3, 4, 5, 6, 7, 5000].map((failures) => retryPauseMs(rule, failures, 0.5))).toEqual([
      1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000,
    ]);
    expect(
      [[1, 0] as const, [1, 1] as const, [9, 1] as const].map(([n, r]) => retryPauseMs(rule, n, r)),
    ).toEqual([800, 1200, 36_000]);
  });

  it('follow the rule of the network for trouble on the way, that of refusals when the server says no', () => {
    const refusals = ['app-refused', 'key-refused', 'login-refused', 'certificate-refused'] as const;
    expect(refusals.map(retryClass)).toEqual(refusals.map(() => 'refused'));
    const trouble = [
      'name-not-found',
      'connection-refused',
      'unreachable',
      'timeout',
      'tls-failed',
      'handshake-failed',
      'closed-by-peer',
      'stalled',
      'too-slow',
    ] as const;
    expect(trouble.map(retryClass)).toEqual(trouble.map(() => 'network'));
    expect(DEFAULT_RETRY.network.attempts).toBeNull();
  });
});

describe('what follows a failure', () => {
  const plan = (code: ErrorCode, failures: number, isProved = false, policy: RetryPolicy = DEFAULT_RETRY) => {
    const next = planRetry(policy, { code, failures, isProved }, 0.5);
    return next.next === 'wait' ? next.pauseMs : next.next;
  };

  it('is another attempt, without end, after network trouble', () => {
    expect([0, 1, 2, 3, 1000].map((failures) => plan('connection-refused', failures))).toEqual([
      1000, 1000, 2000, 4000, 30_000,
    ]);
  });

  it('is the end after the third refusal', () => {
    expect([1, 2, 3].map((failures) => plan('key-refused', failures))).toEqual([1000, 2000, 'refused']);
    expect(plan('login-refused', 3)).toBe('refused');
  });

  it('is the end at once for a URL that is none, whatever was before', () => {
    expect(plan('bad-request', 0, true)).toBe('refused');
  });

  it('is asking again and again while the server may hold a lost session of ours', () => {
    expect([1, 3, 50].map((failures) => plan('key-refused', failures, true))).toEqual([1000, 2000, 2000]);
    expect(plan('app-refused', 9, true)).toBe(2000);
    // A held session is no reason to refuse a login or to show another certificate.
    expect(plan('login-refused', 3, true)).toBe('refused');
    expect(plan('certificate-refused', 3, true)).toBe('refused');
  });

  it('obeys the rules of the target', () => {
    const policy: RetryPolicy = {
      network: { firstSeconds: 2, maxSeconds: 5, attempts: 3 },
      refused: { firstSeconds: 7, maxSeconds: 7, attempts: null },
    };
    expect([1, 2, 3].map((failures) => plan('unreachable', failures, false, policy))).toEqual([
      2000,
      4000,
      'failed',
    ]);
    expect(plan('unreachable', 3, true, policy)).toBe('failed');
    expect(plan('key-refused', 1000, false, policy)).toBe(7000);
    const once = { ...policy, refused: { ...policy.refused, attempts: 1 } };
    expect(plan('app-refused', 1, false, once)).toBe('refused');
  });
});

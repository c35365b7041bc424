import { describe, expect, it } from 'vitest';
import { DEFAULT_RETRY, retryClass, retryPauseMs } from '../../../../src/domain/push/retry-policy.ts';

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

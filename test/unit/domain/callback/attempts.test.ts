import { expect, it } from 'vitest';
import { type Attempts, nextAttemptAt } from '../../../../src/domain/callback/attempts.ts';

/** Starts of all attempts, each of which fails after so many ms. */
function startsOf(takesMs: number): number[] {
  const starts: number[] = [];
  let attempts: Attempts = { firstAt: 1000, lastAt: 1000, count: 0 };
  for (let at: number | null = 1000; at !== null; ) {
    starts.push(at - 1000);
    attempts = { ...attempts, lastAt: at, count: attempts.count + 1 };
    at = nextAttemptAt(attempts, at + takesMs);
  }
  return starts;
}

it.each([
  ['fails at once', 0, [0, 0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000]],
  ['gets no answer', 5000, [0, 5000, 15_000, 25_000, 35_000, 45_000, 55_000]],
])('a callback that %s is tried again at once, then every 10 s, for a minute', (_how, takesMs, starts) => {
  expect(startsOf(takesMs)).toEqual(starts);
});

it('who was kept from trying for longer than a minute gives up', () => {
  expect(nextAttemptAt({ firstAt: 0, lastAt: 10_000, count: 3 }, 60_001)).toBeNull();
});

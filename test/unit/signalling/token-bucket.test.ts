import { describe, expect, it } from 'vitest';
import { takeToken } from '../../../src/signalling/token-bucket.ts';

const RATE = { perSecond: 20, burst: 100 };

function takenOf(count: number, everyMs: number): number {
  const bucket = { tokens: RATE.burst, atMs: 0 };
  let taken = 0;
  for (let n = 0; n < count; n += 1) if (takeToken(bucket, n * everyMs, RATE)) taken += 1;
  return taken;
}

describe('a token bucket', () => {
  it('allows a burst at one moment and not one more', () => {
    expect(takenOf(500, 0)).toBe(100);
  });

  it('allows its rate for ever', () => {
    expect(takenOf(10_000, 50)).toBe(10_000);
  });

  it('allows the burst and then its rate of a thousand a second', () => {
    expect(takenOf(10_000, 1)).toBeGreaterThanOrEqual(298);
    expect(takenOf(10_000, 1)).toBeLessThanOrEqual(300);
  });

  it('gains nothing by a clock that goes back', () => {
    const bucket = { tokens: 0, atMs: 1000 };
    expect(takeToken(bucket, 0, RATE)).toBe(false);
    expect(takeToken(bucket, 50, RATE)).toBe(true);
  });
});

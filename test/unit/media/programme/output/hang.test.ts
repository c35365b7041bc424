import { describe, expect, it } from 'vitest';
import { HangDetector } from '../../../../../src/media/programme/output/hang.ts';

const TICK_MS = 33;

/** Ticks until `untilMs`; when it was first said to hang, or null. */
function firstHang(cpuAt: (ms: number) => number, untilMs: number, lastOutputAt = 0, isFed = true) {
  let nowMs = 0;
  const detector = new HangDetector(() => cpuAt(nowMs));
  for (; nowMs <= untilMs; nowMs += TICK_MS) {
    if (detector.hangs({ nowMs, isFed, lastOutputAt })) return nowMs;
  }
  return null;
}

describe('an encoder without output', () => {
  it('hangs when its CPU time stands still', () => {
    const at = firstHang(() => 1.5, 10_000);
    expect(at).toBeGreaterThan(5000);
    expect(at).toBeLessThan(5500);
  });

  it('is only slow while its CPU time moves, however little, for half a minute', () => {
    const at = firstHang((ms) => Math.floor(ms / 1500) / 100, 60_000);
    expect(at).toBeGreaterThan(30_000);
    expect(at).toBeLessThan(30_100);
  });

  it('does not hang when there is nothing to encode', () => {
    expect(firstHang(() => 1.5, 60_000, 0, false)).toBeNull();
  });

  it('is judged afresh after each output', () => {
    let cpu = 0;
    const detector = new HangDetector(() => cpu);
    expect(detector.hangs({ nowMs: 3100, isFed: true, lastOutputAt: 0 })).toBe(false);
    expect(detector.hangs({ nowMs: 3200, isFed: true, lastOutputAt: 3150 })).toBe(false);
    cpu = 0;
    expect(detector.hangs({ nowMs: 6300, isFed: true, lastOutputAt: 3150 })).toBe(false);
    expect(detector.hangs({ nowMs: 8400, isFed: true, lastOutputAt: 3150 })).toBe(true);
  });
});

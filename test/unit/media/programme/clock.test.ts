import { describe, expect, test } from 'vitest';
import {
  createProgrammeClock,
  MAX_TICK_SAMPLES,
  type ProgrammeClock,
  type Tick,
} from '../../../../src/media/programme/clock.ts';

describe('clock', () => {
  /** Ticks until one is due at or after `ms`. */
  function ticksUntil(clock: ProgrammeClock, ms: number): Tick[] {
    const ticks: Tick[] = [];
    while (clock.upcomingMs < ms - 1e-6) ticks.push(clock.next());
    return ticks;
  }

  test('pictures are due on the grid and counted once', () => {
    const clock = createProgrammeClock({ fps: 30, startMs: 1000 });
    expect(clock.ticksDue(999)).toBe(0);
    expect(clock.ticksDue(1000)).toBe(1);
    expect(clock.next()).toEqual({ dueMs: 1000, soundMs: 1000, frame: 0, firstSample: 0, endSample: 1600 });
    expect(clock.ticksDue(1033)).toBe(0);
    expect(clock.upcomingMs).toBeCloseTo(1033.333);
    expect(clock.ticksDue(1100)).toBe(3);
  });

  test.each([24, 25, 30, 50, 60, 29, 15, 7, 1])(
    'the samples of %i frames a second join and add up exactly over an hour',
    (fps) => {
      const clock = createProgrammeClock({ fps, startMs: 0 });
      const ticks = ticksUntil(clock, 3600_000);
      expect(ticks.at(-1)?.endSample).toBe(48_000 * 3600);
      expect(ticks.every((tick, at) => tick.firstSample === (ticks[at - 1]?.endSample ?? 0))).toBe(true);
      expect(ticks.filter((tick) => tick.frame !== null)).toHaveLength(fps * 3600);
      expect(Math.max(...ticks.slice(0, 500).map((tick) => tick.endSample - tick.firstSample))).toBeLessThan(
        1930,
      );
    },
  );

  test.each([
    [15, [0, null, 1, null, 2]],
    [8, [0, null, null, null, 1]],
    [30, [0, 1, 2, 3, 4]],
    [null, [null, null, null, null, null]],
  ] as const)(
    'at %s frames a second sound is mixed between the pictures where these are rare',
    (fps, frames) => {
      const clock = createProgrammeClock({ fps, startMs: 0 });
      expect(frames.map(() => clock.next().frame)).toEqual(frames);
    },
  );

  test('another rate goes on with the sound where it was, on the grid of that rate', () => {
    const rates = [30, 25, 60, 7, null, 24, 1, 30, 50];
    const clock = createProgrammeClock({ fps: 30, startMs: 500 });
    let end = 0;
    let last = 0;
    for (const [at, fps] of rates.entries()) {
      clock.setFps(fps);
      for (const tick of ticksUntil(clock, 500 + 1111 * (at + 1))) {
        expect(tick.firstSample).toBe(end);
        expect(tick.endSample - tick.firstSample).toBeLessThanOrEqual(MAX_TICK_SAMPLES);
        expect(tick.dueMs).toBeGreaterThanOrEqual(last);
        if (tick.frame !== null && fps !== null)
          expect(tick.dueMs).toBeCloseTo(500 + (tick.frame * 1000) / fps, 6);
        end = tick.endSample;
        last = tick.dueMs;
      }
    }
  });

  test('a short pause is caught up with, a suspended machine is skipped', () => {
    const clock = createProgrammeClock({ fps: 25, startMs: 0 });
    expect(clock.skipAhead(9000)).toBe(0);
    expect(clock.ticksDue(9000)).toBe(226);
    expect(clock.skipAhead(60_000)).toBe(1500);
    expect(clock.ticksDue(60_000)).toBe(1);
  });
});

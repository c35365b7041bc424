import { describe, expect, test } from 'vitest';
import { createAnchor } from '../../../../src/media/programme/anchor.ts';
import { createCanvasPool } from '../../../../src/media/programme/canvas-pool.ts';
import {
  createProgrammeClock,
  MAX_TICK_SAMPLES,
  type ProgrammeClock,
  type Tick,
} from '../../../../src/media/programme/clock.ts';
import { createPlayout } from '../../../../src/media/programme/playout.ts';
import { createReserve, type Reserve } from '../../../../src/media/programme/reserve.ts';

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

describe('anchor', () => {
  test('is the least delay of the last two seconds', () => {
    const anchor = createAnchor({ toleranceMs: () => 150 });
    expect(anchor.offsetMs).toBeNull();
    anchor.observe(0, 5040);
    anchor.observe(40, 5050);
    anchor.observe(80, 5150);
    expect(anchor.offsetMs).toBe(5010);
    for (let ts = 120; ts <= 2400; ts += 40) anchor.observe(ts, ts + 5060);
    expect(anchor.offsetMs).toBe(5060);
  });

  test('follows a source that is suddenly earlier at once', () => {
    const anchor = createAnchor({ toleranceMs: () => 150 });
    anchor.observe(0, 1000);
    anchor.observe(500, 1100);
    expect(anchor.offsetMs).toBe(600);
  });

  test('is set anew when every packet of a second came too late', () => {
    const anchor = createAnchor({ toleranceMs: () => 150 });
    for (let ts = 0; ts <= 1000; ts += 20) anchor.observe(ts, ts + 100);
    for (let ts = 1020; ts < 1600; ts += 20) anchor.observe(ts, ts + 500);
    expect(anchor.offsetMs).toBe(100);
    for (let ts = 1600; ts <= 2400; ts += 20) anchor.observe(ts, ts + 500);
    expect(anchor.offsetMs).toBe(500);
  });

  test('a burst after a stall ends where it was before', () => {
    const anchor = createAnchor({ toleranceMs: () => 150 });
    for (let ts = 0; ts <= 1000; ts += 20) anchor.observe(ts, ts + 100);
    for (let ts = 1020; ts <= 6000; ts += 20) anchor.observe(ts, 6100);
    expect(anchor.offsetMs).toBe(100);
  });
});

describe('reserve', () => {
  /** One observation each 50 ms; the margin is what it would be without extra delay. */
  function observe(
    reserve: Reserve,
    fromMs: number,
    seconds: number,
    marginAt: (ms: number) => number,
  ): void {
    for (let now = fromMs; now < fromMs + seconds * 1000; now += 50) {
      reserve.observe(marginAt(now - fromMs) + reserve.extraMs, now);
    }
  }
  /** Packets of 400 ms come together: the first of them is that late. */
  const bursts = (ms: number): number => 110 - (400 - (ms % 400));

  test('stays nothing for a steady source, and for one hiccup', () => {
    const reserve = createReserve();
    observe(reserve, 0, 30, (ms) => (ms === 7000 ? -800 : 120));
    expect(reserve.extraMs).toBe(0);
  });

  test('grows at once when even the best of a second is too little', () => {
    const reserve = createReserve();
    observe(reserve, 0, 1.1, () => 10);
    expect(reserve.extraMs).toBe(80);
  });

  test('grows within three seconds to what bursts need, and no further', () => {
    const reserve = createReserve();
    observe(reserve, 0, 3, bursts);
    expect(reserve.extraMs).toBe(380);
    observe(reserve, 3000, 30, (ms) => bursts(ms + 3000));
    expect(reserve.extraMs).toBe(380);
  });

  test('is given back by at most 20 ms a second, ten seconds after the last burst', () => {
    const reserve = createReserve();
    observe(reserve, 0, 4, bursts);
    observe(reserve, 4000, 9, () => 120);
    expect(reserve.extraMs).toBe(380);
    let before = reserve.extraMs;
    for (let second = 0; second < 60; second += 1) {
      observe(reserve, 13_000 + second * 1000, 1, () => 120);
      expect(before - reserve.extraMs).toBeLessThanOrEqual(20);
      before = reserve.extraMs;
    }
    expect(reserve.extraMs).toBeLessThan(60);
  });

  test('a source that paused says nothing until it is in time again', () => {
    const reserve = createReserve();
    observe(reserve, 0, 5, () => 120);
    observe(reserve, 10_000, 1, (ms) => -5000 + ms * 6);
    observe(reserve, 11_000, 12, () => 120);
    expect(reserve.extraMs).toBe(0);
  });

  test('grows to two seconds at most', () => {
    const reserve = createReserve();
    observe(reserve, 0, 60, () => -5000);
    expect(reserve.extraMs).toBe(2000);
  });
});

describe('playout', () => {
  function playoutOf(isSounding: () => boolean) {
    const playout = createPlayout({ delayMs: 150, isSounding });
    for (let ts = 0; ts <= 2000; ts += 20) playout.observe(ts, ts + 1100);
    return playout;
  }

  test('shows what arrived the playout delay ago', () => {
    const playout = playoutOf(() => false);
    expect(playout.at(5000)).toBe(5000 - 1100 - 150);
  });

  test('follows a source that comes earlier at once while it is silent, and slowly while it sounds', () => {
    for (const sounds of [false, true]) {
      const playout = playoutOf(() => sounds);
      playout.at(3100);
      playout.observe(2100, 3100);
      expect(playout.at(3100)).toBe(sounds ? 1850 : 1950);
      expect(playout.at(3200)).toBe(sounds ? 1965 : 2050);
      expect(playout.at(4200)).toBe(3050);
    }
  });

  test('stays slow where sound, somewhere in its tolerance, might not go at once', () => {
    const playout = playoutOf(() => true);
    playout.at(3100);
    playout.observe(2220, 3100);
    expect(playout.at(3100)).toBe(1850);
    expect(playout.at(3200)).toBe(1965);
  });

  test('goes at once where sound would do the same', () => {
    const playout = playoutOf(() => true);
    playout.at(3100);
    playout.observe(2400, 3100);
    expect(playout.at(3100)).toBe(2250);
  });

  test('knows nothing of a new timeline before its first packet', () => {
    const playout = playoutOf(() => true);
    playout.reset();
    expect(playout.at(3100)).toBeNull();
    playout.observe(50_000, 4000);
    expect(playout.at(4100)).toBe(49_950);
  });
});

test('the encoder may be two seconds behind, and what it took longer for is not kept', () => {
  let made = 0;
  const pool = createCanvasPool(() => ({ id: ++made }), { fps: 10, frameBytes: 1000 });
  const taken = Array.from({ length: 20 }, () => pool.take());
  expect(taken.every((canvas) => canvas !== null)).toBe(true);
  expect(pool.take()).toBeNull();
  for (const canvas of taken) if (canvas) pool.giveBack(canvas);
  for (let count = 0; count < 6; count++) pool.take();
  expect(made).toBe(20);
  pool.take();
  expect(made).toBe(21);
});

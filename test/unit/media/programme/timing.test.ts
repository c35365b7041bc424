import { describe, expect, test } from 'vitest';
import { createAnchor } from '../../../../src/media/programme/anchor.ts';
import { createCanvasPool } from '../../../../src/media/programme/canvas-pool.ts';
import { createFrameClock } from '../../../../src/media/programme/clock.ts';
import { createReserve } from '../../../../src/media/programme/reserve.ts';

describe('clock', () => {
  test('frames are due on the grid and counted once', () => {
    const clock = createFrameClock({ fps: 30, startMs: 1000 });
    expect(clock.framesDue(999)).toBe(0);
    expect(clock.framesDue(1000)).toBe(1);
    expect(clock.next()).toBe(0);
    expect(clock.framesDue(1033)).toBe(0);
    expect(clock.dueAt(3)).toBe(1100);
    expect(clock.framesDue(1100)).toBe(3);
  });

  test.each([24, 25, 30, 50, 60, 29])(
    'the samples of %i frames a second add up exactly over a day',
    (fps) => {
      const clock = createFrameClock({ fps, startMs: 0 });
      const day = 86_400;
      expect(clock.firstSample(fps * day)).toBe(48_000 * day);
      const counts = Array.from({ length: fps }, (_, n) => clock.firstSample(n + 1) - clock.firstSample(n));
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    },
  );

  test('a short pause is caught up with, a suspended machine is skipped', () => {
    const clock = createFrameClock({ fps: 10, startMs: 0 });
    expect(clock.skipAhead(9000)).toBe(0);
    expect(clock.framesDue(9000)).toBe(91);
    expect(clock.skipAhead(60_000)).toBe(600);
    expect(clock.framesDue(60_000)).toBe(1);
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
  test('grows when the best of a second is too little and not for one hiccup', () => {
    const reserve = createReserve();
    for (let now = 0; now <= 1000; now += 50) reserve.observe(now === 500 ? -300 : 120, now);
    expect(reserve.extraMs).toBe(0);
    for (let now = 1050; now <= 2100; now += 50) reserve.observe(10, now);
    expect(reserve.extraMs).toBe(80);
  });

  test('is given back by a tenth of the surplus a second and never below nothing', () => {
    const reserve = createReserve();
    for (let now = 0; now <= 1000; now += 100) reserve.observe(80 - 100, now);
    const grown = reserve.extraMs;
    for (let now = 1100; now <= 2000; now += 100) reserve.observe(190, now);
    expect(reserve.extraMs).toBe(grown - 10);
    for (let now = 2100; now <= 30_000; now += 100) reserve.observe(300, now);
    expect(reserve.extraMs).toBe(0);
  });

  test('a source that paused says nothing of its decoder', () => {
    const reserve = createReserve();
    for (let now = 0; now <= 1050; now += 50) reserve.observe(120, now);
    reserve.observe(-3000, 4000);
    for (let now = 4050; now <= 6000; now += 50) reserve.observe(120, now);
    expect(reserve.extraMs).toBe(0);
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

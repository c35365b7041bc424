import { describe, expect, test } from 'vitest';
import { createAnchor } from '../../../../../src/media/programme/input/anchor.ts';
import { createPlayout } from '../../../../../src/media/programme/input/playout.ts';
import { createReserve, type Reserve } from '../../../../../src/media/programme/input/reserve.ts';

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

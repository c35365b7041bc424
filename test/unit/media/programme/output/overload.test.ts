import { describe, expect, test } from 'vitest';
import type { MixEventBody } from '../../../../../src/domain/mix-event.ts';
import { createOverloadGovernor } from '../../../../../src/media/programme/output/overload.ts';
import { seededRandom } from '../../../../support/random.ts';

interface Run {
  /** Numbers of the pictures that were taken. */
  readonly taken: number[];
  /** How far behind the encoder was at each picture. */
  readonly behindMs: number[];
  readonly waiting: number[];
  readonly events: MixEventBody[];
  readonly governor: ReturnType<typeof createOverloadGovernor>;
}

/** An encoder that takes `msPerPicture(at)` for each picture, fed at 30 a second for `seconds`. */
function drive(seconds: number, msPerPicture: (atMs: number) => number, fps = 30): Run {
  const events: MixEventBody[] = [];
  const governor = createOverloadGovernor((event) => events.push(event));
  const queue: number[] = [];
  const run: Run = { taken: [], behindMs: [], waiting: [], events, governor };
  let freeAt = 0;
  for (let frame = 0; frame < seconds * fps; frame++) {
    const nowMs = (frame * 1000) / fps;
    while (queue.length > 0 && freeAt <= nowMs) {
      freeAt = Math.max(freeAt, queue.shift() ?? 0) + msPerPicture(freeAt);
    }
    const behindMs = queue.length > 0 ? nowMs - (queue[0] ?? nowMs) : 0;
    run.behindMs.push(behindMs);
    run.waiting.push(queue.length);
    if (!governor.admits({ nowMs, behindMs, waiting: queue.length })) continue;
    run.taken.push(frame);
    queue.push(nowMs);
  }
  return run;
}

const gaps = (frames: readonly number[]): number[] =>
  frames.slice(1).map((frame, at) => frame - (frames[at] ?? 0));

describe('overload', () => {
  test('an encoder that keeps up, even with hiccups of half a second, loses nothing', () => {
    const run = drive(30, (at) => (at % 5000 < 20 ? 450 : 12));
    expect(run.taken).toHaveLength(900);
    expect(run.governor.status()).toBeNull();
    expect(run.events).toEqual([]);
  });

  test.each([0.9, 0.7, 0.5, 0.34, 0.2])(
    'an encoder that can do %f of them gets that many, evenly',
    (part) => {
      const run = drive(60, () => 1000 / 30 / part);
      const settled = run.taken.filter((frame) => frame > 20 * 30);
      expect(settled.length / 1200).toBeGreaterThan(part * 0.9);
      expect(settled.length / 1200).toBeLessThan(part * 1.03);
      const spacing = gaps(settled);
      const even = 1 / part;
      expect(Math.max(...spacing)).toBeLessThanOrEqual(Math.max(Math.ceil(even) + 1, Math.ceil(even * 1.4)));
      expect(Math.min(...spacing)).toBeGreaterThanOrEqual(Math.max(1, Math.floor(even) - 1));
      expect(Math.max(...run.behindMs.slice(600))).toBeLessThanOrEqual(510);
      expect(run.governor.status()?.droppedShare).toBeCloseTo(1 - part, 1);
    },
  );

  test.each([0.8, 0.5, 0.25])(
    'an encoder that can do %f of them on average, some soon and some late, makes the rate no more uneven than itself',
    (part) => {
      const SECONDS = 60;
      const spreads: number[] = [];
      for (let seed = 1; seed <= 10; seed++) {
        const random = seededRandom(seed);
        const run = drive(SECONDS, () => (1000 / 30 / part) * (0.3 + 1.4 * random()));
        // From the fifth second on: the share has to be found at once, not after a minute of trials.
        const settled = run.taken.filter((frame) => frame >= 5 * 30);
        const inSecond = Array<number>(SECONDS - 5).fill(0);
        for (const frame of settled)
          inSecond[Math.floor(frame / 30) - 5] = (inSecond[Math.floor(frame / 30) - 5] ?? 0) + 1;
        const mean = settled.length / inSecond.length;
        expect(mean / 30).toBeGreaterThan(part * 0.93);
        const variance = inSecond.reduce((sum, count) => sum + (count - mean) ** 2, 0) / inSecond.length;
        spreads.push(Math.sqrt(variance) / mean);
        const spacing = gaps(settled);
        const steps = spacing.slice(1).map((gap, at) => Math.abs(gap - (spacing[at] ?? 0)));
        expect(steps.filter((step) => step <= 1).length / steps.length).toBeGreaterThan(0.95);
      }
      // The encoder's own times spread the pictures of a second by 0.4 of the root of their number.
      const own = 0.4 / Math.sqrt(30 * part);
      expect(spreads.reduce((sum, spread) => sum + spread, 0) / spreads.length).toBeLessThan(own);
    },
  );

  test('whatever the encoder does, as long as it works the backlog is bounded and no eight in a row are left out', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = seededRandom(seed);
      const speeds = Array.from({ length: 40 }, () => 10 + random() * 120);
      const run = drive(60, (at) => speeds[Math.floor(at / 1500) % speeds.length] ?? 30);
      expect(Math.max(...gaps(run.taken))).toBeLessThanOrEqual(8);
      expect(Math.max(...run.waiting)).toBeLessThan(25);
    }
  });

  test('it begins and ends once for one overload, and the share rises without swinging', () => {
    const run = drive(90, (at) => (at > 10_000 && at < 50_000 ? 60 : 10));
    expect(run.events.map((event) => event.type)).toEqual(['overloaded', 'recovered']);
    const late = run.taken.filter((frame) => frame > 75 * 30);
    expect(late).toHaveLength(90 * 30 - 75 * 30 - 1);
    expect(run.governor.status()).toBeNull();
  });

  test('a stall costs pictures only beyond half a second, and is no lasting overload', () => {
    const run = drive(30, (at) => (at > 5000 && at < 5020 ? 1000 : 12));
    const lost = 900 - run.taken.length;
    expect(lost).toBeGreaterThan(5);
    expect(lost).toBeLessThan(45);
    expect(gaps(run.taken.filter((frame) => frame > 8 * 30)).every((gap) => gap === 1)).toBe(true);
  });

  test('late ticks of the clock are in the figures', () => {
    const run = drive(20, () => 60);
    run.governor.late(7);
    run.governor.admits({ nowMs: 20_000, behindMs: 300, waiting: 9 });
    expect(run.governor.status()?.lateTicks).toBe(7);
  });
});

import { describe, expect, test } from 'vitest';
import { createAudioFeed } from '../../../../../src/media/programme/input/audio-feed.ts';
import { createPcmRing } from '../../../../../src/media/programme/input/pcm-ring.ts';

const BLOCK = 1600;

function constant(count: number, value: number): Int16Array {
  return new Int16Array(count * 2).fill(value);
}

/** Sample n of the timeline has the value n / 4, so that places can be told apart. */
function ramp(from: number, count: number): Int16Array {
  return Int16Array.from({ length: count * 2 }, (_, index) => (from + (index >> 1)) / 4);
}

function left(out: Float32Array): number[] {
  return [...out].filter((_, index) => index % 2 === 0);
}

describe('ring', () => {
  test('gives what was written at its place and silence elsewhere', () => {
    const ring = createPcmRing();
    ring.write(100, constant(10, 500));
    const out = new Float32Array(40);
    ring.mix(95, 20, out, 0, 1, 1);
    expect(left(out)).toEqual([...Array(5).fill(0), ...Array(10).fill(500), ...Array(5).fill(0)]);
  });

  test('timestamps rounded to ms join, a real hole is silence of its length', () => {
    const ring = createPcmRing();
    ring.write(48_000, constant(480, 1));
    ring.write(48_500, constant(480, 2));
    expect(ring.end).toBe(48_960);
    ring.write(58_960, constant(480, 3));
    expect(ring.end).toBe(59_440);
    const out = new Float32Array(4);
    ring.mix(55_000, 2, out, 0, 1, 1);
    expect([...out]).toEqual([0, 0, 0, 0]);
  });

  test('a second decoder of the same stream goes on exactly where the first ended', () => {
    const ring = createPcmRing();
    ring.write(0, ramp(0, 960));
    ring.joinExactly();
    ring.write(300, ramp(300, 480));
    expect(ring.end).toBe(960);
    ring.write(780, ramp(780, 480));
    const out = new Float32Array(1260 * 2);
    ring.mix(0, 1260, out, 0, 1, 1);
    expect(left(out)).toEqual(left(Float32Array.from(ramp(0, 1260))));
  });

  test('keeps the last four seconds across its own end', () => {
    const ring = createPcmRing();
    for (let at = 0; at < 48_000 * 9; at += 480) ring.write(at, constant(480, (at / 480) % 100));
    const out = new Float32Array(480 * 2);
    ring.mix(48_000 * 8, 480, out, 0, 1, 1);
    expect(new Set(out)).toEqual(new Set([800 % 100]));
    out.fill(0);
    ring.mix(48_000 * 3, 480, out, 0, 1, 1);
    expect(new Set(out)).toEqual(new Set([0]));
  });
});

describe('feed', () => {
  function blockOf(feed: ReturnType<typeof createAudioFeed>, target: number | null, last = false): number[] {
    const out = new Float32Array(BLOCK * 2);
    feed.mixInto(out, BLOCK, target, last);
    return left(out);
  }

  test('begins with a fade when enough is there, and then gives every sample once', () => {
    const ring = createPcmRing();
    const feed = createAudioFeed(ring);
    ring.write(0, constant(BLOCK, 1000));
    expect(Math.max(...blockOf(feed, 0))).toBe(0);
    ring.write(BLOCK, constant(BLOCK * 6, 1000));
    const first = blockOf(feed, BLOCK);
    expect(first[0]).toBe(0);
    expect(first[240]).toBeCloseTo(500);
    expect(first[480]).toBe(1000);
    expect(new Set(blockOf(feed, BLOCK * 2))).toEqual(new Set([1000]));
  });

  test('fades out where the sound breaks off, is silent, and comes back', () => {
    const ring = createPcmRing();
    const feed = createAudioFeed(ring);
    ring.write(0, constant(BLOCK * 3 + 800, 1000));
    blockOf(feed, 0);
    blockOf(feed, BLOCK);
    blockOf(feed, BLOCK * 2);
    const broken = blockOf(feed, BLOCK * 3);
    expect(broken[300]).toBe(1000);
    expect(broken[560]).toBeCloseTo(500);
    expect(broken.slice(800)).toEqual(Array(800).fill(0));
    expect(feed.isSounding).toBe(false);
    ring.write(BLOCK * 3 + 800, constant(BLOCK * 4, 1000));
    expect(blockOf(feed, BLOCK * 4)[1000]).toBe(1000);
  });

  test('takes out drift in steps of 10 ms and jumps only when far off', () => {
    const ring = createPcmRing();
    const feed = createAudioFeed(ring);
    ring.write(0, ramp(0, 100_000));
    blockOf(feed, 0);
    expect(blockOf(feed, BLOCK + 500)[1000]).toBeCloseTo((BLOCK + 1000) / 4, 0);
    expect(blockOf(feed, BLOCK * 2 + 1000)[1000]).toBeCloseTo((BLOCK * 2 + 480 + 1000) / 4, 0);
    expect(blockOf(feed, BLOCK * 3 - 600)[1000]).toBeCloseTo((BLOCK * 3 + 1000) / 4, 0);
    expect(blockOf(feed, 40_000)[1000]).toBeCloseTo(41_000 / 4, 0);
  });

  test('the last block of a user who left fades to silence', () => {
    const ring = createPcmRing();
    const feed = createAudioFeed(ring);
    ring.write(0, constant(BLOCK * 4, 1000));
    blockOf(feed, 0);
    const last = blockOf(feed, BLOCK, true);
    expect(last[0]).toBe(1000);
    expect(last.slice(480)).toEqual(Array(BLOCK - 480).fill(0));
  });
});

describe('gain', () => {
  function sounding(value: number) {
    const ring = createPcmRing();
    const feed = createAudioFeed(ring);
    ring.write(0, constant(BLOCK * 20, value));
    let at = 0;
    const next = (): number[] => {
      const out = new Float32Array(BLOCK * 2);
      feed.mixInto(out, BLOCK, at, false);
      at += BLOCK;
      return left(out);
    };
    next();
    return { feed, next };
  }

  test('a change takes 15 ms and no two samples differ by more than an even slope', () => {
    const { feed, next } = sounding(10_000);
    feed.gain = 0.25;
    const changed = next();
    const steps = changed.slice(1).map((value, at) => (changed[at] ?? 0) - value);
    expect(Math.max(...steps)).toBeLessThanOrEqual(7500 / 720 + 0.01);
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(0);
    expect(changed[700]).toBeGreaterThan(2500);
    expect(new Set(changed.slice(720))).toEqual(new Set([2500]));
    expect(new Set(next())).toEqual(new Set([2500]));
    feed.gain = 1;
    expect(next()[719]).toBeCloseTo(10_000);
  });

  test('a change of mind in the middle of a change goes on from there', () => {
    const ring = createPcmRing();
    const feed = createAudioFeed(ring);
    ring.write(0, constant(48_000, 10_000));
    const out = new Float32Array(BLOCK * 2);
    feed.mixInto(out, BLOCK, 0, false);
    feed.gain = 0;
    const half = new Float32Array(360 * 2);
    feed.mixInto(half, 360, BLOCK, false);
    expect(left(half).at(-1)).toBeCloseTo(5000);
    feed.gain = 1;
    const rest = new Float32Array(BLOCK * 2);
    feed.mixInto(rest, BLOCK, BLOCK + 360, false);
    expect(left(rest)[0]).toBeCloseTo(5000 + 5000 / 720);
    expect(left(rest)[720]).toBe(10_000);
  });

  test('who is silent begins with the new gain at once', () => {
    const ring = createPcmRing();
    const feed = createAudioFeed(ring);
    feed.gain = 0.5;
    ring.write(0, constant(BLOCK * 4, 10_000));
    const out = new Float32Array(BLOCK * 2);
    feed.mixInto(out, BLOCK, 0, false);
    expect(left(out)[600]).toBe(5000);
  });

  test('the volume is that of the loudest tenth of a second, whatever the gain, and is taken once', () => {
    const { feed, next } = sounding(16_384);
    feed.gain = 0;
    for (let tick = 0; tick < 6; tick += 1) next();
    // Half of full scale, as loud as a sine 3 dB below full scale.
    expect(feed.takeVolume()).toBe(95);
    expect(feed.takeVolume()).toBe(0);
  });

  test('who has no sound has volume 0, and a short word in a quiet second counts', () => {
    const ring = createPcmRing();
    const feed = createAudioFeed(ring);
    const out = new Float32Array(BLOCK * 2);
    for (let tick = 0; tick < 30; tick += 1) feed.mixInto(out, BLOCK, null, false);
    expect(feed.takeVolume()).toBe(0);
    ring.write(0, constant(48_000, 0));
    ring.write(48_000, constant(9600, 16_384));
    ring.write(57_600, constant(48_000, 0));
    for (let at = 0; at < 90_000; at += BLOCK) feed.mixInto(out, BLOCK, at, false);
    expect(feed.takeVolume()).toBeGreaterThan(90);
  });
});

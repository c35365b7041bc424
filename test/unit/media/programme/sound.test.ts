import { describe, expect, test } from 'vitest';
import { createAudioFeed } from '../../../../src/media/programme/audio-feed.ts';
import { createAudioMixer } from '../../../../src/media/programme/audio-mix.ts';
import { createPcmRing } from '../../../../src/media/programme/pcm-ring.ts';

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

describe('mixer', () => {
  function mixed(mixer: ReturnType<typeof createAudioMixer>, values: readonly number[]): Int16Array {
    const room = mixer.begin(100);
    for (const value of values) for (let at = 0; at < room.length; at++) room[at] = (room[at] ?? 0) + value;
    const bytes = mixer.finish();
    return Int16Array.from({ length: 200 }, (_, at) => bytes.readInt16LE(at * 2));
  }

  test('quiet sounds are summed as they are', () => {
    expect(new Set(mixed(createAudioMixer(100), [1000, -300, 50]))).toEqual(new Set([750]));
  });

  test('loud rooms are turned down instead of overflowing, and come back slowly', () => {
    const mixer = createAudioMixer(100);
    const loud = mixed(mixer, [30_000, 30_000, 30_000]);
    expect(Math.max(...loud)).toBeLessThanOrEqual(32_767);
    expect(Math.min(...loud)).toBeGreaterThan(29_000);
    const after = mixed(mixer, [10_000]);
    expect(after[199]).toBeLessThan(5000);
    for (let tick = 0; tick < 60; tick++) mixed(mixer, [10_000]);
    expect(mixed(mixer, [10_000])[199]).toBe(10_000);
  });
});

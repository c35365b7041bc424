import { describe, expect, test } from 'vitest';
import { createAudioFeed } from '../../../../src/media/programme/audio-feed.ts';
import { createAudioMixer } from '../../../../src/media/programme/audio-mix.ts';
import { createPcmRing } from '../../../../src/media/programme/pcm-ring.ts';
import { toneLevel } from '../../../support/media-checks.ts';

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

describe('mixer', () => {
  const TICK = 1600;

  /** The mix of tones of these amplitudes (of full scale) over some ticks; what the mixer holds back is left out. */
  function mixTones(ticks: number, tones: (n: number) => number) {
    const mixer = createAudioMixer(TICK);
    const wanted: number[] = [];
    const out: number[] = [];
    for (let tick = 0; tick < ticks; tick += 1) {
      const room = mixer.begin(TICK);
      for (let at = 0; at < TICK; at += 1) {
        const value = tones(tick * TICK + at);
        wanted.push(Math.fround(value) + 0); // no -0
        room[at * 2] = value;
        room[at * 2 + 1] = value;
      }
      const bytes = mixer.finish();
      for (let at = 0; at < TICK; at += 1) out.push(bytes.readInt16LE(at * 4));
    }
    return { wanted: wanted.slice(0, -mixer.delay), out: out.slice(mixer.delay) };
  }

  const sine = (hz: number, n: number, phase = 0) =>
    32_767 * Math.sin((2 * Math.PI * hz * n) / 48_000 + phase);

  test('quiet sounds are summed to the bit, five milliseconds later', () => {
    const { wanted, out } = mixTones(
      6,
      (n) => Math.round(0.3 * sine(440, n)) + Math.round(0.4 * sine(997, n)),
    );
    expect(out).toEqual(wanted);
  });

  test('ticks of other lengths join without a seam', () => {
    const mixer = createAudioMixer(2000);
    const out: number[] = [];
    let n = 0;
    for (const count of [1600, 801, 1601, 5, 1600]) {
      const room = mixer.begin(count);
      for (let at = 0; at < count; at += 1, n += 1) room.fill(n, at * 2, at * 2 + 2);
      const bytes = mixer.finish();
      expect(bytes.length).toBe(count * 4);
      for (let at = 0; at < count; at += 1) out.push(bytes.readInt16LE(at * 4));
    }
    const { delay } = mixer;
    expect(out).toEqual(Array.from({ length: n }, (_, at) => Math.max(0, at - delay)));
  });

  test('sixteen full-scale tones at once never reach full scale', () => {
    const hz = Array.from({ length: 16 }, (_, at) => 110 * 1.31 ** at);
    const { out } = mixTones(90, (n) => (n < 20_000 ? 0 : hz.reduce((sum, one) => sum + sine(one, n), 0)));
    const peak = out.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(peak).toBeLessThanOrEqual(29_205);
    expect(peak).toBeGreaterThan(28_000);
  });

  test.each([
    [440, 554],
    [50, 70],
    [1000, 1700],
  ])('full-scale tones of %d and %d Hz stay two tones: what is added lies 55 dB below them', (low, high) => {
    const { out } = mixTones(120, (n) => sine(low, n) + sine(high, n, 1));
    const settled = Float32Array.from(out.slice(48_000, 48_000 * 3));
    const levels = [low, high].map((hz) => toneLevel(settled, hz));
    const power = settled.reduce((sum, value) => sum + value * value, 0) / settled.length;
    const rest = power - levels.reduce((sum, level) => sum + level ** 2 / 2, 0);
    expect(10 * Math.log10(rest / power)).toBeLessThan(-55);
    expect((levels[0] ?? 0) / (levels[1] ?? 1)).toBeCloseTo(1, 2);
  });

  test('the gain is down when a sudden peak comes, and comes back within seconds to the bit', () => {
    const { wanted, out } = mixTones(200, (n) =>
      Math.round((n >= 9000 && n < 9100 ? 4 : 0.1) * sine(1000, n)),
    );
    expect(out.slice(0, 8700)).toEqual(wanted.slice(0, 8700));
    expect(Math.max(...out.slice(8990, 9110))).toBeGreaterThan(28_000);
    const steps = out.slice(1, 9000).map((value, at) => Math.abs(value - (out[at] ?? 0)));
    expect(Math.max(...steps)).toBeLessThan(32_767 * 0.1 * ((2 * Math.PI * 1000) / 48_000) + 30);
    expect(out.slice(-48_000)).toEqual(wanted.slice(-48_000));
  });
});

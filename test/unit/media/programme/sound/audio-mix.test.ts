import { describe, expect, test } from 'vitest';
import { createAudioMixer } from '../../../../../src/media/programme/sound/audio-mix.ts';
import { toneLevel } from '../../../../support/media-checks.ts';

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

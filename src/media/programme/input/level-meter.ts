import { CHANNELS, SAMPLE_RATE } from '../clock.ts';

/** How loud a sound gets: the RMS of its loudest tenth of a second. */
export interface LevelMeter {
  /** `power` is the sum of the squares of `count` s16 samples of every channel. */
  add(power: number, count: number): void;
  /** The loudest since the last call, 1 for samples at full scale; begins anew. */
  take(): number;
}

/** Short enough for a syllable, long enough for the deepest voice. */
const WINDOW = SAMPLE_RATE / 10;
const FULL_SCALE = 32_768;

export function createLevelMeter(): LevelMeter {
  let power = 0;
  let count = 0;
  let loudest = 0;

  return {
    add(more, samples) {
      power += more;
      count += samples;
      if (count < WINDOW) return;
      loudest = Math.max(loudest, Math.sqrt(power / (count * CHANNELS)) / FULL_SCALE);
      power = 0;
      count = 0;
    },
    take() {
      const taken = loudest;
      loudest = 0;
      return taken;
    },
  };
}

import { CHANNELS, SAMPLE_RATE } from '../clock.ts';

/** Turns loud sound down before it clips; what stays below the ceiling passes as it is, to the bit. */
export interface Limiter {
  /**
   * `line` holds interleaved samples: `count` that are due, written to `out` as s16, and LOOK_AHEAD behind them.
   * The next call begins with the LOOK_AHEAD samples this one ended with.
   */
  limit(line: Float32Array, count: number, out: Int16Array): void;
}

/** 5 ms: the gain comes down that long before a peak, slowly enough that it is no click. */
export const LOOK_AHEAD = SAMPLE_RATE / 200;
const WINDOW = LOOK_AHEAD + 1;
/** One decibel below full scale: lossy codecs overshoot. */
const CEILING = 29_204;
/** The gain stays down that long after a peak: through the beats of low tones, which it would modulate. */
const HOLD = SAMPLE_RATE / 20;
/** Seconds in which two thirds of the gain come back then: no jump, and sooner than a pause ends. */
const RELEASE_SECONDS = 0.4;
const RELEASE = 1 / (RELEASE_SECONDS * SAMPLE_RATE);
/** From here on no sample would be changed. */
const NEARLY_ONE = 1 - 1 / 65_536;

/** The least of the last WINDOW gains: a queue of those that may still become it. */
class LeastGain {
  readonly #gains = new Float64Array(WINDOW);
  readonly #places = new Float64Array(WINDOW);
  #head = 0;
  #count = 0;
  #place = 0;

  /** Takes the gain that the next sample needs. */
  push(gain: number): number {
    this.#place += 1;
    if (this.#count > 0 && (this.#places[this.#head] ?? 0) <= this.#place - WINDOW) {
      this.#head = (this.#head + 1) % WINDOW;
      this.#count -= 1;
    }
    if (gain < 1) this.#insert(gain);
    return this.#count > 0 ? (this.#gains[this.#head] ?? 1) : 1;
  }

  #insert(gain: number): void {
    while (this.#count > 0 && (this.#gains[(this.#head + this.#count - 1) % WINDOW] ?? 0) >= gain) {
      this.#count -= 1;
    }
    const at = (this.#head + this.#count) % WINDOW;
    this.#gains[at] = gain;
    this.#places[at] = this.#place;
    this.#count += 1;
  }
}

function isLoud(line: Float32Array, from: number): boolean {
  for (let at = from; at < line.length; at++) {
    const value = line[at] ?? 0;
    if (value > CEILING || value < -CEILING) return true;
  }
  return false;
}

function neededAt(line: Float32Array, at: number): number {
  const peak = Math.max(Math.abs(line[at] ?? 0), Math.abs(line[at + 1] ?? 0));
  return peak > CEILING ? CEILING / peak : 1;
}

export function createLimiter(): Limiter {
  const least = new LeastGain();
  // The gain is the mean of these: each is low enough for all samples of its window, and so is their mean.
  const envelope = new Float64Array(WINDOW).fill(1);
  let sum = WINDOW;
  let oldest = 0;
  let released = 1;
  let hold = 0;
  /** Samples for which nothing had to be turned down; from WINDOW on the gain is exactly 1. */
  let quiet = WINDOW;

  function release(wanted: number): number {
    if (wanted <= released) {
      hold = HOLD;
      return wanted;
    }
    hold -= 1;
    if (hold > 0) return released;
    const back = released + (1 - released) * RELEASE;
    return Math.min(wanted, back > NEARLY_ONE ? 1 : back);
  }

  function gainBehind(line: Float32Array, at: number): number {
    const wanted = least.push(neededAt(line, at));
    released = release(wanted);
    quiet = released === 1 ? quiet + 1 : 0;
    sum += released - (envelope[oldest] ?? 1);
    envelope[oldest] = released;
    oldest = oldest + 1 === WINDOW ? 0 : oldest + 1;
    if (quiet < WINDOW) return sum / WINDOW;
    sum = WINDOW; // forgets what rounding left
    return 1;
  }

  return {
    limit(line, count, out) {
      if (quiet >= WINDOW && !isLoud(line, LOOK_AHEAD * CHANNELS)) {
        for (let at = 0; at < count * CHANNELS; at++) out[at] = Math.round(line[at] ?? 0);
        return;
      }
      for (let at = 0; at < count * CHANNELS; at += CHANNELS) {
        const gain = gainBehind(line, at + LOOK_AHEAD * CHANNELS);
        out[at] = Math.round((line[at] ?? 0) * gain);
        out[at + 1] = Math.round((line[at + 1] ?? 0) * gain);
      }
    },
  };
}

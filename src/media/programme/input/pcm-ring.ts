import { CHANNELS, SAMPLE_RATE } from '../clock.ts';

/** Decoded sound of one input, addressed by its place on the input's timeline (in samples a channel). */
export interface PcmRing {
  /** Interleaved s16 stereo for the place; what lies before the end is known already and left out. */
  write(position: number, samples: Int16Array): void;
  /** The next samples come from another decoder of the same stream and are joined at their exact place. */
  joinExactly(): void;
  /** One past the last sample written. */
  readonly end: number;
  /** Adds samples [position, position + count) times gain to `out` from `outOffset` (in samples) on. */
  mix(
    position: number,
    count: number,
    out: Float32Array,
    outOffset: number,
    gainFrom: number,
    gainTo: number,
  ): void;
  /** Forgets all (another timeline). */
  reset(): void;
}

const CAPACITY = SAMPLE_RATE * 4;
/** Timestamps are rounded to ms and encoders jitter: within this a block follows the one before it. */
const JOIN_TOLERANCE = SAMPLE_RATE / 50;

export function createPcmRing(): PcmRing {
  const data = new Int16Array(CAPACITY * CHANNELS);
  let end = 0;
  let start = 0;
  let exact = false;

  function put(samples: Int16Array, from: number): void {
    const count = samples.length / CHANNELS - from;
    const at = end % CAPACITY;
    const first = Math.min(count, CAPACITY - at);
    data.set(samples.subarray(from * CHANNELS, (from + first) * CHANNELS), at * CHANNELS);
    if (first < count) data.set(samples.subarray((from + first) * CHANNELS), 0);
    end += count;
    start = Math.max(start, end - CAPACITY);
  }

  /** A hole in the source is silence of the same length. */
  function leaveHole(count: number): void {
    for (let left = count; left > 0; ) {
      const at = end % CAPACITY;
      const part = Math.min(left, CAPACITY - at);
      data.fill(0, at * CHANNELS, (at + part) * CHANNELS);
      end += part;
      left -= part;
    }
    start = Math.max(start, end - CAPACITY);
  }

  /** Adds a run of samples that lie in one piece. */
  function add(at: number, run: number, out: Float32Array, to: number, gain: number, step: number): void {
    const shift = (to - at) * CHANNELS;
    const last = (at + run) * CHANNELS;
    if (gain === 1 && step === 0) {
      for (let from = at * CHANNELS; from < last; from++) {
        out[from + shift] = (out[from + shift] ?? 0) + (data[from] ?? 0);
      }
      return;
    }
    let now = gain;
    for (let from = at * CHANNELS; from < last; from += CHANNELS) {
      out[from + shift] = (out[from + shift] ?? 0) + (data[from] ?? 0) * now;
      out[from + shift + 1] = (out[from + shift + 1] ?? 0) + (data[from + 1] ?? 0) * now;
      now += step;
    }
  }

  return {
    get end() {
      return end;
    },
    write(position, samples) {
      const gap = position - end;
      const tolerance = exact ? 0 : JOIN_TOLERANCE;
      if (end === 0 || gap >= CAPACITY) {
        start = position;
        end = position;
      } else if (gap > tolerance) leaveHole(gap);
      const known = gap < -tolerance ? -gap : 0;
      if (known >= samples.length / CHANNELS) return;
      put(samples, known);
      exact = false;
    },
    joinExactly() {
      exact = true;
    },
    mix(position, count, out, outOffset, gainFrom, gainTo) {
      const step = (gainTo - gainFrom) / Math.max(1, count);
      const last = Math.min(count, end - position);
      for (let from = Math.max(0, start - position); from < last; ) {
        const at = (position + from) % CAPACITY;
        const run = Math.min(last - from, CAPACITY - at);
        add(at, run, out, outOffset + from, gainFrom + step * from, step);
        from += run;
      }
    },
    reset() {
      start = 0;
      end = 0;
    },
  };
}

import { CHANNELS } from './clock.ts';

/** Sum of all sounds of a tick, limited so that loud rooms do not crackle. */
export interface AudioMixer {
  /** Zeroed room for `count` samples; valid until the next call. */
  begin(count: number): Float32Array;
  /** Interleaved s16 of what was added since begin, in a buffer of its own. */
  finish(): Buffer;
}

const CEILING = 31_000;
const FULL_SCALE = 32_767;
/** Gain regained per tick: silence after a loud moment recovers in about two seconds at 30 fps. */
const RELEASE_PER_TICK = 0.016;

/** Linear up to the ceiling, then bent so that it never reaches full scale hard. */
function softClip(value: number): number {
  const size = Math.abs(value);
  if (size <= CEILING) return value;
  const room = FULL_SCALE - CEILING;
  return Math.sign(value) * (CEILING + room * Math.tanh((size - CEILING) / room));
}

function peakOf(samples: Float32Array): number {
  let peak = 0;
  for (const value of samples) {
    const size = Math.abs(value);
    if (size > peak) peak = size;
  }
  return peak;
}

export function createAudioMixer(maxSamples: number): AudioMixer {
  const room = new Float32Array(maxSamples * CHANNELS);
  let sum = room;
  let gain = 1;

  return {
    begin(count) {
      sum = room.subarray(0, count * CHANNELS);
      sum.fill(0);
      return sum;
    },
    finish() {
      const peak = peakOf(sum);
      const wanted = peak > CEILING ? CEILING / peak : 1;
      const next = wanted < gain ? wanted : Math.min(wanted, gain + RELEASE_PER_TICK);
      const step = (next - gain) / sum.length;
      const out = Buffer.allocUnsafe(sum.length * 2);
      for (let index = 0; index < sum.length; index++) {
        out.writeInt16LE(Math.round(softClip((sum[index] ?? 0) * (gain + step * index))), index * 2);
      }
      gain = next;
      return out;
    },
  };
}

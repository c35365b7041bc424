import { endianness } from 'node:os';
import { GatewayError } from '../../../domain/errors.ts';
import { CHANNELS } from '../clock.ts';
import { createLimiter, LOOK_AHEAD } from './limiter.ts';

/** Sum of all sounds of a tick, limited so that loud rooms do not crackle. */
export interface AudioMixer {
  /** Zeroed room for `count` samples; valid until the next call. */
  begin(count: number): Float32Array;
  /** Interleaved s16 of as many samples, in a buffer of its own; they lie `delay` samples before those added. */
  finish(): Buffer;
  /** Samples: what the limiter looks ahead. */
  readonly delay: number;
}

export function createAudioMixer(maxSamples: number): AudioMixer {
  // The samples go to the encoder as they lie in memory.
  if (endianness() !== 'LE') {
    throw new GatewayError('internal', 'sound is mixed on little-endian machines only', { blame: 'system' });
  }
  const held = LOOK_AHEAD * CHANNELS;
  const room = new Float32Array(held + maxSamples * CHANNELS);
  const limiter = createLimiter();
  let added = 0;

  return {
    delay: LOOK_AHEAD,
    begin(count) {
      added = count * CHANNELS;
      return room.subarray(held, held + added).fill(0);
    },
    finish() {
      const out = new Int16Array(added);
      limiter.limit(room.subarray(0, held + added), added / CHANNELS, out);
      room.copyWithin(0, added, held + added);
      return Buffer.from(out.buffer);
    },
  };
}

import { BitWriter } from './bit-writer.ts';

const SINGLE_CHANNEL = 0;
const CHANNEL_PAIR = 1;
const END = 7;
const ID_BITS = 3;
const TAG_BITS = 4;
/** Window and the number of its bands, of which there are none. */
const INFO_BITS = 11;
/** Gain, and that neither pulses nor noise shaping nor gain control follow; no bands, no more of a channel. */
const CHANNEL_BITS = 11;

/** An AAC-LC frame in which nothing sounds, whatever its rate (ISO 14496-3, 4.4.2); null for more than two channels. */
export function silentAacFrame(channels: number): Buffer | null {
  const frame = new BitWriter();
  if (channels === 1) {
    frame.bits(SINGLE_CHANNEL, ID_BITS).zeros(TAG_BITS + CHANNEL_BITS + INFO_BITS);
  } else if (channels === 2) {
    const shared = frame.bits(CHANNEL_PAIR, ID_BITS).zeros(TAG_BITS).bits(1, 1).zeros(INFO_BITS);
    shared.zeros(2 + 2 * CHANNEL_BITS); // no joint stereo either
  } else {
    return null;
  }
  return frame.bits(END, ID_BITS).bytes();
}

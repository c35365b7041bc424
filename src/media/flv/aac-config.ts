import { GatewayError } from '../../domain/errors.ts';

/** What a muxer must know of an AAC stream, read from its AudioSpecificConfig. */
export interface AacConfig {
  /** RFC 6381: `mp4a.40.2`. */
  readonly codec: string;
  /** Of the core: one frame is 1024 samples of it. */
  readonly sampleRate: number;
  readonly channels: number;
  /** The configuration itself. */
  readonly description: Uint8Array;
}

const RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8];
const EXPLICIT_RATE = 15;
const KNOWN_TYPES = new Set([2, 5, 29]);

/** Reads an AudioSpecificConfig (ISO 14496-3, 1.6.2.1); throws `bad-media` when it is none we can write. */
export function parseAacConfig(config: Uint8Array): AacConfig {
  const word = config.length >= 5 ? Buffer.from(config.subarray(0, 5)).readUIntBE(0, 5) : padded(config);
  const type = Math.floor(word / 2 ** 35);
  const rateIndex = Math.floor(word / 2 ** 31) % 16;
  const explicit = rateIndex === EXPLICIT_RATE;
  const sampleRate = explicit ? Math.floor(word / 2 ** 7) % 2 ** 24 : RATES[rateIndex];
  const channels = CHANNELS[Math.floor(word / (explicit ? 2 ** 3 : 2 ** 27)) % 16];
  if (config.length < 2 || !KNOWN_TYPES.has(type) || !sampleRate || !channels) {
    throw new GatewayError('bad-media', 'the AAC configuration cannot be read', {
      blame: 'source',
      retry: 'never',
      context: { type, rateIndex },
    });
  }
  return { codec: `mp4a.40.${type}`, sampleRate, channels, description: Uint8Array.from(config) };
}

function padded(config: Uint8Array): number {
  const five = Buffer.alloc(5);
  five.set(config);
  return five.readUIntBE(0, 5);
}

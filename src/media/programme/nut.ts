import { nutStart } from '../nut/container.ts';

export const NUT_VIDEO = 0;
export const NUT_AUDIO = 1;

export interface NutFormat {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly sampleRate: number;
  readonly channels: number;
}

/** PSD, 16 bit: s16le. */
const PCM = Buffer.from([0x50, 0x53, 0x44, 16]);

/**
 * What stands before the first frame of a NUT stream with yuv420p pictures and s16le sound. Time bases are
 * frames and samples, so that every timestamp is exact.
 */
export function nutHeader({ width, height, fps, sampleRate, channels }: NutFormat): Buffer {
  return nutStart([
    { kind: 'video', codec: Buffer.from('I420', 'latin1'), ticksPerSecond: fps, width, height },
    { kind: 'audio', codec: PCM, ticksPerSecond: sampleRate, sampleRate, channels },
  ]);
}

import type { FlvTag } from '../../src/media/flv/tag.ts';
import { makeFlvBytes, parseFlv } from './clip.ts';

/** Counts go from 0 to 255 and begin again. */
export const COUNTS = 256;
/** Pixels of a count once the picture is scaled down to its blocks: a row of bits, and the same inverted. */
export const COUNT_WIDTH = 8;
export const COUNT_HEIGHT = 2;

export interface CountedClip {
  readonly fps: number;
  readonly size: string;
}

/** A clip whose every picture shows its number as black and white blocks; played over and over it counts on. */
export async function makeCountedClip({ fps, size }: CountedClip): Promise<FlvTag[]> {
  const bits = "geq=lum='16+219*abs(mod(floor(N/pow(2,X)),2)-Y)'";
  const [width, height] = size.split('x');
  const blocks = `nullsrc=s=${COUNT_WIDTH}x${COUNT_HEIGHT}:r=${fps},format=gray,${bits}`;
  const picture = `${blocks},scale=${width}:${height}:flags=neighbor`;
  return parseFlv(await makeFlvBytes({ picture, fps, gop: fps, seconds: COUNTS / fps, toneHz: 500 }));
}

/** The count in the pixels (gray) from a place on; null when they show none. */
export function readCount(pixels: Uint8Array, from = 0, stride = COUNT_WIDTH): number | null {
  let count = 0;
  for (let bit = 0; bit < COUNT_WIDTH; bit += 1) {
    const [above = 0, below = 0] = [pixels[from + bit], pixels[from + stride + bit]];
    if (Math.abs(above - below) < 80) return null;
    if (above > below) count |= 1 << bit;
  }
  return count;
}

/** How many pictures further one count is than another. */
export function countStep(from: number, to: number): number {
  return (to - from + COUNTS) % COUNTS;
}

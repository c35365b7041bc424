import type { Logger } from 'pino';
import { GatewayError } from '../../domain/errors.ts';
import type { RenderMode } from '../../domain/layout/spec.ts';
import { nextFrameId } from '../canvas/frame-pool.ts';
import { halved, type Picture } from '../canvas/picture.ts';
import { pictureArgs } from '../ffmpeg/picture-args.ts';
import { oneFrame } from './one-frame.ts';
import { pictureFormat } from './picture-format.ts';
import { withoutPackedChunks } from './png-chunks.ts';

export interface DecodeOptions {
  /** Even pixels. */
  readonly width: number;
  readonly height: number;
  readonly renderMode: RenderMode;
  readonly log: Logger;
  readonly nice: number;
  readonly signal: AbortSignal;
}

function isOpaque(alpha: Uint8Array): boolean {
  for (let at = 0; at < alpha.length; at++) if (alpha[at] !== 255) return false;
  return true;
}

/** The picture in a file's bytes at this size; throws `bad-media` when there is none. */
export async function decodePicture(file: Buffer, options: DecodeOptions): Promise<Picture> {
  const { width, height } = options;
  const format = pictureFormat(file);
  if (!format) throw new GatewayError('bad-media', 'not a png, jpg, bmp, gif or webp', { retry: 'never' });
  const input = format === 'png' ? withoutPackedChunks(file) : file;
  const luma = width * height;
  const args = pictureArgs({ ...options, format });
  const frame = await oneFrame({ ...options, args, input, bytes: luma * 2.5 });
  const [colors, covers] = [frame.subarray(0, luma * 1.5), frame.subarray(luma * 1.5)];
  const picture = { width, height, id: nextFrameId(), ptsMs: 0 };
  // A copy lets go of an alpha that says nothing.
  if (isOpaque(covers)) return { ...picture, data: Buffer.from(colors), alpha: null };
  return { ...picture, data: colors, alpha: { luma: covers, chroma: halved(covers, width, height) } };
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Logger } from 'pino';
import { textArgs } from '../ffmpeg/picture-args.ts';
import { oneFrame } from './one-frame.ts';
import type { TextMask } from './text-picture.ts';

export interface RenderOptions {
  readonly width: number;
  readonly height: number;
  readonly log: Logger;
  readonly nice: number;
  readonly signal: AbortSignal;
}

/** What an ASS script draws. libass reads files only, and text does not belong into a process list. */
export async function renderText(script: string, options: RenderOptions): Promise<TextMask> {
  const { width, height } = options;
  const folder = await mkdtemp(path.join(tmpdir(), 'roomcast-text-'));
  try {
    const file = path.join(folder, 'text.ass');
    await writeFile(file, script);
    const args = textArgs({ file, width, height });
    return { width, height, data: await oneFrame({ ...options, args, input: null, bytes: width * height }) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

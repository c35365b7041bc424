import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createFlvParser } from '../../src/media/flv/parser.ts';
import type { FlvTag } from '../../src/media/flv/tag.ts';

export interface ClipOptions {
  readonly seconds?: number;
  readonly gopFrames?: number;
  readonly videoKbps?: number;
  readonly size?: string;
}

/** All tags of an FLV byte stream. */
export function parseFlv(bytes: Buffer): FlvTag[] {
  const tags: FlvTag[] = [];
  createFlvParser({ onTag: (tag) => tags.push(tag) }).push(bytes);
  return tags;
}

/** The tags of an FLV file. */
export async function readFlv(path: string): Promise<FlvTag[]> {
  return parseFlv(await readFile(path));
}

/** Has FFmpeg make a moving picture with a tone (30 fps, H.264 and AAC) and returns the FLV file's bytes. */
export async function makeClip(options: ClipOptions = {}): Promise<Buffer> {
  const { seconds = 6, gopFrames = 30, videoKbps = 800, size = '640x360' } = options;
  const dir = await mkdtemp(join(tmpdir(), 'roomcast-clip-'));
  const path = join(dir, 'clip.flv');
  const input = [
    '-f',
    'lavfi',
    '-i',
    `testsrc2=size=${size}:rate=30`,
    '-f',
    'lavfi',
    '-i',
    'sine=frequency=440',
  ];
  const video = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p'];
  const rate = [
    '-g',
    `${gopFrames}`,
    '-b:v',
    `${videoKbps}k`,
    '-maxrate',
    `${videoKbps}k`,
    '-bufsize',
    `${videoKbps}k`,
  ];
  const audio = ['-c:a', 'aac', '-ar', '48000', '-ac', '2', '-b:a', '96k'];
  try {
    const end = ['-t', `${seconds}`, '-flvflags', 'no_duration_filesize', '-f', 'flv', path];
    await promisify(execFile)('ffmpeg', ['-v', 'error', ...input, ...video, ...rate, ...audio, ...end]);
    return await readFile(path);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { createFlvParser } from '../../src/media/flv/parser.ts';
import type { FlvTag } from '../../src/media/flv/tag.ts';

const run = promisify(execFile);

/** All whole tags of an FLV byte stream. */
export function parseFlv(bytes: Buffer): FlvTag[] {
  const tags: FlvTag[] = [];
  createFlvParser({ onTag: (tag) => tags.push(tag) }).push(bytes);
  return tags;
}

/** The whole tags of an FLV file, which may still be growing. */
export async function readFlv(file: string): Promise<FlvTag[]> {
  return parseFlv(await readFile(file));
}

/** How sound is coded: 48 kHz stereo by default. */
interface SoundFormat {
  readonly sampleRate: number;
  readonly channels: number;
}

export interface FlvSpec {
  readonly dir: string;
  readonly name: string;
  readonly seconds: number;
  readonly fps?: number;
  readonly size?: string;
  /** FFmpeg source of the picture with size and rate of its own; a moving test picture by default. */
  readonly picture?: string;
  readonly toneHz?: number;
  /** Times an eighth of full scale. */
  readonly volume?: number;
  /** Frames between key frames. */
  readonly gop?: number;
  readonly bFrames?: number;
  /** x264's CRF, less is larger; `videoKbps` instead aims at a rate. */
  readonly quality?: number;
  readonly videoKbps?: number;
  readonly video?: boolean;
  readonly audio?: boolean | SoundFormat;
}

function videoArgs(spec: FlvSpec): string[] {
  const { gop = 50, bFrames = 0, quality = 23, videoKbps } = spec;
  const kbps = `${videoKbps}k`;
  const rate = videoKbps ? ['-b:v', kbps, '-maxrate', kbps, '-bufsize', kbps] : ['-crf', `${quality}`];
  return [
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-sc_threshold', '0', ...rate],
    ...['-g', String(gop), '-keyint_min', String(gop), '-bf', String(bFrames)],
    ...(bFrames === 0 ? ['-tune', 'zerolatency'] : []),
  ];
}

/** Many files of a run want the same clip: it is encoded once into the run's folder, which goes with the run. */
async function encodeOnce(args: readonly string[], file: string): Promise<void> {
  const encode = (to: string) => run('ffmpeg', ['-v', 'error', '-y', ...args, to]);
  const runDir = process.env['TEST_RUN_DIR'];
  if (runDir === undefined) {
    await encode(file);
    return;
  }
  const name = createHash('sha256').update(JSON.stringify(args)).digest('hex');
  const kept = path.join(runDir, `clip-${name}.flv`);
  if (
    await copyFile(kept, file).then(
      () => true,
      () => false,
    )
  )
    return;
  await encode(file);
  // Whole or not at all: another file's test may look for it now.
  const part = `${kept}.${process.pid}`;
  await copyFile(file, part);
  await rename(part, kept);
}

/** A real FLV file from FFmpeg, H.264 and AAC: 25 frames a second of 320x180 with a tone unless told otherwise. */
export async function makeFlv(spec: FlvSpec): Promise<string> {
  const { fps = 25, size = '320x180', toneHz = 440, volume = 1, video = true, audio = true } = spec;
  const { picture = `testsrc2=size=${size}:rate=${fps}` } = spec;
  const { sampleRate, channels } = typeof audio === 'object' ? audio : { sampleRate: 48_000, channels: 2 };
  const sound = `sine=frequency=${toneHz}:sample_rate=${sampleRate},volume=${volume}`;
  const file = path.join(spec.dir, `${spec.name}.flv`);
  await encodeOnce(
    [
      ...(video ? ['-f', 'lavfi', '-i', picture] : []),
      ...(audio ? ['-f', 'lavfi', '-i', sound] : []),
      ...['-t', String(spec.seconds)],
      ...(video ? videoArgs(spec) : []),
      ...(audio ? ['-c:a', 'aac', '-ac', String(channels), '-b:a', '96k'] : []),
      ...['-flvflags', 'no_duration_filesize'],
    ],
    file,
  );
  return file;
}

/** The bytes of such a file, of which only they are kept. */
export async function makeFlvBytes(spec: Omit<FlvSpec, 'dir' | 'name'>): Promise<Buffer> {
  const dir = await mkdtemp(path.join(tmpdir(), 'roomcast-clip-'));
  try {
    return await readFile(await makeFlv({ ...spec, dir, name: 'clip' }));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

export interface ClipOptions {
  readonly seconds?: number;
  readonly gopFrames?: number;
  readonly videoKbps?: number;
  readonly size?: string;
}

/** A moving picture with a tone at 30 frames a second and a steady rate. */
export async function makeClip(options: ClipOptions = {}): Promise<Buffer> {
  const { seconds = 6, gopFrames = 30, videoKbps = 800, size = '640x360' } = options;
  return makeFlvBytes({ seconds, size, videoKbps, fps: 30, gop: gopFrames });
}

export interface ColourClip {
  /** FFmpeg colour: a name or `0xRRGGBB`. */
  readonly color: string;
  readonly toneHz: number;
  readonly size?: string;
  readonly fps?: number;
  readonly seconds?: number;
  readonly bFrames?: number;
  readonly audio?: SoundFormat;
}

/** Tags of a clip of one colour and one tone, as a camera would send them. */
export async function makeColourClip(clip: ColourClip): Promise<FlvTag[]> {
  const { color, size = '640x360', fps = 30, seconds = 4 } = clip;
  const picture = `color=c=${color}:s=${size}:r=${fps}`;
  return parseFlv(await makeFlvBytes({ ...clip, picture, fps, gop: fps, seconds }));
}

export interface CameraClip {
  readonly dir: string;
  readonly name: string;
  /** FFmpeg colour, `0xRRGGBB`. */
  readonly colour: string;
  readonly toneHz: number;
}

/** A clip of one colour and one tone with a key frame a second, to be published by copy: that costs no CPU. */
export async function makeCameraClip({ dir, name, colour, toneHz }: CameraClip): Promise<string> {
  // noise keeps the encoder from sending empty frames; geq would be slow
  const picture = `color=c=${colour}:s=640x360:r=30,noise=alls=6:allf=t`;
  return makeFlv({ dir, name, picture, toneHz, volume: 2, fps: 30, gop: 30, videoKbps: 400, seconds: 10 });
}

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compositionTime, type FlvTag, isMedia, TAG_AUDIO, TAG_VIDEO } from '../../src/media/flv/tag.ts';
import { readFlv } from './clip.ts';
import type { Box } from './media-checks.ts';

const run = promisify(execFile);

export interface FlashClip {
  readonly seconds: number;
  /** Frequency of the beep: several inputs of a programme are told apart by it. A multiple of 200. */
  readonly toneHz: number;
  readonly fps?: number;
  readonly gopSeconds?: number;
  readonly bFrames?: number;
  readonly audio?: { readonly sampleRate: number; readonly channels: number };
  readonly size?: string;
}

/** Height of a beep, of 1. */
export const FLASH_AMPLITUDE = 0.15;

/** A clip whose picture is white, and whose sound beeps, for the first tenth of every second. */
export async function makeFlashClip(clip: FlashClip): Promise<FlvTag[]> {
  const { seconds, toneHz, fps = 30, gopSeconds = 1, bFrames = 0, size = '320x180' } = clip;
  const { sampleRate, channels } = clip.audio ?? { sampleRate: 48_000, channels: 2 };
  const dir = await mkdtemp(join(tmpdir(), 'roomcast-flash-'));
  const path = join(dir, 'clip.flv');
  const white = `drawbox=c=white:t=fill:enable='lt(mod(t,1),0.099)'`;
  const picture = `color=c=black:s=${size}:r=${fps},noise=alls=4:allf=t,${white},format=yuv420p`;
  const beep = `if(lt(mod(t,1),0.1),${FLASH_AMPLITUDE}*sin(2*PI*${toneHz}*t),0)`;
  try {
    await run('ffmpeg', [
      ...['-v', 'error', '-f', 'lavfi', '-i', picture],
      ...['-f', 'lavfi', '-i', `aevalsrc='${beep}':s=${sampleRate}`, '-t', String(seconds)],
      ...['-c:v', 'libx264', '-preset', bFrames > 0 ? 'veryfast' : 'ultrafast', '-bf', String(bFrames)],
      ...['-x264-params', 'b-adapt=0', '-g', String(fps * gopSeconds), '-sc_threshold', '0'],
      ...['-c:a', 'aac', '-ac', String(channels), '-b:a', '96k', '-f', 'flv', path],
    ]);
    return await readFlv(path);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Times at which a level rises above half of its highest. */
function risesOf(levels: readonly { readonly ms: number; readonly level: number }[]): number[] {
  const threshold = levels.reduce((most, { level }) => Math.max(most, level), 0) / 2;
  const rises: number[] = [];
  let above = true;
  for (const { ms, level } of levels) {
    if (level >= threshold && !above) rises.push(ms);
    above = level >= threshold;
  }
  return rises;
}

async function flashes(file: string, tags: readonly FlvTag[], box: Box): Promise<number[]> {
  const times = tags
    .filter((tag) => tag.type === TAG_VIDEO && isMedia(tag))
    .map((tag) => tag.timestamp + compositionTime(tag))
    .sort((a, b) => a - b);
  const crop = `crop=${box.width}:${box.height}:${box.x}:${box.y},scale=8:8:flags=area,format=gray`;
  const { stdout } = await run(
    'ffmpeg',
    ['-v', 'error', '-i', file, '-vf', crop, '-fps_mode', 'passthrough', '-f', 'rawvideo', '-'],
    { encoding: 'buffer', maxBuffer: 256 * 1024 ** 2 },
  );
  return risesOf(
    times.slice(0, stdout.length / 64).map((ms, index) => ({
      ms,
      level: stdout.subarray(index * 64, (index + 1) * 64).reduce((sum, value) => sum + value, 0) / 64,
    })),
  );
}

const RATE = 48_000;
const WINDOW = RATE / 200;
const HOP = RATE / 1000;

function toneAt(samples: Float32Array, from: number, hz: number): number {
  let [re, im] = [0, 0];
  for (let at = 0; at < WINDOW; at += 1) {
    const angle = (2 * Math.PI * hz * at) / RATE;
    re += (samples[from + at] ?? 0) * Math.cos(angle);
    im += (samples[from + at] ?? 0) * Math.sin(angle);
  }
  return Math.hypot(re, im);
}

async function beeps(file: string, tags: readonly FlvTag[], toneHz: number): Promise<number[]> {
  const first = tags.find((tag) => tag.type === TAG_AUDIO && isMedia(tag))?.timestamp ?? 0;
  const { stdout } = await run(
    'ffmpeg',
    // Holes in the track's times become silence, so that a sample's place is its time.
    ['-v', 'error', '-i', file, '-vn', '-ac', '1', '-af', 'aresample=48000:async=1', '-f', 'f32le', '-'],
    { encoding: 'buffer', maxBuffer: 1024 ** 3 },
  );
  const samples = new Float32Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.length));
  const levels: { ms: number; level: number }[] = [];
  for (let at = 0; at + WINDOW <= samples.length; at += HOP)
    levels.push({ ms: first + ((at + WINDOW / 2) * 1000) / RATE, level: toneAt(samples, at, toneHz) });
  return risesOf(levels);
}

/** ms by which each beep of an FLV file comes after (or, below zero, before) its flash in the box. */
export async function soundOffsets(file: string, box: Box, toneHz: number): Promise<number[]> {
  const tags = await readFlv(file);
  const [seen, heard] = await Promise.all([flashes(file, tags, box), beeps(file, tags, toneHz)]);
  return heard.flatMap((ms) => {
    const nearest = seen.reduce<number | null>(
      (best, flash) => (best === null || Math.abs(flash - ms) < Math.abs(best - ms) ? flash : best),
      null,
    );
    return nearest === null || Math.abs(nearest - ms) > 500 ? [] : [ms - nearest];
  });
}

/** The value below which this part of the sizes lies. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

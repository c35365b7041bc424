import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { createFlvParser } from '../../../src/media/flv/parser.ts';
import type { FlvTag } from '../../../src/media/flv/tag.ts';

const run = promisify(execFile);

export interface ClipSpec {
  readonly dir: string;
  readonly name: string;
  readonly seconds: number;
  readonly fps?: number;
  readonly size?: string;
  /** Frames between key frames. */
  readonly gop?: number;
  readonly bFrames?: number;
  /** x264's CRF; less is larger. */
  readonly quality?: number;
  readonly video?: boolean;
  readonly audio?: boolean;
}

/** A real FLV file from FFmpeg. */
export async function makeFlv(spec: ClipSpec): Promise<string> {
  const {
    fps = 25,
    size = '320x180',
    gop = 50,
    bFrames = 0,
    quality = 23,
    video = true,
    audio = true,
  } = spec;
  const file = path.join(spec.dir, `${spec.name}.flv`);
  const picture = ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${fps}`];
  const sound = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'];
  const h264 = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-pix_fmt',
    'yuv420p',
    '-sc_threshold',
    '0',
    '-crf',
    `${quality}`,
  ];
  await run('ffmpeg', [
    ...['-v', 'error', '-y', ...(video ? picture : []), ...(audio ? sound : [])],
    ...['-t', String(spec.seconds)],
    ...(video ? [...h264, '-g', String(gop), '-keyint_min', String(gop), '-bf', String(bFrames)] : []),
    ...(audio ? ['-c:a', 'aac', '-ac', '2'] : []),
    file,
  ]);
  return file;
}

export async function readTags(file: string): Promise<FlvTag[]> {
  const tags: FlvTag[] = [];
  createFlvParser({ onTag: (tag) => tags.push(tag) }).push(await readFile(file));
  return tags;
}

export interface Probe {
  readonly startMs: number;
  readonly durationMs: number;
  readonly streams: readonly {
    readonly codec: string;
    readonly frames: number;
    readonly width: number;
    readonly startMs: number;
    readonly timeBase: string;
  }[];
}

interface ProbeJson {
  readonly format: { readonly start_time: string; readonly duration: string };
  readonly streams: readonly {
    readonly codec_name: string;
    readonly nb_read_packets: string;
    readonly width?: number;
    readonly start_time: string;
    readonly time_base: string;
  }[];
}

/** What ffprobe sees in a file or at a URL, every packet counted. */
export async function probe(input: string): Promise<Probe> {
  const shown = 'format=duration,start_time:stream=codec_name,nb_read_packets,width,start_time,time_base';
  const args = ['-v', 'error', '-count_packets', '-show_entries', shown, '-of', 'json', input];
  const { stdout } = await run('ffprobe', args);
  const json = JSON.parse(stdout) as ProbeJson;
  return {
    startMs: Number(json.format.start_time) * 1000,
    durationMs: Number(json.format.duration) * 1000,
    streams: json.streams.map((stream) => ({
      codec: stream.codec_name,
      frames: Number(stream.nb_read_packets),
      width: stream.width ?? 0,
      startMs: Number(stream.start_time) * 1000,
      timeBase: stream.time_base,
    })),
  };
}

/** Decodes everything (or what the options before the input leave of it); gives FFmpeg's complaints, '' for none. */
export async function decodeErrors(input: string, options: readonly string[] = []): Promise<string> {
  const output = ['-fps_mode', 'passthrough', '-f', 'null', '-'];
  const { stderr } = await run('ffmpeg', ['-v', 'warning', ...options, '-i', input, ...output]);
  return stderr;
}

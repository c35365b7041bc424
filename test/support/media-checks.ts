import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type FlvTag, isMedia, type TAG_AUDIO, type TAG_VIDEO } from '../../src/media/flv/tag.ts';

const run = promisify(execFile);
const SAMPLE_RATE = 48_000;

export interface TrackTimes {
  readonly count: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly largestGapMs: number;
  /** Timestamps of frames that came before an earlier one's. */
  readonly wentBack: readonly number[];
}

/** Timestamps of one track's coded frames, in the order they were received. */
export function trackTimes(tags: readonly FlvTag[], type: typeof TAG_AUDIO | typeof TAG_VIDEO): TrackTimes {
  const times = tags.filter((tag) => tag.type === type && isMedia(tag)).map((tag) => tag.timestamp);
  let largestGapMs = 0;
  const wentBack: number[] = [];
  for (let i = 1; i < times.length; i += 1) {
    const step = (times[i] ?? 0) - (times[i - 1] ?? 0);
    if (step < 0) wentBack.push(times[i] ?? 0);
    largestGapMs = Math.max(largestGapMs, step);
  }
  return {
    count: times.length,
    firstMs: times[0] ?? 0,
    lastMs: times.at(-1) ?? 0,
    largestGapMs,
    wentBack,
  };
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** RGB, 3 bytes a pixel. */
  readonly rgb: Buffer;
}

/** The last decodable picture of the first `seconds` of a media file or URL, as it is shown. */
export async function lastPicture(
  input: string,
  width: number,
  height: number,
  seconds = 3600,
): Promise<Picture> {
  const frameBytes = width * height * 3;
  const args = [
    '-v',
    'error',
    '-t',
    String(seconds),
    '-i',
    input,
    '-an',
    '-vf',
    `fps=2,scale=${width}:${height}`,
    '-f',
    'rawvideo',
    '-pix_fmt',
    'rgb24',
    '-',
  ];
  const { stdout } = await run('ffmpeg', args, { encoding: 'buffer', maxBuffer: 4 * 1024 ** 3 });
  const whole = Math.floor(stdout.length / frameBytes);
  if (whole === 0) throw new Error(`no picture of ${width}x${height} in ${input}`);
  return { width, height, rgb: stdout.subarray((whole - 1) * frameBytes, whole * frameBytes) };
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export type Rgb = readonly [number, number, number];

/** Mean colour of the middle half of a box: edges and codec blur do not count. */
export function meanColour(picture: Picture, box: Box): Rgb {
  const sum = [0, 0, 0];
  let count = 0;
  for (let y = box.y + Math.floor(box.height / 4); y < box.y + (box.height * 3) / 4; y += 2) {
    for (let x = box.x + Math.floor(box.width / 4); x < box.x + (box.width * 3) / 4; x += 2) {
      const at = (y * picture.width + x) * 3;
      for (let c = 0; c < 3; c += 1) sum[c] = (sum[c] ?? 0) + (picture.rgb[at + c] ?? 0);
      count += 1;
    }
  }
  return [(sum[0] ?? 0) / count, (sum[1] ?? 0) / count, (sum[2] ?? 0) / count];
}

export function colourDistance(a: Rgb, b: Rgb): number {
  return Math.max(Math.abs(a[0] - b[0]), Math.abs(a[1] - b[1]), Math.abs(a[2] - b[2]));
}

/** The last `seconds` of sound as samples of -1 to 1 at 48 kHz: both channels in one (3 dB louder), or the left. */
export async function lastSound(
  input: string,
  seconds: number,
  channel: 'both' | 'left' = 'both',
): Promise<Float32Array> {
  const args = [
    '-v',
    'error',
    '-i',
    input,
    '-vn',
    ...(channel === 'left' ? ['-af', 'pan=mono|c0=c0'] : ['-ac', '1']),
    '-ar',
    String(SAMPLE_RATE),
    '-f',
    'f32le',
    '-',
  ];
  const { stdout } = await run('ffmpeg', args, { encoding: 'buffer', maxBuffer: 1024 ** 3 });
  const want = Math.floor(seconds * SAMPLE_RATE);
  const samples = new Float32Array(Math.floor(stdout.length / 4));
  for (let i = 0; i < samples.length; i += 1) samples[i] = stdout.readFloatLE(i * 4);
  return samples.subarray(Math.max(0, samples.length - want));
}

/** Amplitude (0 to 1) of one frequency in the samples, by Goertzel's recurrence. */
export function toneLevel(samples: Float32Array, hz: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / SAMPLE_RATE);
  let previous = 0;
  let beforeThat = 0;
  for (const sample of samples) {
    const now = sample + coefficient * previous - beforeThat;
    beforeThat = previous;
    previous = now;
  }
  const power = previous ** 2 + beforeThat ** 2 - coefficient * previous * beforeThat;
  return (2 * Math.sqrt(Math.max(0, power))) / samples.length;
}

/** Duration in ms and counts of decoded frames, and what FFmpeg complained of while decoding everything. */
export async function probeFile(
  file: string,
): Promise<{ durationMs: number; frames: number; errors: string }> {
  const probe = ['-v', 'error', '-count_frames', '-select_streams', 'v:0', '-show_entries'];
  const { stdout } = await run('ffprobe', [
    ...probe,
    'stream=nb_read_frames:format=duration',
    '-of',
    'json',
    file,
  ]);
  const info = JSON.parse(stdout) as {
    streams: { nb_read_frames?: string }[];
    format: { duration?: string };
  };
  const { stderr } = await run('ffmpeg', ['-v', 'error', '-i', file, '-f', 'null', '-']);
  return {
    durationMs: Number(info.format.duration ?? 0) * 1000,
    frames: Number(info.streams[0]?.nb_read_frames ?? 0),
    errors: stderr,
  };
}

export interface Probe {
  readonly startMs: number;
  readonly durationMs: number;
  readonly streams: readonly {
    readonly codec: string;
    readonly frames: number;
    readonly width: number;
    /** 0 for pictures. */
    readonly sampleRate: number;
    readonly channels: number;
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
    readonly sample_rate?: string;
    readonly channels?: number;
    readonly start_time: string;
    readonly time_base: string;
  }[];
}

/** What ffprobe sees in a file or at a URL, every packet counted. */
export async function probe(input: string): Promise<Probe> {
  const shown =
    'format=duration,start_time:stream=codec_name,nb_read_packets,width,sample_rate,channels,start_time,time_base';
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
      sampleRate: Number(stream.sample_rate ?? 0),
      channels: stream.channels ?? 0,
      startMs: Number(stream.start_time) * 1000,
      timeBase: stream.time_base,
    })),
  };
}

/** Decodes everything (or what the options before the input leave of it); gives FFmpeg's complaints, '' for none. */
export async function decodeErrors(
  input: string,
  options: readonly string[] = [],
  handling: readonly string[] = ['-fps_mode', 'passthrough'],
): Promise<string> {
  const output = [...handling, '-f', 'null', '-'];
  const { stderr } = await run('ffmpeg', ['-v', 'warning', ...options, '-i', input, ...output]);
  return stderr;
}

/** When each picture of a file is shown, ms, in that order. */
export async function pictureTimes(input: string): Promise<number[]> {
  const shown = ['-select_streams', 'v:0', '-show_entries', 'packet=pts_time', '-of', 'csv=p=0'];
  const { stdout } = await run('ffprobe', ['-v', 'error', ...shown, input]);
  const times = stdout.split('\n').filter((line) => line !== '');
  return times.map((line) => Math.round(Number.parseFloat(line) * 1000)).sort((a, b) => a - b);
}

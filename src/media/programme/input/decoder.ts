import type { Readable } from 'node:stream';
import type { Logger } from 'pino';
import type { Frame, FramePool } from '../../canvas/frame-pool.ts';
import { DECODER_AUDIO_SAMPLES, type DecodedPicture, decoderArgs } from '../../ffmpeg/decoder-args.ts';
import type { FfmpegExit } from '../../ffmpeg/exit.ts';
import { startFfmpeg } from '../../ffmpeg/process.ts';
import type { TagFeed } from '../../ffmpeg/tag-feed.ts';
import type { FlvTag } from '../../flv/tag.ts';
import { CHANNELS } from '../clock.ts';

export interface DecoderOptions {
  readonly log: Logger;
  /** Pool of that size; null decodes no picture. */
  readonly video: (DecodedPicture & { readonly pool: FramePool }) | null;
  readonly audio: boolean;
  /** How the tags are handed over. */
  readonly feed: TagFeed;
  readonly nice: number;
  readonly onFrame: (frame: Frame) => void;
  /** Place on the timeline in samples; the array is valid during the call only. */
  readonly onSound: (position: number, samples: Int16Array) => void;
  /** A line that FFmpeg wrote of an error; it goes on all the same. */
  readonly onComplaint: (line: string) => void;
}

/** One FFmpeg that decodes one stream to one size; it lives until it is closed or fails. */
export interface Decoder {
  readonly pid: number;
  /** Timestamps must go on without jumps. False when the child does not keep up and should be replaced. */
  write(tag: FlvTag): boolean;
  setNice(nice: number): void;
  readonly exited: Promise<FfmpegExit>;
  close(): void;
}

/** Some 20 s at 6 Mbit/s: more than any kept GOP that has to be caught up with. */
const MAX_UNREAD_BYTES = 24 * 1024 * 1024;
/** FFmpeg writes a picture's time first, but Node may read 2 MB of one pipe before it looks at another. */
const MAX_UNTIMED_BYTES = 4 * 1024 * 1024;
const MIN_UNTIMED = 8;
const SOUND_BYTES = DECODER_AUDIO_SAMPLES * CHANNELS * 2;
/** FFmpeg says where in its memory the complaining part lies. */
const ADDRESS = / @ 0x[0-9a-f]+/;
const TIME = /pts:(-?\d+|NOPTS)\s+pts_time:(\S+)/;

/** Calls back for each `frame: pts: pts_time:` line that FFmpeg's metadata filter prints. */
export function parseTimes(stream: Readable, onTime: (pts: number, seconds: number) => void): void {
  let rest = '';
  stream.setEncoding('latin1');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const match = TIME.exec(line);
      if (match) onTime(Number(match[1]), Number(match[2]));
    }
  });
}

function readPictures(options: DecoderOptions, times: Readable, data: Readable, onBroken: () => void): void {
  const { video, onFrame } = options;
  if (!video) return;
  const { pool } = video;
  const known: number[] = [];
  const untimed: Frame[] = [];
  const maxUntimed = MIN_UNTIMED + Math.ceil(MAX_UNTIMED_BYTES / pool.frameBytes);
  let filling: Frame | null = null;
  let filled = 0;

  function match(): void {
    while (untimed.length > 0 && known.length > 0) {
      const frame = untimed.shift();
      const time = known.shift() ?? Number.NaN;
      if (!frame) return;
      frame.ptsMs = time;
      if (Number.isNaN(time)) pool.giveBack(frame);
      else onFrame(frame);
    }
    // Leaving one out would give every later picture the time of another.
    if (untimed.length > maxUntimed) onBroken();
  }

  parseTimes(times, (_pts, seconds) => {
    known.push(seconds * 1000);
    match();
  });
  data.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; ) {
      filling ??= pool.take();
      const part = Math.min(chunk.length - at, pool.frameBytes - filled);
      chunk.copy(filling.data, filled, at, at + part);
      filled += part;
      at += part;
      if (filled < pool.frameBytes) continue;
      untimed.push(filling);
      filling = null;
      filled = 0;
      match();
    }
  });
}

function readSound(options: DecoderOptions, times: Readable, data: Readable): void {
  const known: number[] = [];
  // 16-bit samples need an even start, which chunks do not have: they are collected here.
  let collected: Buffer = Buffer.alloc(0);

  function match(): void {
    let at = 0;
    while (known.length > 0 && collected.length - at >= SOUND_BYTES) {
      const position = known.shift() ?? 0;
      const bytes = new Uint8Array(collected.subarray(at, at + SOUND_BYTES));
      at += SOUND_BYTES;
      if (!Number.isNaN(position)) options.onSound(position, new Int16Array(bytes.buffer));
    }
    if (at > 0) collected = collected.subarray(at);
  }

  parseTimes(times, (pts) => {
    known.push(pts);
    match();
  });
  data.on('data', (chunk: Buffer) => {
    collected = collected.length === 0 ? chunk : Buffer.concat([collected, chunk]);
    match();
  });
}

/** Starts decoding; the first tags must be the sequence headers of the tracks asked for. */
export function startDecoder(options: DecoderOptions): Decoder {
  const { video, audio, feed, log } = options;
  const child = startFfmpeg({
    args: decoderArgs({ format: feed.format, video, audio }),
    log,
    name: 'decoder',
    stdin: 'pipe',
    stdout: 'ignore',
    extraPipes: 4,
    nice: options.nice,
    onLine: (line) => options.onComplaint(line.replace(ADDRESS, '')),
  });
  const [videoTimes, audioTimes, pictures, sound] = child.pipes;
  if (videoTimes && pictures && video) readPictures(options, videoTimes, pictures, () => child.kill());
  if (audioTimes && sound && audio) readSound(options, audioTimes, sound);
  const stdin = child.stdin;
  stdin?.write(feed.start);

  return {
    pid: child.pid,
    exited: child.exited,
    setNice: child.setNice,
    write(tag) {
      if (!stdin?.writable) return true; // its exit tells the rest
      const bytes = feed.encode(tag);
      if (bytes) stdin.write(bytes);
      return stdin.writableLength <= MAX_UNREAD_BYTES;
    },
    close: () => child.kill(),
  };
}

import type { Logger } from 'pino';
import { type EncoderArgs, encoderArgs } from '../ffmpeg/argv.ts';
import type { FfmpegExit } from '../ffmpeg/exit.ts';
import { startFfmpeg } from '../ffmpeg/process.ts';
import { createFlvParser } from '../flv/parser.ts';
import type { FlvTag } from '../flv/tag.ts';
import { nutFrameHeader } from '../nut/container.ts';
import { CHANNELS, SAMPLE_RATE } from './clock.ts';
import { NUT_AUDIO, NUT_VIDEO, nutHeader } from './nut.ts';

export interface EncoderOptions extends EncoderArgs {
  readonly width: number;
  readonly height: number;
  readonly log: Logger;
  /** Tags with the time of the frame they were made from, in ms from frame 0. */
  readonly onTag: (tag: FlvTag) => void;
}

/** One FFmpeg that encodes canvases and sound; frames are numbered from the programme's start. */
export interface Encoder {
  readonly pid: number;
  /** The picture belongs to the encoder until `done`, which is called exactly once. */
  writeFrame(frame: number, picture: Buffer, done: () => void): void;
  writeSound(firstSample: number, samples: Buffer): void;
  /** Bytes that it has not taken yet. */
  readonly unreadBytes: number;
  /** Monotonic ms of its last output (or its start). */
  readonly lastOutputAt: number;
  readonly exited: Promise<FfmpegExit>;
  /** Lets it write out what it has. */
  stop(): Promise<FfmpegExit>;
  kill(): void;
}

/**
 * AAC begins one frame before its first sample and FFmpeg shifts a stream that begins below zero, so the
 * encoder sees all times one second later.
 */
const LEAD_SECONDS = 1;

/** Starts the encoder; nothing is probed, so its first output comes after some 100 ms. */
export function startEncoder(options: EncoderOptions): Encoder {
  const { fps, width, height, log, onTag } = options;
  const child = startFfmpeg({
    args: encoderArgs(options),
    log,
    name: 'encoder',
    stdin: 'pipe',
    stdout: 'pipe',
  });
  let lastOutputAt = performance.now();
  const parser = createFlvParser({
    onTag(tag) {
      lastOutputAt = performance.now();
      onTag({ ...tag, timestamp: tag.timestamp - LEAD_SECONDS * 1000 });
    },
  });
  child.stdout?.on('data', (chunk: Buffer) => {
    try {
      parser.push(chunk);
    } catch (error) {
      log.warn({ err: error }, 'the encoder wrote no FLV');
      child.kill();
    }
  });
  const stdin = child.stdin;
  stdin?.write(nutHeader({ width, height, fps, sampleRate: SAMPLE_RATE, channels: CHANNELS }));

  function write(stream: number, pts: number, body: Buffer, done?: () => void): void {
    if (!stdin?.writable) {
      done?.();
      return;
    }
    // One system call for header and body.
    stdin.cork();
    stdin.write(nutFrameHeader(stream, pts, body.length));
    stdin.write(body, () => done?.());
    stdin.uncork();
  }

  return {
    pid: child.pid,
    exited: child.exited,
    get unreadBytes() {
      return stdin?.writableLength ?? 0;
    },
    get lastOutputAt() {
      return lastOutputAt;
    },
    writeFrame: (frame, picture, done) => write(NUT_VIDEO, frame + LEAD_SECONDS * fps, picture, done),
    writeSound: (first, samples) => write(NUT_AUDIO, first + LEAD_SECONDS * SAMPLE_RATE, samples),
    stop: () => child.stop(),
    kill: () => child.kill(),
  };
}

import type { Logger } from 'pino';
import type { FfmpegExit } from '../../ffmpeg/exit.ts';
import { startFfmpeg } from '../../ffmpeg/process.ts';
import { createFlvParser } from '../../flv/parser.ts';
import type { FlvTag } from '../../flv/tag.ts';

export interface EncoderProcessOptions {
  readonly args: readonly string[];
  readonly name: 'video encoder' | 'sound encoder';
  readonly log: Logger;
  /** Tags with the time of what they were made from, ms as the encoder was given it; beyond 32 bit, too. */
  readonly onTag: (tag: FlvTag) => void;
}

/** An FFmpeg that reads raw media on stdin and writes FLV. */
export interface EncoderProcess {
  readonly pid: number;
  /** Parts go out as one write; `taken` is called exactly once, when they are read or lost. */
  write(parts: readonly Buffer[], taken?: () => void): void;
  /** Bytes that it has not taken yet. */
  readonly unreadBytes: number;
  /** Monotonic ms of its first output; null before. */
  readonly firstOutputAt: number | null;
  /** Monotonic ms of its last output (or its start). */
  readonly lastOutputAt: number;
  /** Resolves behind its last tag. */
  readonly exited: Promise<FfmpegExit>;
  /** Lets it write out what it has; ends it hard when that takes longer than two steps. */
  stop(stepMs?: number): Promise<FfmpegExit>;
  kill(): void;
}

/**
 * AAC begins one frame before its first sample and FFmpeg shifts a stream that begins below zero, so encoders
 * see all times one second later.
 */
export const LEAD_SECONDS = 1;

/** FFmpeg writes FLV times with 31 bit: every 24.8 days they begin again. */
const WRAP_MS = 2 ** 31;

/** Makes wrapped times go on. */
function createUnwrapper(): (ms: number) => number {
  let wraps = 0;
  let last = 0;
  return (ms) => {
    if (ms < last - WRAP_MS / 2) wraps += 1;
    last = ms;
    return ms + wraps * WRAP_MS;
  };
}

/** Starts it; nothing is probed, so its first output comes some 100 ms after its first input. */
export function startEncoderProcess(options: EncoderProcessOptions): EncoderProcess {
  const { args, log, name, onTag } = options;
  const child = startFfmpeg({ args, log, name, stdin: 'pipe', stdout: 'pipe' });
  const unwrap = createUnwrapper();
  let firstOutputAt: number | null = null;
  let lastOutputAt = performance.now();
  const parser = createFlvParser({
    onTag(tag) {
      lastOutputAt = performance.now();
      firstOutputAt ??= lastOutputAt;
      onTag({ ...tag, timestamp: unwrap(tag.timestamp) - LEAD_SECONDS * 1000 });
    },
  });
  const { stdin, stdout } = child;
  const outputEnded = new Promise<void>((resolve) => {
    if (stdout) stdout.once('close', () => resolve());
    else resolve();
  });
  stdout?.on('data', (chunk: Buffer) => {
    try {
      parser.push(chunk);
    } catch (error) {
      log.warn({ err: error }, 'the encoder wrote no FLV');
      child.kill();
    }
  });
  const exited = child.exited.then(async (exit) => {
    if (exit.outcome !== 'not-started') await outputEnded;
    return exit;
  });

  return {
    pid: child.pid,
    exited,
    get unreadBytes() {
      return stdin?.writableLength ?? 0;
    },
    get firstOutputAt() {
      return firstOutputAt;
    },
    get lastOutputAt() {
      return lastOutputAt;
    },
    write(parts, taken) {
      if (!stdin?.writable) {
        taken?.();
        return;
      }
      // One system call for header and body.
      stdin.cork();
      for (const [index, part] of parts.entries()) {
        if (index === parts.length - 1) stdin.write(part, () => taken?.());
        else stdin.write(part);
      }
      stdin.uncork();
    },
    async stop(stepMs) {
      await child.stop(stepMs);
      return exited;
    },
    kill: () => child.kill(),
  };
}

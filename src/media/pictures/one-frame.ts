import type { Logger } from 'pino';
import { GatewayError } from '../../domain/errors.ts';
import { startFfmpeg } from '../ffmpeg/process.ts';

export interface OneFrameOptions {
  readonly args: readonly string[];
  /** What FFmpeg is given on stdin; null for none. */
  readonly input: Buffer | null;
  /** What it must give, exactly. */
  readonly bytes: number;
  readonly log: Logger;
  readonly nice: number;
  readonly signal: AbortSignal;
}

/** A picture takes some 50 ms; one that takes so long is meant to. */
const LIMIT_MS = 10_000;

function collect(stream: NodeJS.ReadableStream | null, into: Buffer): () => boolean {
  let filled = 0;
  stream?.on('data', (chunk: Buffer) => {
    chunk.copy(into, filled);
    filled += chunk.length;
  });
  return () => filled === into.length;
}

/** One raw frame from a short-lived FFmpeg; throws `bad-media` when it gives none, `tool-missing`, `timeout`. */
export async function oneFrame(options: OneFrameOptions): Promise<Buffer> {
  const { args, input, bytes, log, nice, signal } = options;
  signal.throwIfAborted();
  const stdin = input ? 'pipe' : 'ignore';
  const child = startFfmpeg({ args, log, name: 'picture', stdin, stdout: 'pipe', nice });
  const frame = Buffer.allocUnsafeSlow(bytes);
  const isWhole = collect(child.stdout, frame);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill();
  }, LIMIT_MS);
  signal.addEventListener('abort', child.kill, { once: true });
  child.stdin?.end(input);
  const exit = await child.exited;
  clearTimeout(timer);
  signal.removeEventListener('abort', child.kill);
  if (isWhole()) return frame;
  if (exit.outcome === 'not-started') throw new GatewayError('tool-missing', 'ffmpeg does not start');
  if (late) throw new GatewayError('timeout', 'it takes too long to decode', { retry: 'never' });
  log.debug({ tail: exit.tail.slice(-3) }, 'no picture');
  throw new GatewayError('bad-media', 'it cannot be decoded', { blame: 'source', retry: 'never' });
}

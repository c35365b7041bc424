import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Logger } from 'pino';
import { GatewayError } from '../../domain/errors.ts';
import { remuxArgs } from '../ffmpeg/argv.ts';
import { startFfmpeg } from '../ffmpeg/process.ts';

export interface RemuxOptions {
  /** In pieces, read as fast as FFmpeg takes them. */
  readonly stream: AsyncIterable<Buffer>;
  readonly format: 'flv' | 'nut';
  readonly hasHevc: boolean;
  readonly file: string;
  /** Added to every timestamp, ms. */
  readonly shiftMs: number;
  readonly log: Logger;
  readonly signal?: AbortSignal | undefined;
}

/** What is on the air goes first. */
const REMUX_NICE = 10;

/**
 * Writes a stream as MP4 and syncs it, nothing encoded, by an FFmpeg of low priority. Throws the
 * signal's reason, `tool-missing` or `child-failed`, and may leave half a file then.
 */
export async function remux({ stream, log, signal, ...target }: RemuxOptions): Promise<void> {
  signal?.throwIfAborted();
  const args = remuxArgs(target);
  const child = startFfmpeg({ args, name: 'remux', stdin: 'pipe', stdout: 'ignore', nice: REMUX_NICE, log });
  const onAbort = () => child.kill();
  signal?.addEventListener('abort', onAbort, { once: true });
  let fed = true;
  let cause: unknown;
  try {
    if (child.stdin) await pipeline(stream, child.stdin);
  } catch (error) {
    // It ended early, or the journal cannot be read: an input that ends would make it finish half a file.
    fed = false;
    cause = error;
    child.kill();
  }
  const exit = await child.exited;
  signal?.removeEventListener('abort', onAbort);
  signal?.throwIfAborted();
  if (!fed || exit.code !== 0) {
    const code = exit.outcome === 'not-started' ? 'tool-missing' : 'child-failed';
    const message = `the MP4 cannot be written: ${exit.tail.at(-1) ?? exit.outcome}`;
    throw new GatewayError(code, message, { blame: 'system', cause });
  }
  await syncFile(target.file);
}

async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

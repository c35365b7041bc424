import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { toGatewayError } from '../../domain/errors.ts';
import { createContinuity, type TagInfo } from './continuity.ts';
import { type HttpFlvEnd, readHttpFlv } from './http-flv.ts';
import type { FlvTag } from './tag.ts';

export type { TagInfo } from './continuity.ts';

export type ReaderState = 'connecting' | 'connected' | 'down';

export interface StreamReaderOptions {
  /** A fresh internal URL (with ticket) for every attempt; null while no gateway is known. */
  readonly url: () => string | null | Promise<string | null>;
  readonly log: Logger;
  readonly onTag: (tag: FlvTag, info: TagInfo) => void;
  /** What came at once was given tag by tag. */
  readonly onRead?: () => void;
  /** The data of tags is overwritten behind onRead: who keeps it copies it. */
  readonly lent?: boolean;
  readonly onState?: (state: ReaderState) => void;
  /** Before the first tag of a publisher, or of a reconnect that could not go on behind the last tag. */
  readonly onStreamStart?: () => void;
  readonly onStreamEnd?: () => void;
  /** A higher epoch of the task reads this stream; the reader has stopped for good. */
  readonly onFenced?: () => void;
  readonly signal?: AbortSignal;
  /** Longest pause between attempts; 1 s by default. */
  readonly maxRetryMs?: number;
  /** Monotonic ms; performance.now by default. */
  readonly now?: () => number;
}

export interface StreamReader {
  /** The stream is somewhere else now: leaves the connection and asks for the address again. */
  reconnect(): void;
  /** Resolves when the connection is closed; no callback comes afterwards. */
  stop(): Promise<void>;
}

const FIRST_RETRY_MS = 250;
const DEFAULT_MAX_RETRY_MS = 1000;
/** A connection that lived this long was a good one: the next attempt comes at once. */
const GOOD_MS = 200;

/** Pause before attempt n (from 0) since the last good connection: none, 250 ms, 500 ms, at most maxMs. */
export function readerRetryMs(attempt: number, maxMs: number): number {
  return attempt <= 1 ? attempt * FIRST_RETRY_MS : Math.min(FIRST_RETRY_MS * 2 ** (attempt - 1), maxMs);
}

/** Reads a hub stream over HTTP-FLV until stopped or fenced, through publisher changes and gateway restarts. */
export function openStreamReader(options: StreamReaderOptions): StreamReader {
  const { log, lent = false } = options;
  const now = options.now ?? (() => performance.now());
  const controller = new AbortController();
  const { signal } = controller;
  let connection = new AbortController();
  const stopOutside = () => controller.abort();
  options.signal?.addEventListener('abort', stopOutside, { once: true });
  if (options.signal?.aborted) controller.abort();
  // Asked for each tag: of a signal that costs more than all else here.
  let isStopped = signal.aborted;
  signal.addEventListener('abort', () => {
    isStopped = true;
  });

  const continuity = createContinuity({
    onTag: (tag, info) => {
      if (!isStopped) options.onTag(tag, info);
    },
    onStreamStart: () => {
      if (!isStopped) options.onStreamStart?.();
    },
    onStreamEnd: () => {
      if (!isStopped) options.onStreamEnd?.();
    },
  });
  const tell = (state: ReaderState) => {
    if (!isStopped) options.onState?.(state);
  };

  async function attemptOnce(): Promise<HttpFlvEnd> {
    connection = new AbortController();
    const url = await Promise.resolve()
      .then(options.url)
      .catch((error: unknown) => {
        log.warn({ reason: toGatewayError(error).message }, 'no address for a stream to read');
        return null;
      });
    if (url === null) return { kind: 'lost', message: 'no gateway is known' };
    return readHttpFlv({
      url,
      signal: AbortSignal.any([signal, connection.signal]),
      onOpen: () => {
        continuity.attach();
        tell('connected');
      },
      lent,
      onTag: (tag) => continuity.push(tag, now()),
      onRead: () => {
        if (lent) continuity.ownLast();
        if (!isStopped) options.onRead?.();
      },
    });
  }

  async function pauseBefore(attempt: number): Promise<void> {
    const ms = readerRetryMs(attempt, options.maxRetryMs ?? DEFAULT_MAX_RETRY_MS);
    // The delay rejects only when we are stopped, which the loop sees itself.
    if (ms > 0) await delay(ms, undefined, { signal }).catch(() => undefined);
  }

  /** False when the reader has stopped for good. */
  function goesOn(end: HttpFlvEnd): boolean {
    if (end.kind === 'aborted' && signal.aborted) return false;
    if (end.kind === 'fenced') {
      log.warn('a higher epoch of this task reads the stream');
      options.onFenced?.();
      return false;
    }
    if (end.kind === 'refused') log.warn({ status: end.status }, 'the gateway refused a stream to read');
    if (end.kind === 'lost') log.debug({ reason: end.message }, 'the connection to a stream was lost');
    tell('down');
    return true;
  }

  async function run(): Promise<void> {
    let attempt = 0;
    for (;;) {
      await pauseBefore(attempt);
      if (signal.aborted) break;
      tell('connecting');
      const began = now();
      const end = await attemptOnce();
      if (!goesOn(end)) break;
      attempt = end.kind === 'aborted' || now() - began >= GOOD_MS ? 0 : attempt + 1;
    }
    options.signal?.removeEventListener('abort', stopOutside);
  }

  const running = run();
  return {
    reconnect: () => connection.abort(),
    async stop() {
      controller.abort();
      await running;
    },
  };
}

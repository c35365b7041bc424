import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { onReady } from './redis.ts';

/** Writes in order that wait while Redis is away. */
export interface WaitingWrites<T> {
  add(item: T): void;
  /** Tries once more to write what waits. Never throws. */
  close(): Promise<void>;
}

export interface WaitingWritesOptions<T> {
  readonly redis: Redis;
  readonly log: Logger;
  /** What is written, for the log. */
  readonly what: string;
  readonly write: (item: T) => Promise<void>;
  readonly max: number;
  /** Which of too many goes; the oldest by default. */
  readonly givesWay?: (items: readonly T[]) => number;
  /** It went without being written. */
  readonly onLost?: (item: T) => void;
}

/** A Redis that hangs keeps its connections: tried again by itself. */
const RETRY_MS = 2000;

export function createWaitingWrites<T>(options: WaitingWritesOptions<T>): WaitingWrites<T> {
  const { redis, log, what, write, max, givesWay = () => 0 } = options;
  const waiting: T[] = [];
  let lost = 0;
  let writing: Promise<void> = Promise.resolve();
  let isWriting = false;
  let retry: NodeJS.Timeout | undefined;

  /** Writes until nothing waits; nothing lies between its last look and its end, so that no item is overlooked. */
  async function writeWaiting(): Promise<void> {
    isWriting = true;
    try {
      for (let [first] = waiting; first !== undefined; [first] = waiting) {
        await write(first);
        // The row may have been cut while it was written.
        if (waiting[0] === first) waiting.shift();
      }
      if (lost > 0) log.warn({ lost }, `${what} were left out: Redis was away too long`);
      lost = 0;
    } catch (error) {
      log.debug({ err: error }, `${what} wait for Redis`);
      clearTimeout(retry);
      retry = setTimeout(tryWriting, RETRY_MS);
    } finally {
      isWriting = false;
    }
  }

  function tryWriting(): void {
    if (!isWriting) writing = writeWaiting();
  }

  const stopWaiting = onReady(redis, tryWriting);
  return {
    add(item) {
      waiting.push(item);
      if (waiting.length > max) {
        const [gone] = waiting.splice(givesWay(waiting), 1);
        if (gone !== undefined) options.onLost?.(gone);
        lost += 1;
      }
      tryWriting();
    },
    async close() {
      stopWaiting();
      tryWriting();
      await writing;
      clearTimeout(retry);
    },
  };
}

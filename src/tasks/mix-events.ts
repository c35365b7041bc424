import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { MixEvent, TaskEvent } from '../domain/mix-event.ts';
import type { Announcements } from '../queue/announcements.ts';
import { onReady, reach } from '../queue/redis.ts';

/** PUBLISHed with each event and whose it is, as JSON. */
const MIX_EVENTS = 'roomcast:mix-events';

const KEPT = 100;
const KEPT_MS = 7 * 24 * 3_600_000;
/** Kept events that wait for Redis; the oldest give way. */
const MAX_WAITING = 500;
const RETRY_MS = 2000;

function listOf(taskId: string): string {
  return `roomcast:mix-events:${taskId}`;
}

export interface EventSender {
  /** Sent in order; who speaks is told at once or not at all, everything else waits while Redis is away. */
  send(event: TaskEvent): void;
  /** Tries once more to send what waits. Never throws. */
  close(): Promise<void>;
}

/** Tells Redis what the programmes of this process notice. */
export function createEventSender({
  redis,
  log,
}: {
  readonly redis: Redis;
  readonly log: Logger;
}): EventSender {
  const waiting: TaskEvent[] = [];
  let lost = 0;
  let sending: Promise<void> = Promise.resolve();
  let isSending = false;
  let retry: NodeJS.Timeout | undefined;

  async function write(told: TaskEvent): Promise<void> {
    const list = listOf(told.taskId);
    const results = await redis
      .multi()
      .rpush(list, JSON.stringify(told.event))
      .ltrim(list, -KEPT, -1)
      .pexpire(list, KEPT_MS)
      .publish(MIX_EVENTS, JSON.stringify(told))
      .exec();
    const failed = results?.find(([error]) => error !== null)?.[0];
    if (failed) log.warn({ reason: failed.message, event: told.event }, 'an event could not be kept');
  }

  /** Sends until nothing waits; nothing lies between its last look and its end, so that no event is overlooked. */
  async function sendWaiting(): Promise<void> {
    isSending = true;
    try {
      for (let [first] = waiting; first !== undefined; [first] = waiting) {
        await write(first);
        // The list may have been cut while it was written.
        if (waiting[0] === first) waiting.shift();
      }
      if (lost > 0) log.warn({ lost }, 'events were left out: Redis was away too long');
      lost = 0;
    } catch (error) {
      log.debug({ err: error }, 'events wait for Redis');
      // It may hang without losing its connections.
      clearTimeout(retry);
      retry = setTimeout(trySending, RETRY_MS);
    } finally {
      isSending = false;
    }
  }

  function trySending(): void {
    if (!isSending) sending = sendWaiting();
  }

  const stopWaiting = onReady(redis, trySending);
  return {
    send(told) {
      if (told.event.type === 'speaking') {
        // A level that comes late is worth nothing.
        redis.publish(MIX_EVENTS, JSON.stringify(told)).catch(() => undefined);
        return;
      }
      waiting.push(told);
      if (waiting.length > MAX_WAITING) {
        waiting.shift();
        lost += 1;
      }
      trySending();
    },
    async close() {
      stopWaiting();
      trySending();
      await sending;
      clearTimeout(retry);
    },
  };
}

/** The last events of a mix but who spoke, oldest first; throws `redis-away`. */
export async function readMixEvents(redis: Redis, taskId: string): Promise<readonly MixEvent[]> {
  const texts = await reach(() => redis.lrange(listOf(taskId), 0, -1));
  return texts.map((text) => JSON.parse(text) as MixEvent);
}

/** What all mixes notice, as one process hears it. */
export interface EventEar {
  /** Calls the listener with each event from now on; returns the way to stop. */
  hear(listener: (event: TaskEvent) => void): () => void;
  stop(): void;
}

/** Listens from now on, so that who begins to hear misses nothing that comes after. */
export function followMixEvents(announcements: Announcements): EventEar {
  const listeners = new Set<(event: TaskEvent) => void>();
  const stop = announcements.on(MIX_EVENTS, (text) => {
    if (listeners.size === 0) return;
    const told = JSON.parse(text) as TaskEvent;
    for (const listener of listeners) listener(told);
  });
  return {
    hear(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop,
  };
}

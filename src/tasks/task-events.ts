import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { MixEvent } from '../domain/mix-event.ts';
import { givesWay, isPushEvent, type PushEvent, subjectOf, type TaskEvent } from '../domain/task-event.ts';
import type { Announcements } from '../queue/announcements.ts';
import { reach } from '../queue/redis.ts';
import { storedObject } from '../queue/stored.ts';
import { createWaitingWrites } from '../queue/waiting-writes.ts';

/** PUBLISHed with each event and whose it is, as JSON. */
const EVENTS = 'roomcast:events';

const KEPT = 100;
const KEPT_MS = 7 * 24 * 3_600_000;
/** Kept events that wait for Redis. */
const MAX_WAITING = 500;

/**
 * Appends an event to a list; in a full one the oldest about what the most are about gives way, so that one noisy
 * input or target leaves the others their place. An entry is its subject, a line feed and the event.
 * KEYS: list. ARGV: entry, most entries, ms to keep.
 */
const KEEP = `
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
if redis.call('LLEN', KEYS[1]) <= tonumber(ARGV[2]) then return 1 end
local entries = redis.call('LRANGE', KEYS[1], 0, -1)
local counts, most = {}, 0
for _, entry in ipairs(entries) do
  local subject = string.match(entry, '^[^\\n]*')
  counts[subject] = (counts[subject] or 0) + 1
  if counts[subject] > most then most = counts[subject] end
end
for _, entry in ipairs(entries) do
  if counts[string.match(entry, '^[^\\n]*')] == most then
    redis.call('LREM', KEYS[1], 1, entry)
    return 1
  end
end`;

function listOf(what: 'mix' | 'push', taskId: string): string {
  return `roomcast:events:${what}-${taskId}`;
}

export interface EventSender {
  /** Sent in order; who speaks is told at once or not at all, everything else waits while Redis is away. */
  send(event: TaskEvent): void;
  /** Tries once more to send what waits. Never throws. */
  close(): Promise<void>;
}

/** Tells Redis what the jobs of this process notice. */
export function createEventSender({
  redis,
  log,
}: {
  readonly redis: Redis;
  readonly log: Logger;
}): EventSender {
  async function write(told: TaskEvent): Promise<void> {
    const { taskId, event } = told;
    const list = listOf(isPushEvent(event) ? 'push' : 'mix', taskId);
    const entry = `${subjectOf(event)}\n${JSON.stringify(event)}`;
    const results = await redis
      .multi()
      .eval(KEEP, 1, list, entry, KEPT, KEPT_MS)
      .publish(EVENTS, JSON.stringify(told))
      .exec();
    const failed = results?.find(([error]) => error !== null)?.[0];
    if (failed) log.warn({ reason: failed.message, event: told.event }, 'an event could not be kept');
  }

  const kept = createWaitingWrites<TaskEvent>({
    redis,
    log,
    what: 'events',
    write,
    max: MAX_WAITING,
    givesWay: (waiting) => givesWay(waiting.map(({ taskId, event }) => `${taskId} ${subjectOf(event)}`)),
  });
  return {
    send(told) {
      if (told.event.type !== 'speaking') {
        kept.add(told);
        return;
      }
      // A level that comes late is worth nothing.
      redis.publish(EVENTS, JSON.stringify(told)).catch(() => undefined);
    },
    close: kept.close,
  };
}

async function readEvents<E extends object>(redis: Redis, list: string): Promise<readonly E[]> {
  const entries = await reach(() => redis.lrange(list, 0, -1));
  return entries.flatMap((entry) => storedObject<E>(entry.slice(entry.indexOf('\n') + 1)) ?? []);
}

/** The last events of a mix but who spoke, by its own task, oldest first; throws `redis-away`. */
export function readMixEvents(redis: Redis, taskId: string): Promise<readonly MixEvent[]> {
  return readEvents(redis, listOf('mix', taskId));
}

/** The last events of a relay's targets, oldest first; throws `redis-away`. */
export function readPushEvents(redis: Redis, taskId: string): Promise<readonly PushEvent[]> {
  return readEvents(redis, listOf('push', taskId));
}

/** What all jobs notice, as one process hears it. */
export interface EventEar {
  /** Calls the listener with each event from now on; returns the way to stop. */
  hear(listener: (event: TaskEvent) => void): () => void;
  stop(): void;
}

/** Listens from now on, so that who begins to hear misses nothing that comes after. */
export function followEvents(announcements: Announcements): EventEar {
  const listeners = new Set<(event: TaskEvent) => void>();
  const stop = announcements.on(EVENTS, (text) => {
    if (listeners.size === 0) return;
    const told = storedObject<TaskEvent>(text);
    if (!told?.event || !told.room) return;
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

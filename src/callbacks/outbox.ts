import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { CallbackEvent, CallbackFigures, CallbackOutcome } from '../domain/callback/callback.ts';
import { reach } from '../queue/redis.ts';
import { storedObject } from '../queue/stored.ts';
import { createWaitingWrites } from '../queue/waiting-writes.ts';

/** PUBLISHed with each event that is put in. */
export const CALLBACK_ADDED = 'roomcast:callbacks:added';
/** Hash: `<app> <outcome>` to how many. */
const COUNTS = 'roomcast:callbacks:counts';
/** Waiting events of one app; the oldest give way. */
const MAX_KEPT = 5000;
/** An outbox that nobody adds to and nobody empties. */
const KEPT_MS = 7 * 24 * 3_600_000;
/** Of one process while Redis is away; the oldest give way. */
const MAX_WAITING = 1000;

const streamOf = (appId: number) => `roomcast:callbacks:outbox:${appId}`;
const countOf = (appId: number, outcome: CallbackOutcome) => `${appId} ${outcome}`;

/** Lua: `putOut` takes a decoded OutboxPut. A script that changes what the events tell of puts them in by it, in its order. */
export const OUTBOX_LUA = `
local function putOut(box)
  for _, event in ipairs(box.events) do redis.call('XADD', box.stream, '*', 'event', event) end
  redis.call('PEXPIRE', box.stream, box.keptMs)
  local dropped = redis.call('XTRIM', box.stream, 'MAXLEN', box.most) + box.droppedBefore
  if dropped > 0 then redis.call('HINCRBY', box.counts, box.count, dropped) end
  redis.call('PUBLISH', box.channel, '')
end`;

const PUT = `${OUTBOX_LUA}
putOut(cjson.decode(ARGV[1]))`;

/** Events of one app for its outbox, as `putOut` takes them. */
export interface OutboxPut {
  readonly stream: string;
  readonly counts: string;
  readonly count: string;
  readonly events: readonly string[];
  readonly most: number;
  readonly keptMs: number;
  readonly droppedBefore: number;
  readonly channel: string;
}

/** `droppedBefore` of them gave way before they came so far. */
export function outboxPut(appId: number, events: readonly CallbackEvent[], droppedBefore = 0): OutboxPut {
  return {
    ...{ stream: streamOf(appId), counts: COUNTS, count: countOf(appId, 'dropped'), channel: CALLBACK_ADDED },
    ...{
      events: events.map((event) => JSON.stringify(event)),
      most: MAX_KEPT,
      keptMs: KEPT_MS,
      droppedBefore,
    },
  };
}

/** KEYS: stream, counts. ARGV: entry, count or nothing. Counted is only what was still there. */
const TAKE = `
if redis.call('XDEL', KEYS[1], ARGV[1]) == 1 and ARGV[2] ~= '' then
  redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
end`;

export interface CallbackSender {
  /** Puts it into its app's outbox, in order; waits while Redis is away. */
  send(event: CallbackEvent): void;
  /** Tries once more to write what waits. Never throws. */
  close(): Promise<void>;
}

/** Where this process puts what apps are to be told. */
export function createCallbackSender(deps: {
  readonly redis: Redis;
  readonly log: Logger;
  readonly maxWaiting?: number;
}): CallbackSender {
  const { redis, log, maxWaiting = MAX_WAITING } = deps;
  const lost = new Map<number, number>();

  async function write(event: CallbackEvent): Promise<void> {
    const { appId } = event;
    const before = lost.get(appId) ?? 0;
    await redis.eval(PUT, 0, JSON.stringify(outboxPut(appId, [event], before)));
    lost.set(appId, (lost.get(appId) ?? 0) - before);
  }

  const writes = createWaitingWrites<CallbackEvent>({
    redis,
    log,
    what: 'callbacks',
    write,
    max: maxWaiting,
    onLost: ({ appId }) => lost.set(appId, (lost.get(appId) ?? 0) + 1),
  });
  return { send: writes.add, close: writes.close };
}

/** An event in the outbox. */
export interface OutboxEntry {
  readonly id: string;
  readonly event: CallbackEvent;
}

/** An entry as it is read: `event` is null for one that nobody can read. */
export type StoredEntry = Omit<OutboxEntry, 'event'> & { readonly event: CallbackEvent | null };

/** The oldest entries of an app behind one of them (null: from the first), at most so many; throws `redis-away`. */
export async function readOutbox(
  redis: Redis,
  appId: number,
  after: string | null,
  most: number,
): Promise<readonly StoredEntry[]> {
  const from = after === null ? '-' : `(${after}`;
  const entries = await reach(() => redis.xrange(streamOf(appId), from, '+', 'COUNT', most));
  return entries.map(([id, fields]) => {
    const event = storedObject<CallbackEvent>(fields[1] ?? '');
    return { id, event: typeof event?.lane === 'string' ? event : null };
  });
}

/** Takes an entry out, for good; `outcome` null counts nothing. Throws `redis-away`. */
export async function takeFromOutbox(
  redis: Redis,
  appId: number,
  id: string,
  outcome: CallbackOutcome | null,
): Promise<void> {
  const count = outcome === null ? '' : countOf(appId, outcome);
  await reach(() => redis.eval(TAKE, 2, streamOf(appId), COUNTS, id, count));
}

/** Empties the outboxes of apps that want no callbacks; throws `redis-away`. */
export async function emptyOutboxes(redis: Redis, appIds: readonly number[]): Promise<void> {
  if (appIds.length > 0) await reach(() => redis.unlink(...appIds.map(streamOf)));
}

/** How the callbacks of these apps go; throws `redis-away`. */
export async function readCallbackFigures(
  redis: Redis,
  appIds: readonly number[],
): Promise<readonly CallbackFigures[]> {
  const counts = await reach(() => redis.hgetall(COUNTS));
  const count = (appId: number, outcome: CallbackOutcome) => Number(counts[countOf(appId, outcome)] ?? 0);
  return Promise.all(
    appIds.map(async (appId) => ({
      appId,
      ended: {
        delivered: count(appId, 'delivered'),
        'given-up': count(appId, 'given-up'),
        dropped: count(appId, 'dropped'),
      },
      waiting: await reach(() => redis.xlen(streamOf(appId))),
    })),
  );
}

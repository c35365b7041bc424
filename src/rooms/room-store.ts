import type { Redis } from 'ioredis';
import { canonicalUser, decodeRoom, type RoomId, roomKey } from '../domain/ids.ts';
import type { RoomFacts } from '../domain/room.ts';
import { eventsBetween, snapshotOf } from '../domain/room-changes.ts';
import type { LeaveReason, RoomEvent, RoomSnapshot } from '../domain/room-event.ts';
import { reach } from '../queue/redis.ts';
import { type Eviction, type EvictReason, evictionsBetween, partKey } from './evictions.ts';
import { LOST_SEQ_JUMP } from './local-room.ts';
import { parseRoom, ROOMS, ROOMS_CHANGED, readRoom } from './room-facts.ts';
import { lostSince } from './room-state.ts';

/** `<appId>/<canonical user>` -> the roomKey of the one room the user is in. */
const MEMBERS = 'roomcast:members';
/** roomKeys by the time since which somebody in the room is lost. */
const LOST = 'roomcast:rooms:lost';
const LOG_PREFIX = 'roomcast:room-log:';
/** The number of the last event of a room that closed: the next room of that name goes on behind it. */
const SEQ_PREFIX = 'roomcast:room-seq:';
/** Why a connection had to end, for a gateway that did not hear of it. */
const ENDED_PREFIX = 'roomcast:room-ended:';
/** What happened to a room, as RoomMessage. */
export const ROOM_EVENTS = 'roomcast:rooms:events';
const LOG_LENGTH = 500;
const LOG_MS = 120_000;
const SEQ_SECONDS = 3600;
const ENDED_SECONDS = 600;
/** Two gateways that write one room at the same moment; more rounds than this is a fault. */
const MAX_ROUNDS = 50;

/** Room, index of users, log, outbox and announcements change together or not at all. */
const WRITE = `
local stored = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if stored ~= ARGV[2] then return {'changed', stored} end
local plan = cjson.decode(ARGV[4])
local function isIn(user, key)
  local text = redis.call('HGET', KEYS[1], key)
  if not text then return false end
  for _, one in ipairs(cjson.decode(text).users) do
    if string.lower(one.userId) == string.match(user, '/(.*)') then return true end
  end
  return false
end
for _, entry in ipairs(plan.enter) do
  local at = redis.call('HGET', KEYS[2], entry[1])
  if at and at ~= ARGV[1] and (at ~= entry[2] or isIn(entry[1], at)) then return {'taken', entry[1], at} end
end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('SET', KEYS[5], plan.seq, 'EX', plan.seqSeconds)
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
for _, entry in ipairs(plan.enter) do redis.call('HSET', KEYS[2], entry[1], ARGV[1]) end
for _, user in ipairs(plan.leave) do
  if redis.call('HGET', KEYS[2], user) == ARGV[1] then redis.call('HDEL', KEYS[2], user) end
end
if plan.lost < 0 then redis.call('ZREM', KEYS[3], ARGV[1]) else redis.call('ZADD', KEYS[3], plan.lost, ARGV[1]) end
for _, event in ipairs(plan.events) do redis.call('RPUSH', KEYS[4], event) end
redis.call('LTRIM', KEYS[4], -plan.logLength, -1)
redis.call('PEXPIRE', KEYS[4], plan.logMs)
for _, entry in ipairs(plan.ended) do redis.call('SET', entry[1], entry[2], 'EX', plan.endedSeconds) end
if plan.outbox then putOut(plan.outbox) end
redis.call('PUBLISH', ARGV[5], ARGV[1])
redis.call('PUBLISH', ARGV[6], ARGV[7])
return {'ok'}`;

/** What all gateways hear of a change of a room. */
export interface RoomMessage {
  readonly key: string;
  /** The gateway that made the change. */
  readonly by: string;
  readonly events: readonly RoomEvent[];
  /** The store had lost the room: its numbers jump. */
  readonly isGap: boolean;
  readonly evictions: readonly Eviction[];
  /** Gateways that hold, or by the facts held, something of the room. */
  readonly holders: readonly string[];
}

/** What becomes of a room. */
export interface Outcome {
  /** null: it is closed. */
  readonly facts: RoomFacts | null;
  /** What the facts came from, when that is not what is stored. */
  readonly base?: RoomFacts | null;
  /** Why whoever is not in it any more left. */
  readonly left?: LeaveReason;
  /** Connections whose own gateway sees to them. */
  readonly spares?: (eviction: Eviction) => boolean;
}

export interface RoomChange {
  readonly appId: number;
  readonly room: RoomId;
  readonly before: RoomFacts | null;
  readonly after: RoomFacts | null;
  readonly events: readonly RoomEvent[];
}

/** A change that is ready to be written. */
interface Step extends Pick<RoomChange, 'appId' | 'room' | 'events'> {
  readonly stored: RoomFacts | null;
  readonly base: RoomFacts | null;
  readonly facts: RoomFacts | null;
  readonly seq: number;
  readonly evictions: readonly Eviction[];
}

export type Written =
  | { readonly type: 'written'; readonly facts: RoomFacts | null; readonly evictions: readonly Eviction[] }
  | { readonly type: 'unchanged'; readonly facts: RoomFacts | null }
  /** That user (canonical) is in another room. */
  | { readonly type: 'taken'; readonly userId: string; readonly key: string };

/** Somebody else wrote the room in between: what is stored now. */
interface Outrun {
  readonly type: 'outrun';
  readonly text: string;
}

export interface RoomStoreDeps {
  /** Of purpose `facts`. */
  readonly redis: Redis;
  readonly gatewayId: string;
  /** What is told to others of a change goes with it, so in the order of the room. */
  readonly outbox?: {
    /** Defines `putOut`, which takes what `of` gave. */
    readonly lua: string;
    /** null: nothing. */
    of(change: RoomChange): object | null;
  };
}

function indexKey(appId: number, userId: string): string {
  return `${appId}/${canonicalUser(userId)}`;
}

function usersOf(facts: RoomFacts | null): Set<string> {
  return new Set((facts?.users ?? []).map(({ userId }) => canonicalUser(userId)));
}

function holdersOf(facts: RoomFacts | null): string[] {
  return (facts?.users ?? []).flatMap(({ session, streams }) => [
    ...streams.map((stream) => stream.gatewayId),
    ...(session === null ? [] : [session.gatewayId]),
  ]);
}

/** Rooms in Redis: each change is one step that is whole or did not happen. */
export class RoomStore {
  readonly #deps: RoomStoreDeps;

  constructor(deps: RoomStoreDeps) {
    this.#deps = deps;
  }

  /**
   * Replaces a room by what `change` makes of the stored one, however many write it at once; `stale` are index
   * entries (canonical user -> roomKey) that seem to be wrong: they are looked at again. Throws what `change` throws, `redis-away`.
   */
  async update(
    key: string,
    change: (stored: RoomFacts | null) => Outcome,
    stale: ReadonlyMap<string, string> = new Map(),
  ): Promise<Written> {
    let text = (await reach(() => this.#deps.redis.hget(ROOMS, key))) ?? '';
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const written = await this.#tryUpdate(key, text, change, stale);
      if (written.type !== 'outrun') return written;
      // Taken from the refusal and not read anew: who lost is a round trip nearer to its next try than who won.
      text = written.text;
    }
    throw new Error(`room ${key} is written by others without end`);
  }

  async #tryUpdate(
    key: string,
    text: string,
    change: (stored: RoomFacts | null) => Outcome,
    stale: ReadonlyMap<string, string>,
  ): Promise<Written | Outrun> {
    const stored = text === '' ? null : parseRoom(text);
    const outcome = change(stored);
    if (outcome.facts === stored) return { type: 'unchanged', facts: stored };
    const step = await this.#number(key, stored, outcome);
    const after = step.facts === null ? '' : JSON.stringify(step.facts);
    if (after === text) return { type: 'unchanged', facts: stored };
    const [answer, found = '', at = ''] = await this.#write(key, { text, after }, step, stale);
    if (answer === 'taken') return { type: 'taken', userId: found.slice(found.indexOf('/') + 1), key: at };
    if (answer !== 'ok') return { type: 'outrun', text: found };
    const { facts, evictions } = step;
    return { type: 'written', facts, evictions };
  }

  /** The key of the room the user is in, or null; throws `redis-away`. */
  roomOf(appId: number, userId: string): Promise<string | null> {
    return reach(() => this.#deps.redis.hget(MEMBERS, indexKey(appId, userId)));
  }

  async read(key: string): Promise<RoomFacts | null> {
    return parseRoom(await reach(() => this.#deps.redis.hget(ROOMS, key)));
  }

  async snapshot(appId: number, room: RoomId): Promise<RoomSnapshot | null> {
    const facts = await reach(() => readRoom(this.#deps.redis, appId, room));
    return facts === null ? null : snapshotOf(facts);
  }

  /** The events after that one; null when not all of them are kept: take a snapshot. Throws `redis-away`. */
  async events(appId: number, room: RoomId, afterSeq: number): Promise<readonly RoomEvent[] | null> {
    const { redis } = this.#deps;
    const key = roomKey(appId, room);
    const [log, facts] = await Promise.all([
      reach(() => redis.lrange(LOG_PREFIX + key, 0, -1)),
      reach(() => readRoom(redis, appId, room)),
    ]);
    const later = log.map((text) => JSON.parse(text) as RoomEvent).filter(({ seq }) => seq > afterSeq);
    const isWhole = later.every(({ seq }, index) => seq === afterSeq + 1 + index);
    const last = afterSeq + later.length;
    // The facts may be read before or after the log's last events.
    return isWhole && (facts === null ? later.length > 0 : facts.seq <= last) ? later : null;
  }

  /** Why these connections (gateway and partKey) had to end; null for those that had not. Throws `redis-away`. */
  async endedParts(gatewayId: string, parts: readonly string[]): Promise<(EvictReason | null)[]> {
    if (parts.length === 0) return [];
    const keys = parts.map((part) => `${ENDED_PREFIX}${gatewayId} ${part}`);
    return (await reach(() => this.#deps.redis.mget(...keys))) as (EvictReason | null)[];
  }

  /** Rooms in which somebody is lost since before that time, some at once. Throws `redis-away`. */
  lostBefore(atMs: number, most: number): Promise<string[]> {
    return reach(() => this.#deps.redis.zrangebyscore(LOST, '-inf', atMs, 'LIMIT', 0, most));
  }

  /** The room is not what LOST says; throws `redis-away`. */
  async forgetLost(key: string): Promise<void> {
    await reach(() => this.#deps.redis.zrem(LOST, key));
  }

  async #number(key: string, stored: RoomFacts | null, outcome: Outcome): Promise<Step> {
    const { base = stored, left = 'normal', spares } = outcome;
    const reasons = { left, closed: left === 'dismissed' ? 'dismissed' : 'empty' } as const;
    const bodies = eventsBetween(base, outcome.facts, reasons);
    const at = Date.now();
    const first = base === null ? await this.#seqBehindLast(key) : base.seq;
    const events = bodies.map((body, index): RoomEvent => ({ seq: first + 1 + index, at, body }));
    const seq = first + events.length;
    const facts = outcome.facts === null ? null : { ...outcome.facts, seq };
    const all = evictionsBetween(base, facts, left);
    const evictions = spares === undefined ? all : all.filter((eviction) => !spares(eviction));
    const [app = '', room = ''] = key.split('/');
    return { appId: Number(app), room: decodeRoom(room), base, stored, facts, seq, events, evictions };
  }

  async #seqBehindLast(key: string): Promise<number> {
    const last = await reach(() => this.#deps.redis.get(SEQ_PREFIX + key));
    return last === null ? 0 : Number(last) + LOST_SEQ_JUMP;
  }

  async #write(
    key: string,
    { text, after }: { readonly text: string; readonly after: string },
    step: Step,
    stale: ReadonlyMap<string, string>,
  ): Promise<string[]> {
    const { redis, gatewayId, outbox } = this.#deps;
    const { appId, room, stored, base, facts, events, evictions, seq } = step;
    const had = usersOf(stored);
    const has = usersOf(facts);
    const told = outbox?.of({ appId, room, before: base, after: facts, events }) ?? null;
    const plan = {
      enter: [...has]
        .filter((user) => !had.has(user))
        .map((user) => [`${appId}/${user}`, stale.get(user) ?? '']),
      leave: [...had, ...usersOf(base)].filter((user) => !has.has(user)).map((user) => `${appId}/${user}`),
      lost: (facts === null ? null : lostSince(facts)) ?? -1,
      events: events.map((event) => JSON.stringify(event)),
      ended: evictions.map(({ gatewayId, id, at, reason }) => [
        `${ENDED_PREFIX}${gatewayId} ${partKey(id, at)}`,
        reason,
      ]),
      ...(told && { outbox: told }),
      ...{ seq, seqSeconds: SEQ_SECONDS, logLength: LOG_LENGTH, logMs: LOG_MS, endedSeconds: ENDED_SECONDS },
    };
    const holders = [...new Set([...holdersOf(base), ...holdersOf(facts)])];
    const isGap = stored === null && base !== null;
    const message: RoomMessage = { key, by: gatewayId, events, isGap, evictions, holders };
    const keys = [ROOMS, MEMBERS, LOST, LOG_PREFIX + key, SEQ_PREFIX + key];
    const channels = [ROOMS_CHANGED, ROOM_EVENTS, JSON.stringify(message)];
    const args = [key, text, after, JSON.stringify(plan), ...channels];
    return (await reach(() =>
      redis.eval(`${outbox?.lua ?? ''}${WRITE}`, keys.length, ...keys, ...args),
    )) as string[];
  }
}

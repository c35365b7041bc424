import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { GatewayError } from '../domain/errors.ts';
import { type RoomId, roomKey } from '../domain/ids.ts';
import type { Blocked, RoomFacts } from '../domain/room.ts';
import type { StreamEvent } from '../domain/stream-event.ts';
import { reach } from '../queue/redis.ts';
import { readRoomTable, updateRoom } from './room-facts.ts';
import { adoptRoom, applyStreamEvent, blockUser, expireLost, mergeRoom } from './room-state.ts';

export interface RegistryDeps {
  /** Of purpose `facts`; stays the caller's to close. */
  readonly redis: Redis;
  readonly gatewayId: string;
  /** How long a user whose connection was lost stays. */
  readonly graceMs: number;
  readonly log: Logger;
}

/** A user of a room, in any case. */
export interface UserPlace {
  readonly appId: number;
  readonly room: RoomId;
  readonly userId: string;
}

const TICK_MS = 250;
/** What others may have done to our rooms in Redis (taken us for dead) is put right this often. */
const REASSERT_MS = 5000;
const CLOSE_MS = 1500;

/**
 * The rooms that have users at this gateway. It holds the truth about them; Redis is its mirror and may be away:
 * then changes wait, and all of it is written again when Redis is back, with its data or without.
 */
export class RoomRegistry {
  readonly #deps: RegistryDeps;
  readonly #rooms = new Map<string, RoomFacts>();
  readonly #unwritten = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #adopted = false;
  #flushing: Promise<void> | null = null;
  #reassertedAt = Date.now();

  constructor(deps: RegistryDeps) {
    this.#deps = deps;
    deps.redis.on('ready', this.#onReady);
    this.#timer = setInterval(() => this.#tick(Date.now()), TICK_MS);
    if (deps.redis.status === 'ready') this.#onReady();
  }

  /** Takes in what the hub tells; the facts reach Redis soon after. */
  apply(event: StreamEvent): void {
    const key = roomKey(event.appId, event.room);
    const before = this.#rooms.get(key) ?? null;
    const after = applyStreamEvent(before, event, this.#deps.gatewayId);
    if (after === before) return;
    const { userId, type } = event;
    const clean = event.type === 'unpublished' ? { clean: event.clean } : {};
    this.#deps.log.info({ room: key, userId, stream: event.kind, ...clean }, `user ${type}`);
    this.#set(key, after);
    void this.#flush();
  }

  /**
   * Sets what of a user of any gateway nobody may hear or see, until the user leaves the room. Throws `not-found`
   * when the user is in no such room, `redis-away`.
   */
  async setBlocked({ appId, room, userId }: UserPlace, blocked: Blocked): Promise<void> {
    const key = roomKey(appId, room);
    const { redis, gatewayId, log } = this.#deps;
    const nowMs = Date.now();
    const stored = await reach(() =>
      updateRoom(redis, key, (facts) => {
        // Who just entered here may not have reached Redis yet.
        const known = this.#adopted ? mergeRoom(facts, this.#rooms.get(key) ?? null, gatewayId) : facts;
        const next = known && blockUser(known, userId, blocked, nowMs);
        if (next === null) throw new GatewayError('not-found', 'there is no such user in that room');
        return next;
      }),
    );
    const own = this.#rooms.get(key);
    if (own !== undefined) this.#rooms.set(key, mergeRoom(stored, own, gatewayId) ?? own);
    log.info({ room: key, userId, ...blocked }, 'user blocked');
  }

  /** Ends the timers after a last try to write. The users stay, lost, for the next run. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#deps.redis.off('ready', this.#onReady);
    const overdue = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_MS).unref());
    const written = (this.#flushing ?? Promise.resolve()).then(() => this.#flush());
    await Promise.race([written, overdue]);
  }

  readonly #onReady = (): void => {
    this.#resync().catch((error: Error) => {
      this.#deps.log.debug({ reason: error.message }, 'rooms not read'); // the next 'ready' or tick does it
    });
  };

  /** At first contact adopts what an earlier run left; later our rooms that Redis remembers wrongly go. */
  async #resync(): Promise<void> {
    const { redis, gatewayId } = this.#deps;
    const stored = await readRoomTable(redis);
    const nowMs = Date.now();
    for (const [key, room] of stored) {
      if (!room.users.some((user) => user.gatewayId === gatewayId)) continue;
      if (!this.#adopted) this.#set(key, this.#adopt(key, adoptRoom(room, gatewayId, nowMs)));
      this.#unwritten.add(key);
    }
    this.#adopted = true;
    for (const key of this.#rooms.keys()) this.#unwritten.add(key);
    await this.#flush();
  }

  /** Who published before Redis answered is here already, with the place of the earlier run. */
  #adopt(key: string, left: RoomFacts): RoomFacts {
    const here = this.#rooms.get(key);
    if (here === undefined) return left;
    let room = left;
    for (const { userId, streams } of here.users) {
      for (const { streamId, kind, publishedAt: at } of streams) {
        const { appId, room: id } = here;
        const event: StreamEvent = { type: 'published', appId, room: id, userId, kind, streamId, at };
        room = applyStreamEvent(room, event, this.#deps.gatewayId) ?? room;
      }
    }
    return room;
  }

  #set(key: string, facts: RoomFacts | null): void {
    if (facts === null) {
      this.#rooms.delete(key);
      this.#deps.log.info({ room: key }, 'room has no users here any more');
    } else {
      this.#rooms.set(key, facts);
    }
    this.#unwritten.add(key);
  }

  #tick(nowMs: number): void {
    const { gatewayId, graceMs } = this.#deps;
    for (const [key, room] of this.#rooms) {
      const after = expireLost(room, gatewayId, nowMs, graceMs);
      if (after !== room) this.#set(key, after);
    }
    if (nowMs - this.#reassertedAt >= REASSERT_MS) {
      this.#reassertedAt = nowMs;
      for (const key of this.#rooms.keys()) this.#unwritten.add(key);
      if (!this.#adopted && this.#deps.redis.status === 'ready') this.#onReady();
    }
    void this.#flush();
  }

  /** One writer at a time; never rejects. What could not be written stays for the next tick. */
  #flush(): Promise<void> {
    this.#flushing ??= this.#writeAll()
      .catch((error: Error) => this.#deps.log.debug({ reason: error.message }, 'rooms not written'))
      .finally(() => {
        this.#flushing = null;
      });
    return this.#flushing;
  }

  async #writeAll(): Promise<void> {
    const { redis, gatewayId } = this.#deps;
    // Before the adoption a write would wipe what is to be adopted.
    if (redis.status !== 'ready' || !this.#adopted) return;
    for (const key of this.#unwritten) {
      const own = this.#rooms.get(key) ?? null;
      this.#unwritten.delete(key);
      try {
        const merged = await updateRoom(redis, key, (stored) => mergeRoom(stored, own, gatewayId));
        this.#learn(key, own, merged);
      } catch (error) {
        this.#unwritten.add(key);
        throw error;
      }
    }
  }

  /** Orders and other gateways' users come from the merge, unless something happened meanwhile. */
  #learn(key: string, own: RoomFacts | null, merged: RoomFacts | null): void {
    if (own === null || merged === null || this.#rooms.get(key) !== own) return;
    if (merged.users.some((user) => user.gatewayId === this.#deps.gatewayId)) this.#rooms.set(key, merged);
    else this.#rooms.delete(key);
  }
}

import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { toGatewayError } from '../domain/errors.ts';
import type { RoomFacts } from '../domain/room.ts';
import { onReady } from '../queue/redis.ts';
import { type Eviction, partKey } from './evictions.ts';
import { blankRoom, HeldRooms } from './held-rooms.ts';
import { KeyQueue } from './key-queue.ts';
import {
  type Assertion,
  assertLocal,
  findPart,
  type HeldPart,
  heldParts,
  type LocalRoom,
} from './local-room.ts';
import { scanRooms } from './room-facts.ts';
import { findUser, removeUser } from './room-state.ts';
import type { Outcome, RoomMessage, RoomStore, Written } from './room-store.ts';

export interface RoomKeeperDeps {
  readonly redis: Redis;
  readonly store: RoomStore;
  readonly gatewayId: string;
  readonly log: Logger;
}

const TICK_MS = 250;
/** What others may have done to our rooms unheard (taken us for dead) is put right about this often. */
const PASS_MS = 5000;
/** Rooms looked at in one tick of such a pass. */
const SLICE = 10;
/** And when all have to be looked at at once, because Redis is back. */
const SIDE_BY_SIDE = 16;
const SCAN = 200;
const MAX_ROUNDS = 20;

/**
 * The connections this gateway holds, room by room. It has the truth about them; Redis may be away or forget: then all
 * is written again when it is back.
 */
export class RoomKeeper {
  readonly #deps: RoomKeeperDeps;
  readonly held: HeldRooms;
  readonly #queue = new KeyQueue();
  readonly #waiting = new Map<string, Promise<void>>();
  readonly #later = new Set<string>();
  /** Not before the next tick: a Redis that is going refuses at once, and to ask again at once would never end. */
  readonly #failed = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  readonly #stopWaiting: () => void;
  #passAtMs = performance.now();
  #inPass = 0;

  constructor(deps: RoomKeeperDeps) {
    this.#deps = deps;
    this.held = new HeldRooms(deps.gatewayId, deps.log);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#stopWaiting = onReady(deps.redis, () => void this.#resync());
  }

  keys(): string[] {
    return [...this.held.rooms.keys()];
  }

  /** Nothing else of this gateway changes that room meanwhile. */
  exclusive<T>(key: string, work: () => Promise<T>): Promise<T> {
    return this.#queue.run(key, work);
  }

  /** A change in the store, and what it means for the connections here; to be called within exclusive(). */
  async commit(
    key: string,
    change: (stored: RoomFacts | null) => Outcome,
    stale?: ReadonlyMap<string, string>,
  ): Promise<Written> {
    try {
      const written = await this.#deps.store.update(key, change, stale);
      if (written.type === 'taken') return written;
      const local = this.held.rooms.get(key);
      if (local !== undefined) this.held.learn(local, written.facts);
      if (written.type === 'written') this.held.evict(key, written.evictions);
      return written;
    } catch (error) {
      // It may have been done and its answer lost.
      if (toGatewayError(error).blame === 'system') this.#failed.add(key);
      throw error;
    }
  }

  /** Stores what is held of that room; never rejects, what cannot be stored now is tried again. */
  touch(key: string): void {
    if (this.#waiting.has(key)) return;
    const synced = this.exclusive(key, async () => {
      this.#waiting.delete(key);
      try {
        await this.#sync(key);
      } catch (error) {
        this.#failed.add(key);
        this.#deps.log.debug({ room: key, reason: (error as Error).message }, 'room not written');
      }
    });
    this.#waiting.set(key, synced);
  }

  /** What happened to a room at some gateway. */
  hear({ key, by, evictions, holders }: RoomMessage): void {
    const { gatewayId } = this.#deps;
    this.held.evict(key, evictions);
    if (by !== gatewayId && (this.held.rooms.has(key) || holders.includes(gatewayId))) this.#later.add(key);
  }

  /** Some announcements may have been missed. */
  mistrust(): void {
    for (const key of this.held.rooms.keys()) this.#later.add(key);
  }

  /** After a last try to write. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopWaiting();
    for (const key of [...this.#later, ...this.#failed]) this.touch(key);
    await Promise.all(this.#waiting.values());
    await Promise.all(this.keys().map((key) => this.exclusive(key, () => Promise.resolve())));
  }

  async #sync(key: string): Promise<void> {
    const local = this.held.rooms.get(key) ?? blankRoom(key);
    await this.#endTold(local);
    const stale = new Map<string, string>();
    const without = new Set<string>();
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      let seen: { assertion: Assertion; parts: HeldPart[]; stops: string[] } | null = null;
      const context = { gatewayId: this.#deps.gatewayId, nowMs: Date.now(), without };
      const written = await this.commit(
        key,
        (stored) => {
          const assertion = assertLocal(stored, local, context);
          seen = { assertion, parts: heldParts(local), stops: [...local.stops.keys()] };
          const spares = ({ gatewayId }: Eviction) => gatewayId === this.#deps.gatewayId;
          return { facts: assertion.facts, base: assertion.base, spares };
        },
        stale,
      );
      if (written.type === 'taken') await this.#contest(local, written, { stale, without });
      else {
        this.held.learn(local, written.facts);
        if (seen !== null) this.#learn(local, seen);
        return;
      }
    }
    throw new Error(`users of room ${key} are claimed by others without end`);
  }

  #learn(local: LocalRoom, seen: { assertion: Assertion; parts: HeldPart[]; stops: string[] }): void {
    for (const stop of seen.stops) local.stops.delete(stop);
    for (const { part, id, at } of seen.parts) {
      if (findPart(local, part, id, at)) local.written.add(partKey(id, at));
    }
    for (const { reason, part, id, at } of seen.assertion.beaten) {
      this.held.evictPart(local, { part, id, at }, reason);
    }
    this.held.forgetEmpty(local);
  }

  /** Ends what was stored, is not any more, and was told to end while nobody here heard it. */
  async #endTold(local: LocalRoom): Promise<void> {
    const written = heldParts(local).filter(({ id, at }) => local.written.has(partKey(id, at)));
    if (written.length === 0) return;
    const stored = await this.#deps.store.read(local.key);
    const missing = written.filter(({ part, id, userId }) => {
      const user = findUser(stored, userId);
      if (part === 'session') return user?.session?.sessionId !== id;
      return !user?.streams.some((stream) => stream.streamId === id);
    });
    const names = missing.map(({ id, at }) => partKey(id, at));
    const reasons = await this.#deps.store.endedParts(this.#deps.gatewayId, names);
    for (const [index, part] of missing.entries()) {
      const reason = reasons[index] ?? null;
      if (reason !== null) this.held.evictPart(local, part, reason);
    }
  }

  /** A user of ours is in another room as well: whoever came later is right. */
  async #contest(
    local: LocalRoom,
    { userId, key }: { readonly userId: string; readonly key: string },
    found: { readonly stale: Map<string, string>; readonly without: Set<string> },
  ): Promise<void> {
    const mine = heldParts(local, userId);
    const mineAt = Math.max(...mine.map(({ at }) => at));
    let verdict: 'stale' | 'ours' | 'theirs' = 'ours';
    const { store } = this.#deps;
    const written = await store.update(key, (stored) => {
      const user = findUser(stored, userId);
      const { session = null, streams = [], lostAt = null } = user ?? {};
      const times = [session?.lostAt === null ? session.since : 0, ...streams.map((one) => one.publishedAt)];
      verdict = user === undefined ? 'stale' : 'theirs';
      if (user === undefined || mine.length === 0) return { facts: stored };
      if (lostAt === null && Math.max(...times) >= mineAt) return { facts: stored };
      verdict = 'ours';
      return { facts: removeUser(stored, userId), left: 'moved' };
    });
    if (written.type === 'written') this.held.evict(key, written.evictions);
    if ((verdict as string) === 'stale') found.stale.set(userId, key);
    else if (mine.length === 0) found.without.add(userId);
    else if ((verdict as string) === 'theirs') {
      for (const part of mine) this.held.evictPart(local, part, 'moved');
    }
  }

  /** What an earlier run of this gateway left, and all that is held here. */
  async #resync(): Promise<void> {
    const { redis, gatewayId, log } = this.#deps;
    this.mistrust();
    const named = `"gatewayId":${JSON.stringify(gatewayId)}`;
    try {
      await scanRooms(redis, SCAN, (key, text) => {
        if (text.includes(named)) this.#later.add(key);
      });
    } catch (error) {
      log.debug({ reason: (error as Error).message }, 'rooms not read'); // the next 'ready' does it
    }
    this.#work();
  }

  #tick(): void {
    const nowMs = performance.now();
    if (nowMs - this.#passAtMs >= PASS_MS && this.#later.size === 0) {
      this.#passAtMs = nowMs;
      this.#inPass = 0;
    }
    const keys = this.keys();
    const slice = keys.slice(this.#inPass, this.#inPass + SLICE);
    this.#inPass += slice.length;
    for (const key of [...slice, ...this.#failed]) this.#later.add(key);
    this.#failed.clear();
    this.#work();
  }

  #work(): void {
    if (this.#deps.redis.status !== 'ready') return;
    for (const key of this.#later) {
      if (this.#waiting.size >= SIDE_BY_SIDE) return;
      this.#later.delete(key);
      this.touch(key);
      void this.#waiting.get(key)?.then(() => this.#later.size > 0 && this.#work());
    }
  }
}

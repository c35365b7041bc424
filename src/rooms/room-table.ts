import type { Redis } from 'ioredis';
import type { RoomFacts } from '../domain/room.ts';
import type { Announcements } from '../queue/announcements.ts';
import { onReady, reach } from '../queue/redis.ts';
import { storedObject } from '../queue/stored.ts';
import { ROOMS_CHANGED, readRoomsOf, scanRooms } from './room-facts.ts';

/** An announcement that got lost is made up for within this time. */
const WHOLE_EVERY_MS = 10_000;
/** More changed rooms than this between two reads, and all are read. */
const MAX_CHANGED = 1000;
const BATCH = 200;

/** What was read, or null where it is no room: it must not hold up the others. */
function roomFrom(text: string): RoomFacts | null {
  const stored = storedObject<RoomFacts>(text);
  const { room, users } = (stored ?? {}) as Partial<RoomFacts>;
  return typeof room === 'object' && Array.isArray(users) ? stored : null;
}

/** All rooms, read once and then followed by what is announced: a busy cluster's reads stay as small as its changes. */
export class RoomTable {
  readonly #redis: Redis;
  readonly #rooms = new Map<string, RoomFacts>();
  readonly #texts = new Map<string, string>();
  readonly #changed = new Set<string>();
  readonly #stopHearing: readonly (() => void)[];
  #isWholeDue = true;
  #wholeAtMs = 0;

  constructor(redis: Redis, announcements: Announcements) {
    this.#redis = redis;
    this.#stopHearing = [
      announcements.on(ROOMS_CHANGED, (key) => this.#hear(key)),
      // What changed during an outage nobody announced to us.
      onReady(redis, () => {
        this.#isWholeDue = true;
      }),
    ];
  }

  /** As Redis has them now, by roomKey, until the next read; one read at a time. Throws `redis-away`. */
  async read(): Promise<ReadonlyMap<string, RoomFacts>> {
    if (this.#isWholeDue || performance.now() - this.#wholeAtMs >= WHOLE_EVERY_MS) await this.#readWhole();
    else await this.#readChanged();
    return this.#rooms;
  }

  close(): void {
    for (const stop of this.#stopHearing) stop();
  }

  #hear(key: string): void {
    this.#changed.add(key);
    if (this.#changed.size <= MAX_CHANGED) return;
    this.#changed.clear();
    this.#isWholeDue = true;
  }

  async #readWhole(): Promise<void> {
    this.#isWholeDue = false;
    this.#changed.clear();
    const gone = new Set(this.#rooms.keys());
    try {
      await reach(() =>
        scanRooms(this.#redis, BATCH, (key, text) => {
          gone.delete(key);
          this.#set(key, text);
        }),
      );
    } catch (error) {
      this.#isWholeDue = true;
      throw error;
    }
    for (const key of gone) this.#set(key, null);
    this.#wholeAtMs = performance.now();
    // What was written while it was read.
    await this.#readChanged();
  }

  async #readChanged(): Promise<void> {
    while (this.#changed.size > 0) {
      const keys = [...this.#changed].slice(0, BATCH);
      for (const key of keys) this.#changed.delete(key);
      try {
        const texts = await reach(() => readRoomsOf(this.#redis, keys));
        for (const [index, key] of keys.entries()) this.#set(key, texts[index] ?? null);
      } catch (error) {
        this.#isWholeDue = true;
        throw error;
      }
    }
  }

  /** A room that is the same stays the same object, so that what is derived from it can be kept. */
  #set(key: string, text: string | null): void {
    if (text === (this.#texts.get(key) ?? null)) return;
    if (text === null) this.#texts.delete(key);
    else this.#texts.set(key, text);
    const room = text === null ? null : roomFrom(text);
    if (room === null) this.#rooms.delete(key);
    else this.#rooms.set(key, room);
  }
}

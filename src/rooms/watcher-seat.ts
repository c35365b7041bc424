import type { Redis } from 'ioredis';
import { reach } from '../queue/redis.ts';

const SEAT = 'roomcast:watcher';
/** A killed gateway's seat is free after this long. */
const SEAT_MS = 2_000;

/** Takes or keeps the seat if it is free or ours. KEYS: seat. ARGV: who, ms. */
const SIT = `
local who = redis.call('GET', KEYS[1])
if who and who ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

const LEAVE = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1`;

/** One watcher acts at a time: whoever sits. All calls throw `redis-away`. */
export class WatcherSeat {
  readonly #redis: Redis;
  readonly #who: string;
  #takenAtMs = Number.NEGATIVE_INFINITY;

  constructor(redis: Redis, who: string) {
    this.#redis = redis;
    this.#who = who;
  }

  /** True when we sit now. */
  async take(): Promise<boolean> {
    const askedAtMs = performance.now();
    const sits = (await reach(() => this.#redis.eval(SIT, 1, SEAT, this.#who, SEAT_MS))) === 1;
    this.#takenAtMs = sits ? askedAtMs : Number.NEGATIVE_INFINITY;
    return sits;
  }

  /** Whether nobody else can have taken it since: a process that was stopped must not act on an old plan. */
  get isSure(): boolean {
    return performance.now() - this.#takenAtMs < SEAT_MS;
  }

  async leave(): Promise<void> {
    await reach(() => this.#redis.eval(LEAVE, 1, SEAT, this.#who));
  }
}

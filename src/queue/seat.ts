import type { Redis } from 'ioredis';
import { reach } from './redis.ts';

/** A killed process's seat is free after this long. */
const FREE_AFTER_MS = 2_000;

/** Takes or keeps the seat if it is free or ours. KEYS: seat. ARGV: who, ms. */
const SIT = `
local who = redis.call('GET', KEYS[1])
if who and who ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

const LEAVE = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1`;

export interface SeatOptions {
  readonly key: string;
  /** Names this process among those that may sit. */
  readonly who: string;
  /** 2 s by default. */
  readonly freeAfterMs?: number;
}

/** Of several processes one acts at a time: whoever sits. All calls throw `redis-away`. */
export class Seat {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #freeAfterMs: number;
  readonly #who: string;
  #takenAtMs = Number.NEGATIVE_INFINITY;

  constructor(redis: Redis, { key, who, freeAfterMs = FREE_AFTER_MS }: SeatOptions) {
    this.#redis = redis;
    this.#key = key;
    this.#freeAfterMs = freeAfterMs;
    this.#who = who;
  }

  /** True when we sit now. */
  async take(): Promise<boolean> {
    const askedAtMs = performance.now();
    const sits = (await reach(() => this.#redis.eval(SIT, 1, this.#key, this.#who, this.#freeAfterMs))) === 1;
    this.#takenAtMs = sits ? askedAtMs : Number.NEGATIVE_INFINITY;
    return sits;
  }

  /** Whether nobody else can have taken it since: a process that was stopped must not act on what it knew. */
  get isSure(): boolean {
    return performance.now() - this.#takenAtMs < this.#freeAfterMs;
  }

  async leave(): Promise<void> {
    await reach(() => this.#redis.eval(LEAVE, 1, this.#key, this.#who));
  }
}

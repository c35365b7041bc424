import type { Redis } from 'ioredis';
import { type MeasuredCost, type MeasuredCosts, parseMeasuredCost } from '../domain/capacity.ts';
import { reach } from '../queue/redis.ts';

const PREFIX = 'roomcast:mix-costs:';
const KEPT_MS = 30 * 24 * 3_600_000;
/** Sizes, rates and numbers of inputs in use; the longest unused goes first. */
const MAX_SHAPES = 200;

/** What mixes took on one kind of machine, shared by its workers and kept for their next start. Calls throw `redis-away`. */
export interface MixCosts {
  read(): Promise<MeasuredCosts>;
  save(key: string, cost: MeasuredCost): Promise<void>;
}

/** `machine` names the kind: costs of one processor tell nothing of another. */
export function createMixCosts(redis: Redis, machine: string): MixCosts {
  const hash = PREFIX + machine;
  const read = async () => {
    const all = Object.entries(await redis.hgetall(hash));
    return new Map(
      all.flatMap(([key, text]) => {
        const cost = parseMeasuredCost(text);
        return cost ? [[key, cost] as const] : [];
      }),
    );
  };

  async function forgetOldest(): Promise<void> {
    if ((await redis.hlen(hash)) <= MAX_SHAPES) return;
    const newest = [...(await read())].sort(([, a], [, b]) => b.at - a.at).slice(0, MAX_SHAPES);
    const kept = new Set(newest.map(([key]) => key));
    // Also what cannot be read.
    const oldest = (await redis.hkeys(hash)).filter((key) => !kept.has(key));
    if (oldest.length > 0) await redis.hdel(hash, ...oldest);
  }

  return {
    read: () => reach(read),
    save: (key, cost) =>
      reach(async () => {
        await redis.hset(hash, key, JSON.stringify(cost));
        await redis.pexpire(hash, KEPT_MS);
        await forgetOldest();
      }),
  };
}

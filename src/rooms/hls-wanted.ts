import type { Redis } from 'ioredis';
import { HLS_LINGER_MS } from '../domain/plan.ts';
import { reach } from '../queue/redis.ts';

const HLS_WANTED = 'roomcast:hls-wanted';

/** Unix ms of the last viewer request per stream; throws `redis-away`. */
export async function readHlsWanted(redis: Redis): Promise<ReadonlyMap<string, number>> {
  const all = await reach(() => redis.hgetall(HLS_WANTED));
  return new Map(Object.entries(all).map(([streamId, at]) => [streamId, Number(at)]));
}

/** Forgets streams nobody watches any more; throws `redis-away`. */
export async function pruneHlsWanted(redis: Redis, nowMs: number): Promise<void> {
  const wanted = await readHlsWanted(redis);
  const old = [...wanted].filter(([, at]) => nowMs - at > HLS_LINGER_MS).map(([streamId]) => streamId);
  if (old.length > 0) await reach(() => redis.hdel(HLS_WANTED, ...old));
}

/** A viewer asked for this stream as HLS: the watcher starts or keeps its job. Throws `redis-away`. */
export async function markHlsWanted(redis: Redis, streamId: string, nowMs: number): Promise<void> {
  await reach(() => redis.hset(HLS_WANTED, streamId, nowMs));
}

import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { parseWorkerFacts, type WorkerFacts } from '../domain/worker.ts';
import { reach } from '../queue/redis.ts';

const PREFIX = 'roomcast:worker-facts:';
const TTL_MS = 5_000;
const EVERY_MS = 1_000;

export interface WorkerFactsWriter {
  /** Writes them now: they changed. */
  write(): Promise<void>;
  /** Ends it and takes them back. Never throws. */
  stop(): Promise<void>;
}

/** Keeps a worker's facts fresh in Redis; while that is away they are not written. */
export function startWorkerFacts(deps: {
  readonly redis: Redis;
  readonly workerId: string;
  readonly read: () => WorkerFacts;
  readonly log: Logger;
}): WorkerFactsWriter {
  const { redis, workerId, read, log } = deps;
  const key = PREFIX + workerId;
  let stopped = false;

  async function write(): Promise<void> {
    if (stopped) return;
    await redis.set(key, JSON.stringify(read()), 'PX', TTL_MS).catch((error: Error) => {
      log.debug({ reason: error.message }, 'worker facts not written'); // the next ones make up for it
    });
  }

  const timer = setInterval(write, EVERY_MS);
  void write();
  return {
    write,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await redis.del(key).catch(() => undefined); // away: they expire by themselves
    },
  };
}

/** Every worker that lives, by its id; throws `redis-away`. */
export async function listWorkers(redis: Redis): Promise<readonly WorkerFacts[]> {
  return reach(async () => {
    const keys = new Set<string>();
    for await (const batch of redis.scanStream({ match: `${PREFIX}*`, count: 1_000 })) {
      for (const key of batch as string[]) keys.add(key);
    }
    if (keys.size === 0) return [];
    const texts = await redis.mget(...[...keys].sort());
    return texts.flatMap((text) => (text === null ? [] : (parseWorkerFacts(text) ?? [])));
  });
}

import { Redis, ReplyError } from 'ioredis';
import type { Logger } from 'pino';
import { GatewayError } from '../domain/errors.ts';
import type { Secret } from '../domain/secret.ts';

/**
 * `facts`: reads and writes that fail at once while Redis is away, so that nobody waits on an outage.
 * `jobs`: BullMQ workers, whose commands wait for Redis. `subscriber`: pub/sub, subscribes again by itself.
 */
export type RedisPurpose = 'facts' | 'jobs' | 'subscriber';

export interface RedisOptions {
  readonly purpose: RedisPurpose;
  readonly log: Logger;
}

const RETRY_STEP_MS = 200;
const RETRY_MAX_MS = 1_000;
/** A Redis that accepts connections and answers nothing counts as away after this long. */
const FACTS_TIMEOUT_MS = 2_000;
const FIRST_CONNECT_MS = 10_000;

const PURPOSE_OPTIONS = {
  facts: { enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: FACTS_TIMEOUT_MS },
  jobs: { maxRetriesPerRequest: null },
  subscriber: { maxRetriesPerRequest: null, autoResubscribe: true },
} as const;

/** A client that reconnects for ever, within a second; an outage is logged once, not per attempt. */
export function createRedis(url: Secret, { purpose, log }: RedisOptions): Redis {
  const redis = new Redis(url.reveal(), {
    ...PURPOSE_OPTIONS[purpose],
    connectionName: `roomcast-${purpose}`,
    retryStrategy: (times) => Math.min(times * RETRY_STEP_MS, RETRY_MAX_MS),
  });
  logOutages(redis, purpose, log);
  return redis;
}

/** Logs when the client loses Redis and gets it back; also keeps its 'error' events from being unhandled. */
function logOutages(redis: Redis, purpose: RedisPurpose, log: Logger): void {
  // One client speaks for all of a process.
  const [gone, back] = purpose === 'facts' ? (['warn', 'info'] as const) : (['debug', 'debug'] as const);
  let away = false;
  redis.on('error', (error: Error) => {
    if (away) return;
    away = true;
    log[gone]({ purpose, reason: error.message }, 'Redis is away');
  });
  redis.on('ready', () => {
    if (away) log[back]({ purpose }, 'Redis is back');
    away = false;
  });
}

/** Resolves when the client is usable; rejects with `redis-away` after the deadline. */
export async function waitUntilReady(redis: Redis, deadlineMs = FIRST_CONNECT_MS): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve, reject) => {
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      redis.off('ready', done);
      reject(new GatewayError('redis-away', 'Redis does not answer', { blame: 'system' }));
    }, deadlineMs);
    redis.once('ready', done);
  });
}

/** Calls the listener now if Redis is there, and each time it comes back; returns the way to stop. */
export function onReady(redis: Redis, listener: () => void): () => void {
  redis.on('ready', listener);
  if (redis.status === 'ready') listener();
  return () => {
    redis.off('ready', listener);
  };
}

/** Runs commands; whatever kept Redis from answering becomes `redis-away`, an error it answered stays one. */
export async function reach<T>(commands: () => Promise<T>): Promise<T> {
  try {
    return await commands();
  } catch (cause) {
    if (cause instanceof GatewayError || cause instanceof ReplyError) throw cause;
    throw new GatewayError('redis-away', 'Redis is away', { blame: 'system', cause });
  }
}

/**
 * When this process can first have had everybody's word in Redis, as unix ms: at first contact the start of
 * Redis itself, after that each time the connection came back; null until then.
 */
export class Steadiness {
  readonly #redis: Redis;
  readonly #stop: () => void;
  #since: number | null = null;
  #contacts = 0;

  constructor(redis: Redis) {
    this.#redis = redis;
    this.#stop = onReady(redis, () => void this.#onReady());
  }

  /** Unix ms; null while Redis is away or not yet asked. */
  get since(): number | null {
    return this.#redis.status === 'ready' ? this.#since : null;
  }

  /** For how long Redis has been steady, in ms; 0 while it is away. */
  steadyForMs(nowMs: number): number {
    const since = this.since;
    return since === null ? 0 : Math.max(0, nowMs - since);
  }

  close(): void {
    this.#stop();
  }

  async #onReady(): Promise<void> {
    this.#contacts += 1;
    const now = Date.now();
    if (this.#contacts > 1) {
      this.#since = now;
      return;
    }
    try {
      const uptime = /uptime_in_seconds:(\d+)/.exec(await this.#redis.info('server'))?.[1] ?? '0';
      this.#since ??= now - Number(uptime) * 1_000;
    } catch {
      this.#since ??= now; // lost again while asking: the next contact sets it
    }
  }
}

import type { Redis } from 'ioredis';
import type { ErrorCode } from '../domain/errors.ts';
import { type JobRef, type JobStatus, jobKey, type StoredJobStatus } from '../domain/job.ts';
import { reach } from '../queue/redis.ts';
import { storedObject, storedObjects } from '../queue/stored.ts';

const STATUS = 'roomcast:status';
const FAILURES = 'roomcast:failures';
/** At most two writes a second per job. */
const WRITE_EVERY_MS = 500;

/** Writes or (JSON '') removes statuses unless a higher epoch wrote them. KEYS: hash. ARGV: field, epoch, JSON, of each. */
const PUT = `
for at = 1, #ARGV, 3 do
  local current = redis.call('HGET', KEYS[1], ARGV[at])
  local readable, stored = pcall(cjson.decode, current or '')
  local epoch = readable and type(stored) == 'table' and tonumber(stored.epoch) or 0
  if epoch <= tonumber(ARGV[at + 1]) then
    if ARGV[at + 2] == '' then redis.call('HDEL', KEYS[1], ARGV[at])
    else redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 2]) end
  end
end
return 1`;

/** Why a job does not run: its last run ended by an error, or no worker has room for it. Gone when a run ended well. */
export interface JobFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly at: number;
  readonly epoch: number;
}

export interface StatusWriter {
  /** Latest wins; written at most twice a second, and not at all while Redis is away. */
  report(status: JobStatus): void;
  /** Writes the latest status again, at once: Redis may have lost it. */
  rewrite(): Promise<void>;
  /** Ends reporting and removes the status, unless a later run's is there. */
  close(): Promise<void>;
  /** Ends reporting; the last status stays for the next run of the job, or until nobody runs it. */
  leave(): Promise<void>;
}

/** Writes the JSON of a job's status, '' for none, unless a higher epoch wrote it; rejects while Redis is away. */
type PutStatus = (key: string, epoch: number, text: string) => Promise<void>;

/** What is put in one turn of the loop goes to Redis at once. */
function createPutStatus(redis: Redis): PutStatus {
  let waiting: (string | number)[] = [];
  let sent: Promise<void> | null = null;

  async function send(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    const puts = waiting;
    waiting = [];
    sent = null;
    await redis.eval(PUT, 1, STATUS, ...puts);
  }

  return (key, epoch, text) => {
    waiting.push(key, epoch, text);
    sent ??= send();
    return sent;
  };
}

const puts = new WeakMap<Redis, PutStatus>();

/** All jobs of a worker have one. */
function putStatusOf(redis: Redis): PutStatus {
  const put = puts.get(redis) ?? createPutStatus(redis);
  puts.set(redis, put);
  return put;
}

export interface StatusWriterOptions {
  readonly redis: Redis;
  readonly job: JobRef;
  readonly workerId: string;
  readonly epoch: number;
}

export function createStatusWriter({ redis, job, workerId, epoch }: StatusWriterOptions): StatusWriter {
  const key = jobKey(job);
  let latest: StoredJobStatus | null = null;
  let timer: NodeJS.Timeout | null = null;
  let lastWriteMs = Number.NEGATIVE_INFINITY;
  let writing: Promise<void> = Promise.resolve();
  const put = putStatusOf(redis);

  function write(): Promise<void> {
    timer = null;
    lastWriteMs = performance.now();
    const text = JSON.stringify(latest);
    writing = writing
      .then(() => put(key, epoch, text))
      .then(
        () => undefined,
        () => undefined, // Redis is away: rewrite() follows when it is back
      );
    return writing;
  }

  return {
    report(status) {
      latest = { workerId, epoch, at: Date.now(), status };
      if (timer !== null) return;
      const wait = Math.max(0, lastWriteMs + WRITE_EVERY_MS - performance.now());
      timer = setTimeout(() => void write(), wait);
    },
    async rewrite() {
      if (latest !== null) await write();
    },
    async close() {
      if (timer !== null) clearTimeout(timer);
      latest = null;
      await writing;
      await reach(() => put(key, epoch, ''));
    },
    async leave() {
      if (timer !== null) clearTimeout(timer);
      if (latest !== null) await write();
    },
  };
}

/** What was read, or null where it is no status of a job. */
function statusFrom(stored: StoredJobStatus | null): StoredJobStatus | null {
  const status: { readonly kind?: unknown } | null | undefined = stored?.status;
  return typeof status?.kind === 'string' ? stored : null;
}

/** The latest status of a job, or null when nobody reports one; throws `redis-away`. */
export async function readStatus(redis: Redis, job: JobRef): Promise<StoredJobStatus | null> {
  const text = await reach(() => redis.hget(STATUS, jobKey(job)));
  return text === null ? null : statusFrom(storedObject(text));
}

/** All statuses by job key; throws `redis-away`. */
export async function readStatuses(redis: Redis): Promise<ReadonlyMap<string, StoredJobStatus>> {
  const all = storedObjects<StoredJobStatus>(await reach(() => redis.hgetall(STATUS)));
  return new Map([...all].filter(([, stored]) => statusFrom(stored) !== null));
}

/**
 * Removes what jobs that nobody runs any more have left: a worker killed with SIGKILL takes nothing back. Resolves
 * with the last status of each, by its job's key.
 */
export async function removeStaleStatuses(
  redis: Redis,
  live: ReadonlySet<string>,
): Promise<ReadonlyMap<string, StoredJobStatus>> {
  return reach(async () => {
    const keys = [...(await redis.hkeys(STATUS)), ...(await redis.hkeys(FAILURES))];
    const stale = keys.filter((key) => !live.has(key));
    if (stale.length === 0) return new Map();
    const last = await readStatuses(redis);
    await redis
      .multi()
      .hdel(STATUS, ...stale)
      .hdel(FAILURES, ...stale)
      .exec();
    return new Map([...last].filter(([key]) => stale.includes(key)));
  });
}

export async function saveFailure(redis: Redis, job: JobRef, failure: JobFailure): Promise<void> {
  await reach(() => redis.hset(FAILURES, jobKey(job), JSON.stringify(failure)));
}

export async function clearFailure(redis: Redis, job: JobRef): Promise<void> {
  await reach(() => redis.hdel(FAILURES, jobKey(job)));
}

/** The job has found its room: that none had any is told no longer. */
export async function clearNoCapacity(redis: Redis, job: JobRef): Promise<void> {
  const text = await reach(() => redis.hget(FAILURES, jobKey(job)));
  if (text !== null && storedObject<JobFailure>(text)?.code === 'no-capacity') await clearFailure(redis, job);
}

/** Why jobs do not run, by job key; throws `redis-away`. */
export async function readFailures(redis: Redis): Promise<ReadonlyMap<string, JobFailure>> {
  return storedObjects(await reach(() => redis.hgetall(FAILURES)));
}

import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { JOB_KINDS, type JobKind, type JobRef, jobKey, parseJobKey } from '../domain/job.ts';
import { reach } from './redis.ts';

/** In front of BullMQ's own keys: `roomcast:<kind>:...`. */
export const QUEUE_PREFIX = 'roomcast';

/** The queues of all job kinds as the watcher uses them; every call fails with `redis-away` at once when Redis is. */
export interface JobQueues {
  /** Adds the job; one that is in the queue already stays as it is. */
  add(job: JobRef): Promise<void>;
  /** Jobs waiting, delayed or active, of all kinds. */
  list(): Promise<readonly JobRef[]>;
  /** Takes a job out that no worker has yet; an active one stays. */
  removeWaiting(job: JobRef): Promise<void>;
  close(): Promise<void>;
}

const LISTS = ['wait', 'paused', 'active'] as const;
const SORTED_SETS = ['delayed', 'prioritized'] as const;

/** `redis` must be of purpose `facts`; it stays its caller's to close. */
export function createJobQueues(redis: Redis, log: Logger): JobQueues {
  const queues = Object.fromEntries(JOB_KINDS.map((kind) => [kind, openQueue(kind, redis, log)])) as Record<
    JobKind,
    Queue
  >;

  async function listKind(kind: JobKind): Promise<readonly JobRef[]> {
    const queue = queues[kind];
    const lists = LISTS.map((state) => redis.lrange(queue.toKey(state), 0, -1));
    const sets = SORTED_SETS.map((state) => redis.zrange(queue.toKey(state), '0', '-1'));
    const keys = new Set((await Promise.all([...lists, ...sets])).flat());
    return [...keys].map(parseJobKey).filter((job) => job !== null);
  }

  return {
    add: (job) =>
      reach(async () => {
        await queues[job.kind].add(job.kind, job, { jobId: jobKey(job) });
      }),
    list: () => reach(async () => (await Promise.all(JOB_KINDS.map(listKind))).flat()),
    removeWaiting: (job) =>
      reach(async () => {
        await queues[job.kind].remove(jobKey(job));
      }),
    async close() {
      await Promise.allSettled(Object.values(queues).map((queue) => queue.close()));
    },
  };
}

function openQueue(kind: JobKind, connection: Redis, log: Logger): Queue {
  const queue = new Queue(kind, {
    connection,
    prefix: QUEUE_PREFIX,
    // A kept job would keep its id from being added again.
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
    streams: { events: { maxLen: 100 } },
  });
  queue.on('error', (error) => log.debug({ queue: kind, reason: error.message }, 'queue'));
  return queue;
}

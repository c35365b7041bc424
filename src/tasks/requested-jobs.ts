import type { Redis } from 'ioredis';
import { type JobRef, jobKey } from '../domain/job.ts';
import { reach } from '../queue/redis.ts';
import { storedObject } from '../queue/stored.ts';

/** PUBLISHed when a job was asked for. */
export const JOBS_REQUESTED = 'roomcast:jobs:requested';

const REQUESTED = 'roomcast:jobs-requested';

/** Jobs no task wants by itself (finalise): asked for here, run until they are done. Calls throw `redis-away`. */
export interface RequestedJobs {
  list(): Promise<readonly JobRef[]>;
  add(job: JobRef): Promise<void>;
  remove(job: JobRef): Promise<void>;
}

export function createRequestedJobs(redis: Redis): RequestedJobs {
  return {
    list: () =>
      reach(async () => (await redis.hvals(REQUESTED)).flatMap((text) => storedObject<JobRef>(text) ?? [])),
    add: (job) =>
      reach(async () => {
        await redis.hset(REQUESTED, jobKey(job), JSON.stringify(job));
        await redis.publish(JOBS_REQUESTED, jobKey(job));
      }),
    remove: (job) =>
      reach(async () => {
        await redis.hdel(REQUESTED, jobKey(job));
      }),
  };
}

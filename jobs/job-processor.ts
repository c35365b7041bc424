import { DelayedError, type Job, UnrecoverableError } from 'bullmq';
import { toGatewayError } from '../src/domain/errors.ts';
import type { JobRef } from '../src/domain/job.ts';
import type { Runs } from './runs.ts';

/** A job whose lease another worker has comes back so soon. */
const HELD_RETRY_MS = 300;
/** One that needs another worker's data dir, for that one to take; workers take turns. */
const ELSEWHERE_RETRY_MS = 500;

/**
 * What BullMQ calls for each job it hands out. The job completes however its run ended, so that the watcher can
 * add it again; a failed run fails it. Its AbortSignal is not asked for: a lost BullMQ lock stops nothing.
 */
export function createProcessor(runs: Runs): (job: Job, token?: string) => Promise<string> {
  async function later(job: Job, token: string | undefined, inMs: number): Promise<never> {
    await job.moveToDelayed(Date.now() + inMs, token);
    throw new DelayedError();
  }

  return async (job, token) => {
    const ref = job.data as JobRef;
    if (ref.place !== undefined && ref.place !== runs.place) return later(job, token, ELSEWHERE_RETRY_MS);
    const result = await runs.runOrJoin(ref).catch((error: unknown) => {
      const failure = toGatewayError(error);
      throw failure.retry === 'never' ? new UnrecoverableError(failure.message) : failure;
    });
    return result.result === 'held' ? later(job, token, HELD_RETRY_MS) : result.result;
  };
}

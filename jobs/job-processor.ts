import { DelayedError, type Job, UnrecoverableError } from 'bullmq';
import { toGatewayError } from '../src/domain/errors.ts';
import type { JobKind } from '../src/domain/job.ts';
import type { Runs } from './runs.ts';

/** A job whose lease another worker has comes back so soon. */
const HELD_RETRY_MS = 300;

/**
 * What BullMQ calls for each job it hands out. The job completes however its run ended, so that the watcher can
 * add it again; a failed run fails it. Its AbortSignal is not asked for: a lost BullMQ lock stops nothing.
 */
export function createProcessor(kind: JobKind, runs: Runs): (job: Job, token?: string) => Promise<string> {
  return async (job, token) => {
    const { id } = job.data as { id: string };
    const result = await runs.runOrJoin({ kind, id }).catch((error: unknown) => {
      const failure = toGatewayError(error);
      throw failure.retry === 'never' ? new UnrecoverableError(failure.message) : failure;
    });
    if (result.result !== 'held') return result.result;
    await job.moveToDelayed(Date.now() + HELD_RETRY_MS, token);
    throw new DelayedError();
  };
}

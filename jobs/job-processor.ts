import { DelayedError, type Job, UnrecoverableError } from 'bullmq';
import { toGatewayError } from '../src/domain/errors.ts';
import type { JobRef } from '../src/domain/job.ts';
import type { Admission } from './admission.ts';
import type { Runs } from './runs.ts';
import type { Turns } from './turns.ts';

/** A job whose lease another worker has comes back so soon. */
const HELD_RETRY_MS = 300;
/** One that needs another worker's data dir, for that one to take. */
const ELSEWHERE_RETRY_MS = 500;
/** A mix for which no worker has room is looked at again so soon; several do not come back at one moment. */
const NO_ROOM_RETRY_MS = { least: 400, spread: 200 };
/** One for which another worker has room: that one may have it at once. */
const PASS_ON_MS = 20;

export interface ProcessorDeps {
  readonly runs: Runs;
  readonly admission: Admission;
  readonly turns: Turns;
}

/**
 * What BullMQ calls for each job it hands out. The job completes however its run ended, so that the watcher can
 * add it again; a failed run fails it. Its AbortSignal is not asked for: a lost BullMQ lock stops nothing.
 */
export function createProcessor(deps: ProcessorDeps): (job: Job, token?: string) => Promise<string> {
  const { runs, admission, turns } = deps;

  async function later(job: Job, token: string | undefined, inMs: number): Promise<never> {
    await job.moveToDelayed(Date.now() + inMs, token);
    throw new DelayedError();
  }

  /** Another worker is to have it: this one does not ask for jobs until that one had its turn. */
  function passOn(job: Job, token: string | undefined, inMs: number): Promise<never> {
    turns.leaveOut(inMs);
    return later(job, token, inMs);
  }

  async function run(ref: JobRef): Promise<string> {
    const result = await runs.runOrJoin(ref).catch((error: unknown) => {
      const failure = toGatewayError(error);
      throw failure.retry === 'never' ? new UnrecoverableError(failure.message) : failure;
    });
    return result.result;
  }

  /** A run that is here already is joined, whatever room there is. */
  async function runMix(job: Job, token: string | undefined, ref: JobRef): Promise<string> {
    if (runs.has(ref)) return run(ref);
    const verdict = await admission.ask(ref);
    if (verdict.result === 'refused') {
      if (verdict.hasOther) return passOn(job, token, PASS_ON_MS);
      const { least, spread } = NO_ROOM_RETRY_MS;
      return later(job, token, least + Math.round(Math.random() * spread));
    }
    try {
      return await run(ref);
    } finally {
      admission.ended(ref);
    }
  }

  return async (job, token) => {
    const ref = job.data as JobRef;
    if (ref.place !== undefined && ref.place !== runs.place) return passOn(job, token, ELSEWHERE_RETRY_MS);
    const result = await (ref.kind === 'mix' ? runMix(job, token, ref) : run(ref));
    return result === 'held' ? later(job, token, HELD_RETRY_MS) : result;
  };
}

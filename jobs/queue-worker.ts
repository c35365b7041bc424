import { type Job, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { JobKind } from '../src/domain/job.ts';
import { QUEUE_PREFIX } from '../src/queue/queues.ts';
import type { Admission } from './admission.ts';
import { createProcessor } from './job-processor.ts';
import type { Runs } from './runs.ts';
import { Turns } from './turns.ts';

/** A killed worker's job is handed out again after about 2.5 s. */
const LOCK_MS = 2_000;
const STALLED_CHECK_MS = 500;
/** Taking over from killed workers has no limit of times. */
const MAX_STALLED = 1_000_000_000;
const REDIS_RETRY_MS = 500;

const CONCURRENCY: Readonly<Record<Exclude<JobKind, 'mix'>, number>> = {
  push: 100,
  record: 100,
  hls: 100,
  finalise: 2,
};

export interface QueueWorkerOptions {
  readonly kind: JobKind;
  /** Of purpose `jobs`, for this worker alone; ended by letGo(). */
  readonly connection: Redis;
  readonly runs: Runs;
  readonly admission: Admission;
  readonly log: Logger;
}

/** Takes jobs of one kind from BullMQ. close() waits for their runs, and for ever while Redis is away. */
export class QueueWorker extends Worker {
  readonly #connections: readonly Redis[];
  readonly #turns: Turns;

  constructor({ kind, connection, runs, admission, log }: QueueWorkerOptions) {
    const connections: Redis[] = [connection];
    const turns = new Turns();
    super(kind, createProcessor({ runs, admission, turns }), {
      connection: rememberDuplicates(connection, connections),
      prefix: QUEUE_PREFIX,
      concurrency: kind === 'mix' ? admission.maxMixes : CONCURRENCY[kind],
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
      maxStalledCount: MAX_STALLED,
      runRetryDelay: REDIS_RETRY_MS,
      drainDelay: 2,
    });
    this.#connections = connections;
    this.#turns = turns;
    // Lost locks and missing jobs are ordinary after an outage: the lease decides who acts, not BullMQ.
    this.on('error', (error) => log.debug({ queue: kind, reason: error.message }, 'queue'));
  }

  /** How BullMQ asks for a job, but for the next one behind one that is done. It takes undefined for none. */
  protected override async moveToActive(token: string, name?: string): Promise<Job> {
    return (await this.#turns.next()) ? super.moveToActive(token, name) : (undefined as unknown as Job);
  }

  /** What waits for its turn is not handed a job any more: its run would begin behind the end of all others. */
  override close(force?: boolean): Promise<void> {
    this.#turns.close();
    return super.close(force);
  }

  /** Ends timers and connections, also when close() cannot come to its end. */
  async letGo(): Promise<void> {
    await this.lockManager.close();
    for (const redis of this.#connections) redis.disconnect();
  }
}

/** Notes what BullMQ makes of the client: its blocking connection is out of reach else. */
function rememberDuplicates(client: Redis, connections: Redis[]): Redis {
  const duplicate = client.duplicate.bind(client);
  client.duplicate = (override) => {
    const made = duplicate(override);
    connections.push(made);
    return made;
  };
  return client;
}

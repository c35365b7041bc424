import { availableParallelism } from 'node:os';
import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { JobKind } from '../src/domain/job.ts';
import { QUEUE_PREFIX } from '../src/queue/queues.ts';
import { createProcessor } from './job-processor.ts';
import type { Runs } from './runs.ts';

/** A killed worker's job is handed out again after about 2.5 s. */
const LOCK_MS = 2_000;
const STALLED_CHECK_MS = 500;
/** Taking over from killed workers has no limit of times. */
const MAX_STALLED = 1_000_000_000;
const REDIS_RETRY_MS = 500;
const MIXES_PER_CORE = 2;

const CONCURRENCY: Readonly<Record<JobKind, number>> = {
  mix: Math.max(1, availableParallelism() * MIXES_PER_CORE),
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
  readonly log: Logger;
}

/** Takes jobs of one kind from BullMQ. close() waits for their runs, and for ever while Redis is away. */
export class QueueWorker extends Worker {
  readonly #connections: readonly Redis[];

  constructor({ kind, connection, runs, log }: QueueWorkerOptions) {
    const connections: Redis[] = [connection];
    super(kind, createProcessor(runs), {
      connection: rememberDuplicates(connection, connections),
      prefix: QUEUE_PREFIX,
      concurrency: CONCURRENCY[kind],
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
      maxStalledCount: MAX_STALLED,
      runRetryDelay: REDIS_RETRY_MS,
      drainDelay: 2,
    });
    this.#connections = connections;
    // Lost locks and missing jobs are ordinary after an outage: the lease decides who acts, not BullMQ.
    this.on('error', (error) => log.debug({ queue: kind, reason: error.message }, 'queue'));
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

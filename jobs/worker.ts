import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { createCallbackSender } from '../src/callbacks/outbox.ts';
import type { VideoEncoderChoice } from '../src/domain/encoding.ts';
import { GatewayError } from '../src/domain/errors.ts';
import { JOB_KINDS, type JobKind } from '../src/domain/job.ts';
import type { Secret } from '../src/domain/secret.ts';
import { createAnnouncements } from '../src/queue/announcements.ts';
import { createRedis, Steadiness, waitUntilReady } from '../src/queue/redis.ts';
import { createLeases } from '../src/tasks/lease.ts';
import { createRecordings } from '../src/tasks/recordings.ts';
import { createRequestedJobs } from '../src/tasks/requested-jobs.ts';
import { createEventSender } from '../src/tasks/task-events.ts';
import { createTaskStore, TASKS_CHANGED } from '../src/tasks/task-store.ts';
import { startHeart } from './heart.ts';
import type { JobHandler } from './job-context.ts';
import { createJobFacts } from './job-facts.ts';
import type { MachineMeter } from './machine-meter.ts';
import { readPlace } from './place.ts';
import { QueueWorker } from './queue-worker.ts';
import { Runs } from './runs.ts';
import { watchUnfinished } from './unfinished.ts';
import { openCapacity } from './worker-capacity.ts';

export interface WorkerOptions {
  readonly redisUrl: Secret;
  readonly clusterSecret: Secret;
  readonly dataDir: string;
  readonly handlers: Readonly<Record<JobKind, JobHandler>>;
  /** `measured`: a mix is taken when the machine has the cores for it to spare; `off`: every mix is. */
  readonly mixAdmission: 'measured' | 'off';
  /** What its mixes are encoded with, for their costs; libx264 by default. */
  readonly videoEncoder?: VideoEncoderChoice;
  /** By default the machine's own. */
  readonly meter?: MachineMeter;
  readonly log: Logger;
}

export interface RunningWorker {
  readonly workerId: string;
  /** Takes no more jobs, ends all runs, waits for them at most 6 s, lets everything go. Never throws. */
  drain(): Promise<void>;
}

const DRAIN_MS = 6_000;

/** Takes jobs and runs them until drained; throws `internal` on a missing handler, `redis-away` without Redis. */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  assertHandlers(options.handlers);
  const place = await readPlace(options.dataDir);
  const workerId = `w-${randomBytes(6).toString('hex')}`;
  const log = options.log.child({ worker: workerId });
  const connect = (purpose: 'facts' | 'jobs' | 'subscriber') =>
    createRedis(options.redisUrl, { purpose, log });
  const redis = connect('facts');
  const subscriber = connect('subscriber');
  const steadiness = new Steadiness(redis);
  const disconnect = () => {
    steadiness.close();
    for (const client of [redis, subscriber]) client.disconnect();
  };
  try {
    await waitUntilReady(redis);
  } catch (error) {
    disconnect();
    throw error;
  }
  const announcements = createAnnouncements(subscriber, log);
  const steadyForMs = () => steadiness.steadyForMs(Date.now());
  const tasks = createTaskStore(redis);
  const requestedJobs = createRequestedJobs(redis);
  const recordings = createRecordings(redis);
  const leases = createLeases({ redis, workerId, steadyForMs });
  const facts = createJobFacts({
    redis,
    tasks,
    recordings,
    requestedJobs,
    announcements,
    steadyForMs,
    place,
  });
  const events = createEventSender({ redis, log });
  const callbacks = createCallbackSender({ redis, log });
  const capacity = await openCapacity({
    redis,
    workerId,
    mode: options.mixAdmission,
    videoEncoder: options.videoEncoder ?? 'libx264',
    meter: options.meter,
    leases,
    facts,
    log,
  });
  const { admission } = capacity;
  const runs = new Runs({
    ...options,
    redis,
    workerId,
    log,
    leases,
    announcements,
    facts,
    tasks,
    requestedJobs,
    place,
    onStatus: (job, status) => admission.hear(job, status),
    events,
    callbacks,
  });
  const stopHearing = announcements.on(TASKS_CHANGED, (taskId) => runs.update(taskId));
  const heart = startHeart(redis, runs, log);
  await heart.firstBeat;
  const workers = JOB_KINDS.map(
    (kind) => new QueueWorker({ kind, connection: connect('jobs'), runs, admission, log }),
  );
  const { dataDir } = options;
  const unfinished = watchUnfinished({
    dataDir,
    facts,
    log,
    isRunning: (job) => runs.has(job) || runs.has({ ...job, place }),
  });
  await unfinished.firstLook;
  log.info('worker is ready');

  async function drain(): Promise<void> {
    log.info({ runs: runs.size }, 'draining');
    unfinished.stop();
    const closing = Promise.allSettled(workers.map((worker) => worker.close()));
    runs.abortAll('drain');
    // While Redis is away BullMQ's close() waits for it; the runs end all the same.
    const ended = runs.whenAllEnded().then(() => (redis.status === 'ready' ? closing : undefined));
    const finished = await Promise.race([ended.then(() => true), delay(DRAIN_MS, false, { ref: false })]);
    if (!finished) log.error({ runs: runs.size }, 'drained without waiting for the rest');
    await heart.stop();
    await events.close();
    await callbacks.close();
    await capacity.stop();
    await leases.leave().catch(() => undefined); // Redis is away: the heartbeat ends by itself
    stopHearing();
    announcements.close();
    await Promise.allSettled(workers.map((worker) => worker.letGo()));
    disconnect();
  }

  let draining: Promise<void> | undefined;
  return {
    workerId,
    drain() {
      draining ??= drain();
      return draining;
    },
  };
}

function assertHandlers(handlers: Readonly<Record<string, JobHandler | undefined>>): void {
  const missing = JOB_KINDS.filter((kind) => typeof handlers[kind] !== 'function');
  const unknown = Object.keys(handlers).filter((name) => !JOB_KINDS.some((kind) => kind === name));
  if (missing.length === 0 && unknown.length === 0) return;
  const message = `every job kind has one handler: missing [${missing.join(', ')}], unknown [${unknown.join(', ')}]`;
  throw new GatewayError('internal', message, { blame: 'system', retry: 'never' });
}

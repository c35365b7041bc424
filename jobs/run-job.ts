import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { CallbackSender } from '../src/callbacks/outbox.ts';
import { toGatewayError } from '../src/domain/errors.ts';
import { type JobKind, type JobOutcome, type JobRef, type JobStatus, jobKey } from '../src/domain/job.ts';
import type { Secret } from '../src/domain/secret.ts';
import type { JobEvent } from '../src/domain/task-event.ts';
import type { Announcements } from '../src/queue/announcements.ts';
import { onControl } from '../src/queue/control-channel.ts';
import {
  clearFailure,
  createStatusWriter,
  readStatus,
  type StatusWriter,
  saveFailure,
} from '../src/tasks/job-status.ts';
import type { Leases } from '../src/tasks/lease.ts';
import type { EventSender } from '../src/tasks/task-events.ts';
import type { JobContext, JobHandler, StopReason } from './job-context.ts';
import type { SharedFacts } from './job-facts.ts';

/** `held`: another worker has the lease, nothing was run. */
export type RunResult = JobOutcome | { readonly result: 'held' };

export interface RunDeps {
  readonly redis: Redis;
  readonly workerId: string;
  readonly handlers: Readonly<Record<JobKind, JobHandler>>;
  readonly leases: Leases;
  readonly announcements: Announcements;
  readonly facts: SharedFacts;
  readonly clusterSecret: Secret;
  readonly dataDir: string;
  readonly log: Logger;
  readonly onStatus: (job: JobRef, status: JobStatus) => void;
  readonly events: EventSender;
  readonly callbacks: CallbackSender;
  /** A lease that could not be released because Redis is away. */
  readonly onUnreleased: (key: string, epoch: number) => void;
}

/** Handlers are asked to close within 5 s; a later one is named in the log. */
const CLOSE_MS = 5_000;

/** A mix may outlive its task (others copy it), finalising always does. */
const ENDS_WITH_TASK: ReadonlySet<JobKind> = new Set(['push', 'record']);
const STOPPED: JobOutcome = { result: 'stopped' };

/** One run of a job in this process: lease, control channel, status, handler, and the way back. */
export class Run {
  readonly job: JobRef;
  readonly key: string;
  readonly done: Promise<RunResult>;
  readonly #deps: RunDeps;
  readonly #log: Logger;
  readonly #abort = new AbortController();
  readonly #updateListeners = new Set<() => void>();
  #epoch: number | null = null;
  #status: StatusWriter | null = null;
  #leavesStatus = false;

  constructor(job: JobRef, deps: RunDeps) {
    this.job = job;
    this.key = jobKey(job);
    this.#deps = deps;
    this.#log = deps.log.child({ job: this.key });
    this.done = this.#run();
  }

  /** Null until the lease is acquired. */
  get epoch(): number | null {
    return this.#epoch;
  }

  get aborted(): boolean {
    return this.#abort.signal.aborted;
  }

  /** The first reason wins. */
  abort(reason: StopReason): void {
    if (this.aborted) return;
    this.#log.info({ reason }, 'ending the run');
    this.#abort.abort(reason);
  }

  /** Tells the handler that its task's facts may have changed. */
  update(): void {
    for (const listener of this.#updateListeners) listener();
  }

  async rewriteStatus(): Promise<void> {
    await this.#status?.rewrite();
  }

  async #run(): Promise<RunResult> {
    const epoch = await this.#deps.leases.acquire(this.key);
    if (epoch === null) return { result: 'held' };
    this.#epoch = epoch;
    const { redis, workerId, announcements } = this.#deps;
    const status = createStatusWriter({ redis, job: this.job, workerId, epoch });
    this.#status = status;
    const stopHearing = onControl(announcements, this.job, (message) => {
      if (message === 'stop') this.abort('stopped');
      else this.update();
    });
    try {
      return await this.#handle(epoch, status);
    } finally {
      stopHearing();
      await this.#close(epoch, status);
    }
  }

  /** A record handler also gets a run that is over already: it has a journal to close and to ask files of. */
  async #handle(epoch: number, status: StatusWriter): Promise<JobOutcome> {
    const { facts, handlers, redis } = this.#deps;
    this.#log.info({ epoch }, 'run begins');
    const overdue = this.#watchClosing();
    try {
      // Read before anything else, so that an outage finds the task known.
      const task = await facts.getTask(this.job.id);
      if (task !== null && task.endedAt !== null && ENDS_WITH_TASK.has(this.job.kind)) this.abort('stopped');
      // Redis is away: nothing is known of a run before this one.
      const stored = await readStatus(redis, this.job).catch(() => null);
      const skip = this.aborted && this.job.kind !== 'record';
      // What a run before this one has left is for the watcher, which tells of it.
      if (skip) this.#leavesStatus = true;
      const context = this.#context(epoch, status, stored?.status ?? null);
      const outcome = skip ? STOPPED : await handlers[this.job.kind](context);
      if (outcome.result === 'done') await facts.requestDone(this.job);
      await clearFailure(redis, this.job).catch(() => undefined); // Redis is away: an old failure stays shown
      this.#log.info({ epoch, outcome: outcome.result }, 'run ended');
      return outcome;
    } catch (error) {
      await this.#recordFailure(error, epoch);
      throw error;
    } finally {
      overdue();
    }
  }

  #context(epoch: number, status: StatusWriter, leftBehind: JobStatus | null): JobContext {
    const { clusterSecret, dataDir, facts } = this.#deps;
    return {
      job: this.job,
      epoch,
      clusterSecret,
      dataDir,
      log: this.#log,
      facts,
      signal: this.#abort.signal,
      leftBehind,
      report: (latest) => {
        status.report(latest);
        this.#deps.onStatus(this.job, latest);
      },
      leave: (last) => {
        this.#leavesStatus = true;
        status.report(last);
      },
      emit: (event) => this.#emit(event),
      tellApp: (event) => this.#deps.callbacks.send(event),
      onUpdate: (listener) => {
        const entry = () => listener();
        this.#updateListeners.add(entry);
        return () => this.#updateListeners.delete(entry);
      },
    };
  }

  /** Names a handler in the log that does not end; returns the way to stop watching. */
  #watchClosing(): () => void {
    let timer: NodeJS.Timeout | undefined;
    const onAbort = () => {
      timer = setTimeout(() => this.#log.error('the run does not end'), CLOSE_MS);
    };
    this.#abort.signal.addEventListener('abort', onAbort, { once: true });
    return () => {
      clearTimeout(timer);
      this.#abort.signal.removeEventListener('abort', onAbort);
    };
  }

  #emit(event: JobEvent): void {
    const task = this.#deps.facts.knownTask(this.job.id);
    if (task === null) return;
    const { appId, room, taskId } = task;
    this.#deps.events.send({ appId, room, taskId, event });
  }

  async #recordFailure(error: unknown, epoch: number): Promise<void> {
    const failure = toGatewayError(error);
    this.#log.error({ epoch, code: failure.code, err: error }, 'run failed');
    const record = { code: failure.code, message: failure.message, at: Date.now(), epoch };
    try {
      if (failure.retry === 'never') await this.#deps.facts.requestDone(this.job);
      await saveFailure(this.#deps.redis, this.job, record);
    } catch (cause) {
      this.#log.debug({ err: cause }, 'the failure could not be written');
    }
  }

  async #close(epoch: number, status: StatusWriter): Promise<void> {
    const closing = this.#leavesStatus ? status.leave() : status.close();
    await closing.catch((error: unknown) => this.#log.debug({ err: error }, 'the status was not written'));
    // A fenced run's lease is another's already; release leaves that alone.
    await this.#deps.leases.release(this.key, epoch).catch(() => this.#deps.onUnreleased(this.key, epoch));
  }
}

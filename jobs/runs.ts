import { type JobRef, jobKey } from '../src/domain/job.ts';
import type { RequestedJobs } from '../src/tasks/requested-jobs.ts';
import type { TaskStore } from '../src/tasks/task-store.ts';
import type { StopReason } from './job-context.ts';
import { Run, type RunDeps, type RunResult } from './run-job.ts';

export interface RunsOptions extends Omit<RunDeps, 'onUnreleased'> {
  readonly tasks: TaskStore;
  readonly requestedJobs: RequestedJobs;
  /** Of this worker's data dir. */
  readonly place: string;
}

/** All runs of this process: one per job, joined by whoever else is handed the same job. */
export class Runs {
  readonly #options: RunsOptions;
  readonly #runs = new Map<string, Run>();
  readonly #unreleased = new Map<string, number>();

  constructor(options: RunsOptions) {
    this.#options = options;
  }

  get place(): string {
    return this.#options.place;
  }

  get size(): number {
    return this.#runs.size;
  }

  has(job: JobRef): boolean {
    return this.#runs.has(jobKey(job));
  }

  /** Runs the job, or waits for the run of it that is in this process already. */
  async runOrJoin(job: JobRef): Promise<RunResult> {
    const key = jobKey(job);
    const present = this.#runs.get(key);
    if (present) return present.done;
    const run = new Run(job, {
      ...this.#options,
      onUnreleased: (unreleased, epoch) => this.#unreleased.set(unreleased, epoch),
    });
    this.#runs.set(key, run);
    this.#unreleased.delete(key); // it takes its own lease over with a higher epoch
    try {
      return await run.done;
    } finally {
      this.#runs.delete(key);
    }
  }

  abortAll(reason: StopReason): void {
    for (const run of this.#runs.values()) run.abort(reason);
  }

  async whenAllEnded(): Promise<void> {
    await Promise.allSettled([...this.#runs.values()].map((run) => run.done));
  }

  /** Tells the runs of a task that it may have changed; without an id, all runs. */
  update(taskId?: string): void {
    for (const run of this.#runs.values()) {
      if (taskId === undefined || run.job.id === taskId) run.update();
    }
  }

  /** Says that this worker lives and holds its leases; throws `redis-away`. */
  async beat(): Promise<void> {
    const { leases, facts } = this.#options;
    await leases.beat();
    await this.#releaseLate();
    await facts.flush();
    const lost = await this.#confirm();
    if (lost) await this.announce();
  }

  /** Writes all that this worker knows again: Redis may have lost it. Throws `redis-away`. */
  async announce(): Promise<void> {
    const { leases, facts, tasks, requestedJobs } = this.#options;
    await leases.beat();
    const held = this.#held();
    for (const run of held) {
      const task = facts.knownTask(run.job.id);
      // A run told to end ends because of what Redis knew better.
      if (task !== null && !run.aborted) await tasks.restore(task);
      if (run.job.kind === 'finalise') await requestedJobs.add(run.job);
    }
    await this.#confirm();
    await Promise.all(held.map((run) => run.rewriteStatus()));
  }

  #held(): Run[] {
    return [...this.#runs.values()].filter((run) => run.epoch !== null);
  }

  /** Ends the runs whose lease is another's; true when a record was missing. */
  async #confirm(): Promise<boolean> {
    const held = this.#held();
    const outcome = await this.#options.leases.confirm(new Map(held.map((run) => [run.key, run.epoch ?? 0])));
    for (const run of held) {
      const stillHere = this.#runs.get(run.key) === run;
      // Released meanwhile is not fenced, and what was written for a run that ended has to go again.
      if (stillHere && outcome.get(run.key) === 'fenced') run.abort('fenced');
      if (!stillHere && outcome.get(run.key) === 'write') this.#unreleased.set(run.key, run.epoch ?? 0);
    }
    return [...outcome.values()].includes('write');
  }

  async #releaseLate(): Promise<void> {
    for (const [key, epoch] of this.#unreleased) {
      await this.#options.leases.release(key, epoch);
      this.#unreleased.delete(key);
    }
  }
}

import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { toGatewayError } from '../domain/errors.ts';
import { type JobRef, jobKey, type StoredJobStatus } from '../domain/job.ts';
import { EMPTY_MEMORY, type Plan, type PlanInput, type PlanMemory, plan } from '../domain/plan.ts';
import type { RoomFacts } from '../domain/room.ts';
import type { Task } from '../domain/task.ts';
import type { Announcements } from '../queue/announcements.ts';
import { sendControl } from '../queue/control-channel.ts';
import { Pause } from '../queue/pause.ts';
import { createJobQueues, type JobQueues } from '../queue/queues.ts';
import { onReady, Steadiness } from '../queue/redis.ts';
import { Seat } from '../queue/seat.ts';
import { removeStaleStatuses } from '../tasks/job-status.ts';
import { listLeased, pruneLeases } from '../tasks/lease.ts';
import { createRequestedJobs, JOBS_REQUESTED, type RequestedJobs } from '../tasks/requested-jobs.ts';
import { TASKS_CHANGED, type TaskStore } from '../tasks/task-store.ts';
import type { AutoStarter } from './auto-starter.ts';
import { pruneHlsWanted, readHlsWanted } from './hls-wanted.ts';
import { StartBackoff } from './start-backoff.ts';

/** What the watcher needs of the room registry. */
export interface WatchedRooms {
  /** As they are now, by roomKey. */
  read(): Promise<ReadonlyMap<string, RoomFacts>>;
  /** Takes users out whose gateway is gone; of the rooms as last read. */
  removeDeadGatewayUsers(rooms: ReadonlyMap<string, RoomFacts>): Promise<void>;
}

export interface WatcherOptions {
  /** Of purpose `facts`; stays the caller's to close, as do the announcements. */
  readonly redis: Redis;
  readonly announcements: Announcements;
  readonly gatewayId: string;
  readonly tasks: TaskStore;
  readonly rooms: WatchedRooms;
  readonly auto: AutoStarter;
  /** Told the last statuses of jobs that nobody runs any more, by their keys, once each. */
  readonly onLeftBehind: (left: ReadonlyMap<string, StoredJobStatus>) => Promise<void>;
  readonly log: Logger;
}

export interface Watcher {
  /** Lets another gateway's watcher take over. Never throws. */
  stop(): Promise<void>;
}

const EVERY_MS = 500;
/** Announcements come in bursts; this many ms of them make one round. */
const GATHER_MS = 20;
/** After Redis came back others need this long to write what they know. */
const ADDS_ONLY_MS = 15_000;
const STOP_AGAIN_MS = 1_000;
const TIDY_MS = 2_000;
const PRUNE_MS = 60_000;

function isRunning(task: Task): boolean {
  return task.endedAt === null;
}

/**
 * Compares what should run with what does, twice a second and after each change of a task, while it has the seat. That
 * a room changed is soon enough known: nobody waits for it but tasks that begin by themselves or end as idle.
 */
export function startWatcher(options: WatcherOptions): Watcher {
  const { redis, announcements, log } = options;
  const steadiness = new Steadiness(redis);
  const queues = createJobQueues(redis, log);
  const rounds = new Rounds(options, queues, steadiness);
  let stopped = false;
  let due = false;
  const pause = new Pause();
  const gathering = new Pause();
  const hurry = () => {
    due = true;
    pause.end();
  };
  const stopHearing = [
    ...[TASKS_CHANGED, JOBS_REQUESTED].map((channel) => announcements.on(channel, hurry)),
    onReady(redis, hurry),
  ];

  async function loop(): Promise<void> {
    while (!stopped) {
      await rounds.round();
      if (!due && !stopped) await pause.wait(EVERY_MS);
      if (!stopped) await gathering.wait(GATHER_MS);
      due = false;
    }
  }

  const looping = loop();
  return {
    async stop() {
      stopped = true;
      for (const stop of stopHearing) stop();
      pause.end();
      gathering.end();
      await looping;
      await rounds.leave();
      steadiness.close();
      await queues.close();
    },
  };
}

/** The rounds of one watcher and what it remembers between them. */
class Rounds {
  readonly #options: WatcherOptions;
  readonly #queues: JobQueues;
  readonly #requested: RequestedJobs;
  readonly #steadiness: Steadiness;
  readonly #seat: Seat;
  readonly #backoff = new StartBackoff();
  readonly #stoppedAtMs = new Map<string, number>();
  #memory: PlanMemory = EMPTY_MEMORY;
  #active = false;
  #tidiedAtMs = 0;
  #prunedAtMs = 0;

  constructor(options: WatcherOptions, queues: JobQueues, steadiness: Steadiness) {
    this.#options = options;
    this.#queues = queues;
    this.#requested = createRequestedJobs(options.redis);
    this.#steadiness = steadiness;
    this.#seat = new Seat(options.redis, { key: 'roomcast:watcher', who: options.gatewayId });
  }

  /** Never throws: whatever goes wrong, the next round looks again. */
  async round(): Promise<void> {
    const { log } = this.#options;
    try {
      // Until it is known for how long Redis has been there, nothing can be judged.
      if (this.#steadiness.since === null || !(await this.#sit())) return;
      const input = await this.#readFacts();
      const next = plan(input);
      if (!this.#seat.isSure) return;
      this.#memory = next.memory;
      await this.#apply(next);
      // While facts may be missing, an automatic task may run that Redis does not know yet.
      if (!input.addsOnly) await this.#options.auto.start(input.rooms, input.tasks.filter(isRunning));
      if (!input.addsOnly) await this.#tidy(input, next);
    } catch (error) {
      const failure = toGatewayError(error);
      if (failure.code === 'redis-away') log.debug('watcher waits for Redis');
      else log.error({ err: error }, 'a round of the watcher failed');
    }
  }

  async leave(): Promise<void> {
    if (this.#active) await this.#seat.leave().catch(() => undefined); // Redis is away: the seat ends by itself
  }

  async #sit(): Promise<boolean> {
    const sits = await this.#seat.take();
    if (sits !== this.#active) {
      this.#options.log.info({ active: sits }, 'watcher');
      this.#memory = EMPTY_MEMORY;
    }
    this.#active = sits;
    return sits;
  }

  async #readFacts(): Promise<PlanInput> {
    const { redis, tasks, rooms } = this.#options;
    const [running, roomFacts, hlsWanted, requestedJobs, queued, leased] = await Promise.all([
      tasks.listRunning(),
      rooms.read(),
      readHlsWanted(redis),
      this.#requested.list(),
      this.#queues.list(),
      listLeased(redis),
    ]);
    const known = new Set(running.map((task) => task.taskId));
    const others = [...queued, ...leased].filter((job) => job.kind !== 'hls' && !known.has(job.id));
    const ended = await tasks.getMany([...new Set(others.map((job) => job.id))]);
    return {
      tasks: [...running, ...ended.filter((task) => !known.has(task.taskId))],
      rooms: roomFacts,
      hlsWanted,
      requestedJobs,
      queued,
      leased,
      nowMs: Date.now(),
      monotonicMs: performance.now(),
      memory: this.#memory,
      addsOnly: this.#steadiness.steadyForMs(Date.now()) < ADDS_ONLY_MS,
    };
  }

  async #apply({ start, stop, endTasks }: Plan): Promise<void> {
    const { tasks, log } = this.#options;
    for (const { taskId, reason } of endTasks) {
      log.info({ taskId, reason }, 'task ends');
      await tasks.end(taskId, reason);
    }
    for (const job of stop) await this.#stop(job);
    for (const job of start) {
      if (!this.#backoff.tryStart(jobKey(job), performance.now())) continue;
      log.info({ job: jobKey(job) }, 'starting a job');
      await this.#queues.add(job);
    }
  }

  /** Said again each second until the job is gone: a message during an outage reaches nobody. */
  async #stop(job: JobRef): Promise<void> {
    const key = jobKey(job);
    const saidAtMs = this.#stoppedAtMs.get(key) ?? Number.NEGATIVE_INFINITY;
    if (performance.now() - saidAtMs < STOP_AGAIN_MS) return;
    this.#stoppedAtMs.set(key, performance.now());
    this.#options.log.info({ job: key }, 'stopping a job');
    // A record job is handed out even so: its last worker may have died and left a journal to be closed.
    if (job.kind !== 'record') await this.#queues.removeWaiting(job);
    await sendControl(this.#options.redis, job, 'stop');
  }

  async #tidy(input: PlanInput, next: Plan): Promise<void> {
    const { redis, rooms, tasks, auto } = this.#options;
    const nowMs = performance.now();
    if (nowMs - this.#tidiedAtMs < TIDY_MS) return;
    this.#tidiedAtMs = nowMs;
    await rooms.removeDeadGatewayUsers(input.rooms);
    const live = [...input.queued, ...input.leased, ...next.start];
    await this.#options.onLeftBehind(await removeStaleStatuses(redis, new Set(live.map(jobKey))));
    this.#backoff.forgetOld(nowMs);
    for (const [key, saidAtMs] of this.#stoppedAtMs) {
      if (nowMs - saidAtMs > STOP_AGAIN_MS) this.#stoppedAtMs.delete(key);
    }
    if (nowMs - this.#prunedAtMs < PRUNE_MS) return;
    this.#prunedAtMs = nowMs;
    await tasks.prune();
    await auto.prune(input.rooms);
    await pruneLeases(redis, input.nowMs);
    await pruneHlsWanted(redis, input.nowMs);
  }
}

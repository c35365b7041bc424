import { roomKey, sameUser } from './ids.ts';
import { type JobRef, jobKey } from './job.ts';
import type { RoomFacts, UserFacts } from './room.ts';
import type { EndReason, RecordTask, Task } from './task.ts';

/** An HLS job goes on for this long after its last viewer asked for something. */
export const HLS_LINGER_MS = 60_000;

/** What the watcher remembers between plans: since when (monotonic ms) a task's source has nobody. */
export interface PlanMemory {
  readonly idleSince: ReadonlyMap<string, number>;
}

export const EMPTY_MEMORY: PlanMemory = { idleSince: new Map() };

export interface PlanInput {
  /** Every running task, and those ended ones whose jobs still run. */
  readonly tasks: readonly Task[];
  /** By roomKey. */
  readonly rooms: ReadonlyMap<string, RoomFacts>;
  /** Unix ms of the last viewer request per stream. */
  readonly hlsWanted: ReadonlyMap<string, number>;
  /** Jobs asked for by other jobs (finalise), until they are done. */
  readonly requestedJobs: readonly JobRef[];
  /** In the queue: waiting, delayed or active. */
  readonly queued: readonly JobRef[];
  /** Held by a lease, in the queue or not. */
  readonly leased: readonly JobRef[];
  readonly nowMs: number;
  /** For durations; never set back. */
  readonly monotonicMs: number;
  readonly memory: PlanMemory;
  /** Facts may be missing (Redis came back just now): no task is idle, and only stopped what is known to have ended. */
  readonly addsOnly: boolean;
}

export interface TaskEnd {
  readonly taskId: string;
  readonly reason: EndReason;
}

export interface Plan {
  readonly start: readonly JobRef[];
  readonly stop: readonly JobRef[];
  readonly endTasks: readonly TaskEnd[];
  readonly memory: PlanMemory;
}

/** The watcher's whole policy: which jobs to start and stop and which tasks to end, given all the facts. */
export function plan(input: PlanInput): Plan {
  const running = input.tasks.filter((task) => task.endedAt === null);
  const memory = rememberIdle(running, input);
  const endTasks = running.flatMap((task) => endOf(task, input, memory) ?? []);
  const ending = new Set(endTasks.map((end) => end.taskId));
  const wanted = wantedJobs(
    running.filter((task) => !ending.has(task.taskId)),
    input,
  );
  const queued = byKey(input.queued);
  const present = byKey([...input.queued, ...input.leased]);
  return {
    start: [...wanted].filter(([key]) => !queued.has(key)).map(([, job]) => job),
    stop: [...present]
      .filter(([key, job]) => !wanted.has(key) && mayStop(job, input, ending))
      .map(([, job]) => job),
    endTasks,
    memory,
  };
}

function byKey(jobs: readonly JobRef[]): Map<string, JobRef> {
  return new Map(jobs.map((job) => [jobKey(job), job]));
}

/** What should run, by job key. A mix is wanted by every task that copies it, also after its own task ended. */
function wantedJobs(running: readonly Task[], input: PlanInput): Map<string, JobRef> {
  const jobs: JobRef[] = [];
  for (const task of running) {
    if (!isDue(task, input.nowMs)) continue;
    if (task.source.type === 'mix') jobs.push({ kind: 'mix', id: task.source.mixTaskId });
    if (task.kind === 'record') jobs.push({ kind: 'record', id: task.taskId });
    else if (task.targets.length > 0) jobs.push({ kind: 'push', id: task.taskId });
  }
  for (const [streamId, requestedAt] of input.hlsWanted) {
    if (input.nowMs - requestedAt < HLS_LINGER_MS) jobs.push({ kind: 'hls', id: streamId });
  }
  jobs.push(...input.requestedJobs);
  return byKey(jobs);
}

/** Finalising runs to its end whatever happens to its task; with facts missing, only known ends stop a job. */
function mayStop(job: JobRef, input: PlanInput, ending: ReadonlySet<string>): boolean {
  if (job.kind === 'finalise') return false;
  if (!input.addsOnly) return true;
  return ending.has(job.id) || input.tasks.some((task) => task.taskId === job.id && task.endedAt !== null);
}

function beginsAt(task: Task): number {
  return task.kind === 'record' && task.startAt !== null ? task.startAt : task.createdAt;
}

/** Recordings are due between their start and the end of their duration; a relay always. */
function isDue(task: Task, nowMs: number): boolean {
  if (task.kind === 'relay') return true;
  return nowMs >= beginsAt(task) && !isOver(task, nowMs);
}

function isOver(task: RecordTask, nowMs: number): boolean {
  return task.durationMs !== null && nowMs >= beginsAt(task) + task.durationMs;
}

function endOf(task: Task, input: PlanInput, memory: PlanMemory): TaskEnd | null {
  const { taskId } = task;
  if (task.kind === 'record' && isOver(task, input.nowMs)) return { taskId, reason: 'finished' };
  if (input.addsOnly) return null;
  const since = memory.idleSince.get(taskId);
  const idle = since !== undefined && input.monotonicMs - since >= task.maxIdleSeconds * 1_000;
  return idle ? { taskId, reason: 'idle' } : null;
}

/** Counting begins at the first plan that sees nobody, and for a scheduled recording not before its start. */
function rememberIdle(running: readonly Task[], input: PlanInput): PlanMemory {
  const { rooms } = input;
  const idleSince = new Map<string, number>();
  for (const task of running) {
    if (input.nowMs < beginsAt(task)) continue;
    const users = rooms.get(roomKey(task.appId, task.room))?.users ?? [];
    if (users.some((user) => feeds(user, task)) || isFedFromElsewhere(task, rooms)) continue;
    idleSince.set(task.taskId, input.memory.idleSince.get(task.taskId) ?? input.monotonicMs);
  }
  return { idleSince };
}

/** A user of another room that a cell of the mix names is there. */
function isFedFromElsewhere({ appId, source }: Task, rooms: ReadonlyMap<string, RoomFacts>): boolean {
  if (source.type !== 'mix' || source.programme.layout.mode !== 'custom') return false;
  return source.programme.layout.cells.some(({ source: named }) => {
    const users = named?.room ? (rooms.get(roomKey(appId, named.room))?.users ?? []) : [];
    return users.some(
      (user) =>
        sameUser(user.userId, named?.userId ?? '') &&
        (user.lostAt !== null || user.streams.some((stream) => stream.kind === named?.stream)),
    );
  });
}

/** On the air for this task, or lost so short a time ago that the room still keeps the user. */
function feeds(user: UserFacts, { source }: Task): boolean {
  if (source.type === 'mix') return user.lostAt !== null || user.streams.length > 0;
  if (!sameUser(user.userId, source.userId)) return false;
  return user.lostAt !== null || user.streams.some((stream) => stream.kind === source.stream);
}

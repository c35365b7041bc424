import { randomInt } from 'node:crypto';
import type { Redis } from 'ioredis';
import { autoSession } from '../domain/auto-tasks.ts';
import { GatewayError } from '../domain/errors.ts';
import { type RoomId, roomKey } from '../domain/ids.ts';
import {
  newRecordTask,
  newRelayTask,
  type RecordingRequest,
  type SourceRequest,
  type TaskRequest,
} from '../domain/new-task.ts';
import type { RoomFacts } from '../domain/room.ts';
import type { AutoMark, EndReason, PushTarget, RecordTask, RelayTask, Task } from '../domain/task.ts';
import { withSharedProgramme } from '../domain/task-change.ts';
import { reach } from '../queue/redis.ts';
import { storedObject } from '../queue/stored.ts';

/** PUBLISHed with the task's id after each change of a task. */
export const TASKS_CHANGED = 'roomcast:tasks:changed';

const RUNNING = 'roomcast:tasks';
/** Apart from the running ones, so that the watcher's reads stay small. */
const ENDED = 'roomcast:tasks:ended';
/** Ended tasks by endedAt, for pruning. */
const ENDED_AT = 'roomcast:tasks:ended-at';
/** Sessions in which somebody stopped an automatic task. */
const AUTO_STOPPED = 'roomcast:tasks:auto-stopped';
/** Changes with every write: what a write was decided on must still be current. */
const VERSION = 'roomcast:tasks:version';
const ROOMS = 'roomcast:rooms';
const RECORDINGS = 'roomcast:recordings';

const KEPT_MS = 30 * 24 * 3_600_000;
const TASK_ID_CHARS = 20;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const MAX_COLLISIONS = 50;

/**
 * KEYS: version, running, ended, ended-at, auto-stopped. ARGV: version read, new version, channel, then of each task:
 * id, JSON, endedAt or '', its session when it was automatic and stopped or ''.
 */
const COMMIT = `
local version = redis.call('GET', KEYS[1]) or ''
if version ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
for at = 4, #ARGV, 4 do
  local id, json, ended_at, stopped = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  if ended_at == '' then
    redis.call('HSET', KEYS[2], id, json)
  else
    redis.call('HDEL', KEYS[2], id)
    redis.call('HSET', KEYS[3], id, json)
    redis.call('ZADD', KEYS[4], ended_at, id)
    if stopped ~= '' then redis.call('SADD', KEYS[5], stopped) end
  end
  redis.call('PUBLISH', ARGV[3], id)
end
return 1`;

/** What a caller says about a new task; ids, times and the shared mix are found by the store. */
export interface NewTask {
  readonly appId: number;
  readonly room: RoomId;
  readonly maxIdleSeconds: number;
  readonly source: SourceRequest;
  readonly auto?: AutoMark;
  /** Of a relay. */
  readonly graceSeconds?: number;
}

export interface TaskStore {
  /** Running tasks and those that ended in the last 30 days. */
  list(): Promise<readonly Task[]>;
  listRunning(): Promise<readonly Task[]>;
  get(taskId: string): Promise<Task | null>;
  getMany(taskIds: readonly string[]): Promise<readonly Task[]>;
  /**
   * Both throw `conflict` when the agent asked for is a user of the room, or another mix's agent, and when an automatic
   * task with that key runs.
   */
  createRelay(request: NewTask, targets: readonly PushTarget[]): Promise<RelayTask>;
  createRecord(request: NewTask, recording: RecordingRequest): Promise<RecordTask>;
  /**
   * Applies the change to the task as stored now, at its next revision; null when there is none or it ended.
   * A change of its mix's programme is one of every task that shares the mix.
   */
  update(taskId: string, change: (task: Task) => Task): Promise<Task | null>;
  /** Ends a running task; an ended one stays as it is. Null when there is no such task. */
  end(taskId: string, reason: EndReason): Promise<Task | null>;
  /** end(taskId, 'stopped'). */
  stop(taskId: string): Promise<Task | null>;
  /**
   * Writes what a worker remembers of a task, unless Redis knows a revision as high or another automatic task took its
   * place; true when it was written.
   */
  restore(task: Task): Promise<boolean>;
  /** autoSession of every automatic task that somebody stopped. */
  autoStopped(): Promise<ReadonlySet<string>>;
  /** Forgets those. */
  forgetAutoStopped(sessions: readonly string[]): Promise<void>;
  /** Forgets tasks that ended over 30 days ago, and what is known of their recordings; the files stay. */
  prune(): Promise<void>;
}

interface Snapshot {
  readonly version: string;
  readonly running: readonly Task[];
}

/** Twenty random lower-case letters. */
export function newTaskId(): string {
  return Array.from({ length: TASK_ID_CHARS }, () => LETTERS.charAt(randomInt(LETTERS.length))).join('');
}

/** The tasks among these texts: what is none must not hold up the others. */
function tasksOf(texts: readonly (string | null)[]): Task[] {
  return texts.flatMap((text) => (text === null ? [] : (taskFrom(storedObject(text)) ?? [])));
}

/** What was read, or null where it has not even what every task has had from the first version on. */
function taskFrom(stored: Task | null): Task | null {
  const { taskId, room, source, kind } = (stored ?? {}) as Partial<RelayTask | RecordTask>;
  if (typeof taskId !== 'string' || typeof room !== 'object' || typeof source !== 'object') return null;
  return kind === 'record' || (stored?.kind === 'relay' && Array.isArray(stored.targets)) ? stored : null;
}

/** Tasks in Redis. Every change is decided on a snapshot and written only if nothing changed meanwhile. */
export function createTaskStore(redis: Redis, now: () => number = Date.now): TaskStore {
  let last: Snapshot | null = null;

  /** As it is now; read whole only when somebody wrote since. */
  async function current(): Promise<Snapshot> {
    if (last === null || (await redis.get(VERSION)) !== last.version) last = await readSnapshot();
    return last;
  }

  async function readSnapshot(): Promise<Snapshot> {
    const results = await redis.multi().get(VERSION).hvals(RUNNING).exec();
    const [version, running] = results ?? [];
    return {
      version: (version?.[1] as string | null) ?? '',
      running: tasksOf((running?.[1] as string[] | undefined) ?? []),
    };
  }

  async function commit({ version, running }: Snapshot, tasks: readonly Task[]): Promise<boolean> {
    const next = `${now()}-${randomInt(2 ** 47)}`;
    const keys = [VERSION, RUNNING, ENDED, ENDED_AT, AUTO_STOPPED];
    const written = tasks.flatMap((task) => [
      task.taskId,
      JSON.stringify(task),
      task.endedAt === null ? '' : String(task.endedAt),
      task.auto && task.endReason === 'stopped' ? autoSession(task.auto) : '',
    ]);
    const args = [version, next, TASKS_CHANGED, ...written];
    if ((await redis.eval(COMMIT, keys.length, ...keys, ...args)) !== 1) return false;
    const others = running.filter((task) => tasks.every(({ taskId }) => taskId !== task.taskId));
    last = { version: next, running: [...others, ...tasks.filter((task) => task.endedAt === null)] };
    return true;
  }

  /** `decide` answers the task to write, or null to write nothing; `others` what is to be written with it. */
  async function change<T extends Task>(
    decide: (snapshot: Snapshot) => Promise<T | null> | T | null,
    others: (task: T, snapshot: Snapshot) => Promise<readonly Task[]> = async () => [],
  ): Promise<T | null> {
    for (let attempt = 0; attempt < MAX_COLLISIONS; attempt += 1) {
      const snapshot = await current();
      const task = await decide(snapshot);
      if (task === null) return null;
      if (await commit(snapshot, [task, ...(await others(task, snapshot))])) return task;
    }
    throw new GatewayError('internal', 'tasks change too fast to be written', { blame: 'system' });
  }

  async function get(taskId: string): Promise<Task | null> {
    const text = (await redis.hget(RUNNING, taskId)) ?? (await redis.hget(ENDED, taskId));
    return tasksOf([text])[0] ?? null;
  }

  async function roomUsers(appId: number, room: RoomId): Promise<readonly string[]> {
    const text = await redis.hget(ROOMS, roomKey(appId, room));
    return (text === null ? null : storedObject<RoomFacts>(text))?.users.map((user) => user.userId) ?? [];
  }

  /** The mix's own task is what its job reads, ended or not. */
  async function followProgramme(changed: Task, { running }: Snapshot): Promise<readonly Task[]> {
    const { source, taskId } = changed;
    const before = running.find((task) => task.taskId === taskId);
    if (source.type !== 'mix' || JSON.stringify(before?.source) === JSON.stringify(source)) return [];
    const sharing = running.filter(
      (task) =>
        task.taskId !== taskId && task.source.type === 'mix' && task.source.mixTaskId === source.mixTaskId,
    );
    const isThere = [changed, ...sharing].some((task) => task.taskId === source.mixTaskId);
    const owner = isThere ? null : await get(source.mixTaskId);
    return [...sharing, ...(owner ? [owner] : [])].map((task) => withSharedProgramme(task, changed));
  }

  async function createFrom<T extends Task>(request: NewTask, build: (full: TaskRequest) => T): Promise<T> {
    const taskId = newTaskId();
    const created = await change(async ({ running }) =>
      build({
        ...request,
        taskId,
        nowMs: now(),
        activeTasks: oldestFirst(running.filter((task) => task.appId === request.appId)),
        roomUsers: await roomUsers(request.appId, request.room),
      }),
    );
    if (created === null) throw new GatewayError('internal', 'a new task was not written');
    return created;
  }

  async function end(taskId: string, reason: EndReason): Promise<Task | null> {
    const ended = await change(({ running }) => {
      const task = running.find((candidate) => candidate.taskId === taskId);
      return task ? { ...task, revision: task.revision + 1, endedAt: now(), endReason: reason } : null;
    });
    return ended ?? (await get(taskId));
  }

  async function restore(task: Task): Promise<boolean> {
    const written = await change(async ({ running }) => {
      const { auto, taskId } = task;
      const rival = auto && running.find((other) => other.auto?.key === auto.key && other.taskId !== taskId);
      if (rival && task.endedAt === null) return null;
      const stored = await get(task.taskId);
      return stored === null || stored.revision < task.revision ? task : null;
    });
    return written !== null;
  }

  async function prune(): Promise<void> {
    const old = await redis.zrangebyscore(ENDED_AT, 0, now() - KEPT_MS);
    if (old.length === 0) return;
    await redis
      .multi()
      .hdel(ENDED, ...old)
      .zrem(ENDED_AT, ...old)
      .hdel(RECORDINGS, ...old)
      .exec();
  }

  async function getMany(taskIds: readonly string[]): Promise<readonly Task[]> {
    if (taskIds.length === 0) return [];
    const texts = [...(await redis.hmget(RUNNING, ...taskIds)), ...(await redis.hmget(ENDED, ...taskIds))];
    return tasksOf(texts);
  }

  return {
    list: () => reach(async () => tasksOf([...(await redis.hvals(RUNNING)), ...(await redis.hvals(ENDED))])),
    listRunning: () => reach(async () => (await current()).running),
    get: (taskId) => reach(() => get(taskId)),
    getMany: (taskIds) => reach(() => getMany(taskIds)),
    createRelay: (request, targets) =>
      reach(() => createFrom(request, (full) => newRelayTask(full, targets))),
    createRecord: (request, recording) =>
      reach(() => createFrom(request, (full) => newRecordTask(full, recording))),
    update: (taskId, apply) =>
      reach(() =>
        change(({ running }) => {
          const task = running.find((candidate) => candidate.taskId === taskId);
          return task ? { ...apply(task), revision: task.revision + 1 } : null;
        }, followProgramme),
      ),
    end: (taskId, reason) => reach(() => end(taskId, reason)),
    stop: (taskId) => reach(() => end(taskId, 'stopped')),
    restore: (task) => reach(() => restore(task)),
    autoStopped: () => reach(async () => new Set(await redis.smembers(AUTO_STOPPED))),
    forgetAutoStopped: (sessions) =>
      reach(async () => {
        if (sessions.length > 0) await redis.srem(AUTO_STOPPED, ...sessions);
      }),
    prune: () => reach(prune),
  };
}

function oldestFirst(tasks: readonly Task[]): readonly Task[] {
  return tasks.toSorted((a, b) => a.createdAt - b.createdAt || (a.taskId < b.taskId ? -1 : 1));
}

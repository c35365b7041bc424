import type { Logger } from 'pino';
import {
  type AutoSettings,
  type AutoWish,
  autoSession,
  autoWishes,
  fillDestination,
  isSessionOver,
  missingWishes,
} from '../domain/auto-tasks.ts';
import { toGatewayError } from '../domain/errors.ts';
import { roomLabel } from '../domain/ids.ts';
import { readDestination } from '../domain/push/platforms.ts';
import { changeRetry } from '../domain/push/retry-change.ts';
import { DEFAULT_RETRY } from '../domain/push/retry-policy.ts';
import type { RoomFacts } from '../domain/room.ts';
import type { Secret } from '../domain/secret.ts';
import type { PushTarget, Task } from '../domain/task.ts';
import { newPushTarget } from '../tasks/push-target.ts';
import type { TaskStore } from '../tasks/task-store.ts';

export interface AutoStarterDeps {
  /** Of the apps that have any. */
  readonly settings: readonly AutoSettings[];
  readonly tasks: Pick<TaskStore, 'createRelay' | 'createRecord' | 'autoStopped' | 'forgetAutoStopped'>;
  readonly clusterSecret: Secret;
  readonly log: Logger;
}

/** All rooms, by roomKey. */
type RoomTable = ReadonlyMap<string, RoomFacts>;

/** Makes the tasks that apps want without being asked. */
export interface AutoStarter {
  /** Makes what is missing, some at a time; throws `redis-away`. */
  start(rooms: RoomTable, running: readonly Task[]): Promise<void>;
  /** Forgets what was stopped in sessions of rooms that are over; throws `redis-away`. */
  prune(rooms: RoomTable): Promise<void>;
}

/** Each is a write of its own: a round must not hold the watcher up. */
const MOST_AT_ONCE = 50;
/** What failed for a reason that may pass is tried again after this. */
const AGAIN_MS = 10_000;

export function createAutoStarter({ settings, tasks, clusterSecret, log }: AutoStarterDeps): AutoStarter {
  const ofApp = new Map(settings.map((one) => [one.appId, one]));
  /** Facts are replaced, never changed. */
  const known = new WeakMap<RoomFacts, readonly AutoWish[]>();
  /** Session of a wish -> monotonic ms before which it is not tried again. */
  const resting = new Map<string, number>();

  function wishesOf(facts: RoomFacts): readonly AutoWish[] {
    const app = ofApp.get(facts.appId);
    if (app === undefined) return [];
    const wishes = known.get(facts) ?? autoWishes(app, facts);
    known.set(facts, wishes);
    return wishes;
  }

  function targetsOf(wish: AutoWish, to: readonly Secret[], retry: AutoSettings['retry']): PushTarget[] {
    return to.map((template) =>
      newPushTarget(clusterSecret, readDestination(fillDestination(template.reveal(), wish)), {
        retry: changeRetry(DEFAULT_RETRY, retry),
      }),
    );
  }

  async function make(wish: AutoWish): Promise<void> {
    const { work, appId, room, maxIdleSeconds, source, auto } = wish;
    const request = { appId, room, maxIdleSeconds, source, auto };
    const task =
      work.kind === 'relay'
        ? await tasks.createRelay(request, targetsOf(wish, work.to, work.retry))
        : await tasks.createRecord(request, { formats: work.formats, startAt: null, durationMs: null });
    log.info({ taskId: task.taskId, kind: task.kind, streamId: task.streamId }, 'automatic task starts');
  }

  /** A conflict passes when a user leaves; a bad URL stays one. */
  function rest(wish: AutoWish, error: unknown): void {
    const failure = toGatewayError(error);
    if (failure.blame !== 'caller') throw failure;
    // Another watcher was faster.
    if (failure.context['isAutoPresent'] === true) return;
    const session = autoSession(wish.auto);
    const isNew = !resting.has(session);
    const passes = failure.code === 'conflict';
    resting.set(session, passes ? performance.now() + AGAIN_MS : Number.POSITIVE_INFINITY);
    if (!isNew) return;
    const { work, appId, room, streamId } = wish;
    const what = { app: appId, room: roomLabel(room), streamId, reason: failure.message };
    log.warn(what, work.kind === 'relay' ? 'automatic relay not started' : 'automatic recording not started');
  }

  return {
    async start(rooms, running) {
      if (ofApp.size === 0) return;
      const wishes = [...rooms.values()].flatMap(wishesOf);
      for (const session of resting.keys()) if (isSessionOver(session, rooms)) resting.delete(session);
      const nowMs = performance.now();
      const due = (wish: AutoWish) => (resting.get(autoSession(wish.auto)) ?? 0) <= nowMs;
      const candidates = missingWishes(wishes, running, new Set()).filter(due);
      if (candidates.length === 0) return;
      const missing = missingWishes(candidates, running, await tasks.autoStopped());
      for (const wish of missing.slice(0, MOST_AT_ONCE)) {
        await make(wish).catch((error: unknown) => rest(wish, error));
      }
    },
    async prune(rooms) {
      const stopped = await tasks.autoStopped();
      await tasks.forgetAutoStopped([...stopped].filter((session) => isSessionOver(session, rooms)));
    },
  };
}

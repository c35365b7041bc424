import { GatewayError } from './errors.ts';
import { DEFAULT_MAX_INPUTS } from './layout/box.ts';
import { inOwnRoom } from './own-room.ts';
import type { ProgrammeSpec } from './programme.ts';
import { checkProgramme } from './programme-rules.ts';
import { MAX_TARGETS } from './push/target-rules.ts';
import type { PushTarget, RelayTask, Task } from './task.ts';

/** The task with this programme; throws `bad-request` for one that cannot be made, and on a copy of one stream. */
export function withProgramme<T extends Task>(
  task: T,
  change: (programme: ProgrammeSpec) => ProgrammeSpec,
): T {
  if (task.source.type !== 'mix') {
    throw new GatewayError('bad-request', 'a copy of one stream has no programme to change');
  }
  const programme = inOwnRoom(change(task.source.programme), task.room);
  checkProgramme(programme, task.kind);
  return { ...task, source: { ...task.source, programme } };
}

/** The task with the number of a change; throws `conflict` for one that is not above the last. */
export function withSequence<T extends Task>(task: T, sequenceNumber: number): T {
  const last = task.sequenceNumber;
  if (last !== undefined && sequenceNumber <= last) {
    const message = `the change ${sequenceNumber} comes after change ${last}: it is old and changes nothing`;
    throw new GatewayError('conflict', message);
  }
  return { ...task, sequenceNumber };
}

/**
 * The task's mix has been given another programme, which is that of all tasks that share it. Throws `conflict`
 * where that is too much for a relay among them.
 */
export function withSharedProgramme(task: Task, changed: Task): Task {
  if (task.source.type !== 'mix' || changed.source.type !== 'mix') return task;
  const { programme } = changed.source;
  if (task.kind === 'relay' && task.endedAt === null && (programme.maxInputs ?? 0) > DEFAULT_MAX_INPUTS) {
    const message = `the relay ${task.taskId} shares this mix and takes at most ${DEFAULT_MAX_INPUTS} inputs`;
    throw new GatewayError('conflict', message);
  }
  return { ...task, revision: task.revision + 1, source: { ...task.source, programme } };
}

/** What is changed of a task's targets, as one change; targets are named by their ids. */
export interface TargetChanges {
  readonly remove: ReadonlySet<string>;
  /** The new target takes the place of the old one in the list. */
  readonly replace: ReadonlyMap<string, PushTarget>;
  /** How a target is pushed from now on; its session goes on. */
  readonly change: ReadonlyMap<string, Pick<PushTarget, 'mergeMs' | 'retry'>>;
  readonly add: readonly PushTarget[];
}

/**
 * The task with its targets changed; those that are not named keep their identity, and so their session. What is
 * known of retries goes with a target that is gone. Throws `bad-request` when none is left, `limit-reached`.
 */
export function withTargets(task: RelayTask, { remove, replace, change, add }: TargetChanges): RelayTask {
  const present = task.targets
    .filter((target) => !remove.has(target.id))
    .map((target) => replace.get(target.id) ?? { ...target, ...change.get(target.id) });
  const targets = [...present, ...add];
  if (targets.length === 0) {
    throw new GatewayError('bad-request', 'a relay keeps at least one target: stop it instead');
  }
  if (targets.length > MAX_TARGETS) {
    throw new GatewayError('limit-reached', `a relay has at most ${MAX_TARGETS} targets`);
  }
  const kept = new Set(targets.map((target) => target.id));
  const retryNonce = Object.fromEntries(Object.entries(task.retryNonce).filter(([id]) => kept.has(id)));
  return { ...task, targets, retryNonce };
}

/** The task with "retry now" asked for one target; throws `conflict` for a paused one. */
export function withRetry(task: RelayTask, targetId: string): RelayTask {
  if (task.targets.find((target) => target.id === targetId)?.paused) {
    throw new GatewayError('conflict', 'the target is paused: resume it, then it connects at once');
  }
  const nonce = (task.retryNonce[targetId] ?? 0) + 1;
  return { ...task, retryNonce: { ...task.retryNonce, [targetId]: nonce } };
}

/** The task with "retry now" asked for every target that is not paused; on those on the air it has no effect. */
export function withRetryOfAll(task: RelayTask): RelayTask {
  return task.targets.filter((target) => !target.paused).reduce((next, { id }) => withRetry(next, id), task);
}

/** The task with one target kept off the air, or back on it. */
export function withPaused(task: RelayTask, targetId: string, isPaused: boolean): RelayTask {
  const targets = task.targets.map((target) => {
    if (target.id !== targetId) return target;
    const { paused: _before, ...rest } = target;
    return isPaused ? { ...rest, paused: true } : rest;
  });
  return { ...task, targets };
}

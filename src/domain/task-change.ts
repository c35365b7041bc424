import { GatewayError } from './errors.ts';
import { DEFAULT_MAX_INPUTS } from './layout/box.ts';
import { inOwnRoom } from './own-room.ts';
import type { ProgrammeSpec } from './programme.ts';
import { checkProgramme } from './programme-rules.ts';
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

/** The task with these targets; what is known of retries goes with a target that is gone. */
export function withTargets(task: RelayTask, targets: readonly PushTarget[]): RelayTask {
  const kept = new Set(targets.map((target) => target.id));
  const retryNonce = Object.fromEntries(Object.entries(task.retryNonce).filter(([id]) => kept.has(id)));
  return { ...task, targets, retryNonce };
}

/** The task with "retry now" asked for one target. */
export function withRetry(task: RelayTask, targetId: string): RelayTask {
  const nonce = (task.retryNonce[targetId] ?? 0) + 1;
  return { ...task, retryNonce: { ...task.retryNonce, [targetId]: nonce } };
}

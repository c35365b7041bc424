import type { MixStatus, PushStatus, RecordStatus, TargetState, TargetStatus } from './job.ts';
import type { PushTarget, RecordedFile, RecordingResult, RecordTask, RelayTask } from './task.ts';

export type RelayState = 'starting' | 'running' | 'waiting' | 'stopping' | 'ended';
export type RecordState =
  | 'scheduled'
  | 'waiting'
  | 'recording'
  | 'finalising'
  | 'ready'
  | 'failed'
  /** Stopped before anything was on the air: there is no file and there will be none. */
  | 'ended';

/** One target as callers see it; the URL has its key hidden. */
export interface TargetView {
  readonly url: string;
  readonly state: TargetState;
  readonly attempt: number;
  /** Unix ms. */
  readonly nextRetryAt: number | null;
  readonly lastError: TargetStatus['lastError'];
  readonly bytes: number;
  readonly id: string;
  readonly kbps: number;
  readonly takenBy: TargetStatus['takenBy'];
  readonly lagMs: number;
  readonly droppedFrames: number;
  readonly reconnects: number;
  readonly onAirMs: number;
  readonly warnings: readonly string[];
}

/** A relay task as callers see it. */
export interface RelayView {
  readonly taskId: string;
  readonly room: number | string;
  readonly state: RelayState;
  readonly streamId: string;
  /** Started by the app's settings. */
  readonly auto: boolean;
  readonly targets: readonly TargetView[];
}

/** A recording as callers see it. */
export interface RecordView {
  readonly taskId: string;
  readonly room: number | string;
  readonly state: RecordState;
  /** Started by the app's settings. */
  readonly auto: boolean;
  readonly files: readonly RecordedFile[];
}

export interface RelayFacts {
  /** Latest statuses of the task's jobs; null when no worker reports one. */
  readonly mix: MixStatus | null;
  readonly push: PushStatus | null;
  /** Somebody publishes what the task reads. */
  readonly hasPublisher: boolean;
}

export interface RecordFacts {
  readonly record: RecordStatus | null;
  readonly result: RecordingResult | null;
  readonly nowMs: number;
}

function relayState(task: RelayTask, facts: RelayFacts): RelayState {
  if (task.endedAt !== null) return facts.push === null ? 'ended' : 'stopping';
  const mixing = task.source.type === 'single' || facts.mix?.state === 'running';
  if (facts.push?.source === 'flowing' && mixing) return 'running';
  return facts.hasPublisher ? 'starting' : 'waiting';
}

function targetView(target: PushTarget, ended: boolean, push: PushStatus | null): TargetView {
  const status = push?.targets.find((candidate) => candidate.targetId === target.id);
  return {
    url: target.shownUrl,
    state: status?.state ?? (ended ? 'stopped' : target.paused ? 'paused' : 'idle'),
    attempt: status?.attempt ?? 0,
    nextRetryAt: status?.nextRetryAt ?? null,
    lastError: status?.lastError ?? null,
    bytes: status?.bytes ?? 0,
    id: target.id,
    kbps: status?.kbps ?? 0,
    takenBy: status?.takenBy ?? null,
    lagMs: status?.lagMs ?? 0,
    droppedFrames: status?.droppedFrames ?? 0,
    reconnects: Math.max(0, (status?.sessions ?? 0) - 1),
    onAirMs: status?.onAirMs ?? 0,
    warnings: status?.warnings ?? [],
  };
}

/** What a caller is told about a relay: its wish and what the workers report about it. */
export function relayView(task: RelayTask, facts: RelayFacts): RelayView {
  return {
    taskId: task.taskId,
    room: task.room.value,
    state: relayState(task, facts),
    streamId: task.streamId,
    auto: task.auto !== undefined,
    targets: task.targets.map((target) => targetView(target, task.endedAt !== null, facts.push)),
  };
}

function recordState(task: RecordTask, facts: RecordFacts): RecordState {
  // While the task runs, a result is only of the part that a worker before this one has.
  if (facts.result !== null && task.endedAt !== null) return facts.result.state;
  if (task.endedAt !== null) return facts.record === null ? 'ended' : 'finalising';
  if (facts.record !== null) {
    return facts.record.state === 'closing' ? 'finalising' : facts.record.state;
  }
  return task.startAt !== null && task.startAt > facts.nowMs ? 'scheduled' : 'waiting';
}

/** What a caller is told about a recording; `files` are there once it is `ready`. */
export function recordView(task: RecordTask, facts: RecordFacts): RecordView {
  return {
    taskId: task.taskId,
    room: task.room.value,
    state: recordState(task, facts),
    auto: task.auto !== undefined,
    files: facts.result?.files ?? [],
  };
}

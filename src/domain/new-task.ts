import { GatewayError } from './errors.ts';
import { type RoomId, roomLabel, type StreamKind, sameRoom, sameUser, streamId } from './ids.ts';
import { DEFAULT_MAX_INPUTS } from './layout/box.ts';
import { inOwnRoom } from './own-room.ts';
import type { ProgrammeSpec } from './programme.ts';
import { checkProgramme, type ProgrammeUse } from './programme-rules.ts';
import { sameSpec } from './same-spec.ts';
import type { PushTarget, RecordFormat, RecordTask, RelayTask, Task, TaskSource } from './task.ts';

/** What a caller asks a task to read. */
export type SourceRequest =
  | { readonly type: 'mix'; readonly programme: ProgrammeSpec; readonly agentUserId: string | null }
  | { readonly type: 'single'; readonly userId: string; readonly stream: StreamKind };

/** The part of a request that relays and recordings share, with what is known of the room. */
export interface TaskRequest {
  readonly taskId: string;
  readonly appId: number;
  readonly room: RoomId;
  readonly nowMs: number;
  readonly maxIdleSeconds: number;
  readonly source: SourceRequest;
  /** Every task of the app that has not ended. */
  readonly activeTasks: readonly Task[];
  /** Users in the room now; an agent must be none of them. */
  readonly roomUsers: readonly string[];
}

type Base = Omit<RelayTask, 'kind' | 'targets' | 'retryNonce'>;

/** Eight characters of the task id, so that the agent is a valid user id and tells its task. */
const AGENT_ID_CHARS = 8;

interface ResolvedSource {
  readonly source: TaskSource;
  readonly streamId: string;
  readonly agentUserId: string;
}

const AGENT_PREFIX = { relay: 'mix', record: 'rec' } as const;

function checkedSource({ source, room }: TaskRequest, use: ProgrammeUse): SourceRequest {
  if (source.type === 'single') return source;
  const programme = inOwnRoom(source.programme, room);
  checkProgramme(programme, use);
  return { ...source, programme };
}

/** A running mix of the same room with the same programme is shared; only an agent of one's own forbids it. */
function findSharedMix(
  request: TaskRequest,
  wanted: SourceRequest & { type: 'mix' },
): ResolvedSource | undefined {
  const agent = wanted.agentUserId;
  return request.activeTasks.find(
    (task) =>
      task.source.type === 'mix' &&
      sameRoom(task.room, request.room) &&
      sameSpec(task.source.programme, wanted.programme) &&
      (agent === null || sameUser(task.agentUserId, agent)),
  );
}

function assertAgentFree(request: TaskRequest, agentUserId: string): void {
  const usedByTask = request.activeTasks.some(
    (task) =>
      task.source.type === 'mix' &&
      sameRoom(task.room, request.room) &&
      sameUser(task.agentUserId, agentUserId),
  );
  if (usedByTask || request.roomUsers.some((user) => sameUser(user, agentUserId))) {
    throw new GatewayError(
      'conflict',
      `the agent ${agentUserId} is already in use in room ${roomLabel(request.room)}: choose another user id`,
    );
  }
}

function resolveSource(request: TaskRequest, use: ProgrammeUse): ResolvedSource {
  const { appId, room, taskId } = request;
  const source = checkedSource(request, use);
  const ownAgent = `${AGENT_PREFIX[use]}_${taskId.slice(0, AGENT_ID_CHARS)}`;
  if (source.type === 'single') {
    return {
      source,
      streamId: streamId({ appId, room, userId: source.userId, kind: source.stream }),
      agentUserId: ownAgent,
    };
  }
  const shared = findSharedMix(request, source);
  if (shared) {
    return { source: shared.source, streamId: shared.streamId, agentUserId: shared.agentUserId };
  }
  const agentUserId = source.agentUserId ?? ownAgent;
  assertAgentFree(request, agentUserId);
  return {
    source: { type: 'mix', mixTaskId: taskId, programme: source.programme },
    streamId: streamId({ appId, room, userId: agentUserId, kind: 'main' }),
    agentUserId,
  };
}

function newBase(request: TaskRequest, use: ProgrammeUse): Base {
  return {
    taskId: request.taskId,
    appId: request.appId,
    room: request.room,
    createdAt: request.nowMs,
    ...resolveSource(request, use),
    maxIdleSeconds: request.maxIdleSeconds,
    revision: 1,
    endedAt: null,
    endReason: null,
  };
}

/**
 * A relay as asked for; shares a running mix of the same room and programme. Throws `conflict` on a used agent,
 * `bad-request` for a programme that cannot be made.
 */
export function newRelayTask(request: TaskRequest, targets: readonly PushTarget[]): RelayTask {
  return { kind: 'relay', ...newBase(request, 'relay'), targets, retryNonce: {} };
}

export interface RecordingRequest {
  readonly formats: readonly RecordFormat[];
  /** Unix ms; null begins at once. */
  readonly startAt: number | null;
  readonly durationMs: number | null;
}

/** A recording as asked for, under the same rules as newRelayTask. */
export function newRecordTask(request: TaskRequest, recording: RecordingRequest): RecordTask {
  return { kind: 'record', ...newBase(request, 'record'), ...recording };
}

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

import { GatewayError } from './errors.ts';
import { type RoomId, roomLabel, type StreamKind, sameRoom, sameUser, streamId } from './ids.ts';
import { inOwnRoom } from './own-room.ts';
import type { ProgrammeSpec } from './programme.ts';
import { checkProgramme, type ProgrammeUse } from './programme-rules.ts';
import { sameSpec } from './same-spec.ts';
import type { AutoMark, PushTarget, RecordFormat, RecordTask, RelayTask, Task, TaskSource } from './task.ts';

/** Seconds without a publisher after which a task ends: TRTC's limits for MaxIdleTime and its default. */
export const IDLE_SECONDS = { min: 5, max: 86_400, default: 30 } as const;

/** Seconds for which a relay's sessions stay open while the stream behind them is away. */
export const GRACE_SECONDS = { min: 0, max: 600, default: 10 } as const;

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
  readonly auto?: AutoMark;
  /** Of a relay; the default without it. */
  readonly graceSeconds?: number;
}

type Base = Omit<RelayTask, 'kind' | 'targets' | 'retryNonce' | 'graceSeconds'>;

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

/** Two watchers, or one that reads late, may want the same. */
function assertOnlyOne({ auto, activeTasks }: TaskRequest): void {
  if (auto && activeTasks.some((task) => task.auto?.key === auto.key)) {
    throw new GatewayError('conflict', 'the automatic task runs already', {
      context: { isAutoPresent: true },
    });
  }
}

function newBase(request: TaskRequest, use: ProgrammeUse): Base {
  assertOnlyOne(request);
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
    ...(request.auto && { auto: request.auto }),
  };
}

/**
 * A relay as asked for; shares a running mix of the same room and programme. Throws `conflict` on a used agent,
 * `bad-request` for a programme that cannot be made.
 */
export function newRelayTask(request: TaskRequest, targets: readonly PushTarget[]): RelayTask {
  const { graceSeconds } = request;
  const base = newBase(request, 'relay');
  return {
    kind: 'relay',
    ...base,
    targets,
    ...(graceSeconds !== undefined && { graceSeconds }),
    retryNonce: {},
  };
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

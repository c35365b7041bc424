import { roomKey } from '../../src/domain/ids.ts';
import { type JobRef, jobKey } from '../../src/domain/job.ts';
import { EMPTY_MEMORY, type PlanInput } from '../../src/domain/plan.ts';
import { DEFAULT_PROGRAMME } from '../../src/domain/programme.ts';
import type { RoomFacts, UserFacts } from '../../src/domain/room.ts';
import type { RecordTask, RelayTask, Task } from '../../src/domain/task.ts';
import { roomFacts, streamFacts, userFacts } from './room-facts.ts';

export const NOW = 1_800_000_000_000;
export const ROOM = { kind: 'number', value: 1001 } as const;
export const TARGET = { id: 't1', sealedUrl: 's', shownUrl: 'u' };

export function base(taskId: string, mixTaskId: string) {
  return {
    taskId,
    appId: 1,
    room: ROOM,
    createdAt: NOW - 1_000,
    source: { type: 'mix', mixTaskId, programme: DEFAULT_PROGRAMME },
    streamId: '1_1001_mix_main',
    maxIdleSeconds: 30,
    revision: 1,
    endedAt: null,
    endReason: null,
    agentUserId: `mix_${taskId}`,
  } as const;
}

export function relay(taskId: string, changes: Partial<RelayTask> = {}): RelayTask {
  return { ...base(taskId, taskId), kind: 'relay', targets: [TARGET], retryNonce: {}, ...changes };
}

export function record(taskId: string, changes: Partial<RecordTask> = {}): RecordTask {
  return {
    ...base(taskId, taskId),
    kind: 'record',
    formats: ['mp4'],
    startAt: null,
    durationMs: null,
    ...changes,
  };
}

export function copies(mixTaskId: string): Pick<Task, 'source'> {
  return { source: { type: 'mix', mixTaskId, programme: DEFAULT_PROGRAMME } };
}

export const SINGLE = { source: { type: 'single', userId: 'Alice', stream: 'main' } } as const;
export const ENDED = { endedAt: NOW - 10, endReason: 'stopped', revision: 2 } as const;

export function user(userId: string, changes: Partial<UserFacts> = {}): UserFacts {
  const streams = [streamFacts(`1_1001_${userId}_main`, 'main', NOW - 900)];
  return userFacts(userId, { enteredAt: NOW - 900, streams, ...changes });
}

export function room(users: readonly UserFacts[]): RoomFacts {
  return { ...roomFacts({ appId: 1, room: ROOM }, users), createdAt: NOW - 1_000, ownerUserId: 'alice' };
}

/** As the watcher reads them, by roomKey. */
export function table(rooms: readonly RoomFacts[]): Map<string, RoomFacts> {
  return new Map(rooms.map((one) => [roomKey(one.appId, one.room), one]));
}

/** Of a PlanInput, with rooms as a list. */
export type FactChanges = Partial<Omit<PlanInput, 'rooms'>> & { readonly rooms?: readonly RoomFacts[] };

export function facts({ rooms = [room([user('alice')])], ...changes }: FactChanges = {}): PlanInput {
  return {
    tasks: [],
    rooms: table(rooms),
    hlsWanted: new Map(),
    requestedJobs: [],
    queued: [],
    leased: [],
    nowMs: NOW,
    monotonicMs: 50_000,
    memory: EMPTY_MEMORY,
    addsOnly: false,
    ...changes,
  };
}

export const keys = (jobs: readonly JobRef[]) => jobs.map(jobKey).sort();
export const refs = (...names: readonly string[]): JobRef[] =>
  names.map((name) => {
    const [kind = '', id = ''] = name.split(':');
    return { kind: kind as JobRef['kind'], id };
  });

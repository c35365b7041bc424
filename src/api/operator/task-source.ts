import type { z } from 'zod';
import { findApp } from '../../config/app.ts';
import { GatewayError } from '../../domain/errors.ts';
import { parseUserId, sameRoom } from '../../domain/ids.ts';
import type { SourceRequest } from '../../domain/new-task.ts';
import { startProgramme } from '../../domain/programme-change.ts';
import type { RoomFacts } from '../../domain/room.ts';
import type { RelayTask } from '../../domain/task.ts';
import type { NewTask } from '../../tasks/task-store.ts';
import type { OperatorDeps } from './deps.ts';
import { programmeChange, roomOfJson } from './programme-json.ts';
import type { startRecordingSchema, startRelaySchema } from './schemas.ts';

type StartBody = z.output<typeof startRelaySchema> | z.output<typeof startRecordingSchema>;

/** The app asked for, or the only one there is; throws `bad-app-id`. */
export function chooseApp(deps: OperatorDeps, sdkAppId: number | undefined): number {
  const { apps } = deps.apps;
  if (sdkAppId !== undefined) {
    if (!findApp(deps.apps, sdkAppId)) throw new GatewayError('bad-app-id', `there is no app ${sdkAppId}`);
    return sdkAppId;
  }
  const [only] = apps;
  if (only === undefined || apps.length > 1) {
    throw new GatewayError('bad-app-id', `there are ${apps.length} apps: say which one by sdkAppId`);
  }
  return only.sdkAppId;
}

function sourceOf(body: StartBody): SourceRequest {
  if (body.single !== undefined) {
    return { type: 'single', userId: parseUserId(body.single.userId), stream: body.single.stream };
  }
  const agent =
    'agentUserId' in body && body.agentUserId !== undefined ? parseUserId(body.agentUserId) : null;
  return { type: 'mix', agentUserId: agent, programme: startProgramme(programmeChange(body)) };
}

/** The part of a start request that relays and recordings share, checked. */
export function readNewTask(deps: OperatorDeps, body: StartBody): NewTask {
  return {
    appId: chooseApp(deps, body.sdkAppId),
    room: roomOfJson(body.room),
    maxIdleSeconds: body.maxIdleSeconds,
    source: sourceOf(body),
  };
}

/** Somebody publishes what the task reads: anybody of the room for a mix, else that very stream. */
export function hasPublisher(
  rooms: readonly RoomFacts[],
  task: Pick<RelayTask, 'appId' | 'room' | 'source' | 'streamId'>,
): boolean {
  const facts = rooms.find((room) => room.appId === task.appId && sameRoom(room.room, task.room));
  const streams = facts?.users.flatMap((user) => user.streams) ?? [];
  if (task.source.type === 'mix') return streams.length > 0;
  return streams.some((stream) => stream.streamId === task.streamId);
}

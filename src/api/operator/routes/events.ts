import type { Readable } from 'node:stream';
import type { z } from 'zod';
import { GatewayError } from '../../../domain/errors.ts';
import { parseIntegerRoom, parseStringRoom, type RoomId, sameRoom } from '../../../domain/ids.ts';
import type { TaskEvent } from '../../../domain/mix-event.ts';
import type { OperatorDeps } from '../deps.ts';
import { eventsQuerySchema, taskEventAnswer } from '../event-schemas.ts';
import { openEventStream } from '../event-stream.ts';
import { defineStream, type OperatorRoute } from '../route.ts';

/** That hear at the same time from one gateway: dashboards and scripts, not viewers. */
const MAX_STREAMS = 100;

type Query = z.output<typeof eventsQuerySchema>;

function roomOf({ room, stringRoom }: Query): RoomId | null {
  if (room === undefined) return null;
  return stringRoom === 'true' ? parseStringRoom(room) : parseIntegerRoom(room);
}

/** The task whose mix the task asked for shows; a copy of one stream has no events. */
async function mixOf(deps: OperatorDeps, taskId: string | undefined): Promise<string | null> {
  if (taskId === undefined) return null;
  const task = await deps.tasks.get(taskId);
  if (task === null) throw new GatewayError('not-found', `there is no task ${taskId.slice(0, 80)}`);
  return task.source.type === 'mix' ? task.source.mixTaskId : task.taskId;
}

function answerOf({ appId, room, taskId, event }: TaskEvent): z.input<typeof taskEventAnswer> {
  const own = event.type === 'speaking' ? { ...event, levels: [...event.levels] } : event;
  return { sdkAppId: appId, room: room.value, taskId, event: own };
}

/** What mixes notice, told as it happens. */
export function eventRoutes(deps: OperatorDeps): readonly OperatorRoute[] {
  const streams = new Set<Readable>();
  return [
    defineStream({
      path: '/events',
      summary: 'What mixes notice, as Server-Sent Events, until the connection or the gateway ends',
      query: eventsQuerySchema,
      answer: taskEventAnswer,
      open: async (query) => {
        const room = roomOf(query);
        const mixTaskId = await mixOf(deps, query.task);
        const isWanted = (told: TaskEvent) =>
          (room === null || sameRoom(told.room, room)) &&
          (query.sdkAppId === undefined || told.appId === query.sdkAppId) &&
          (mixTaskId === null || told.taskId === mixTaskId);
        if (streams.size >= MAX_STREAMS) {
          throw new GatewayError('limit-reached', `${MAX_STREAMS} connections hear events already`);
        }
        const stream = openEventStream({
          hear: (listener) =>
            deps.events.hear((told) => {
              if (isWanted(told)) listener({ type: told.event.type, data: answerOf(told) });
            }),
        });
        streams.add(stream);
        stream.once('close', () => streams.delete(stream));
        return stream;
      },
    }),
  ];
}

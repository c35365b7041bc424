import type { Readable } from 'node:stream';
import type { z } from 'zod';
import { GatewayError } from '../../../domain/errors.ts';
import { parseIntegerRoom, parseStringRoom, type RoomId, sameRoom } from '../../../domain/ids.ts';
import { hideDestinations } from '../../../domain/push/platforms.ts';
import { isPushEvent, type TaskEvent } from '../../../domain/task-event.ts';
import type { OperatorDeps } from '../deps.ts';
import { eventsQuerySchema, taskEventAnswer } from '../event-schemas.ts';
import { openEventStream } from '../event-stream.ts';
import { pushEventView } from '../push-view.ts';
import { defineStream, type OperatorRoute } from '../route.ts';

/** That hear at the same time from one gateway: dashboards and scripts, not viewers. */
const MAX_STREAMS = 100;

type Query = z.output<typeof eventsQuerySchema>;

function roomOf({ room, stringRoom }: Query): RoomId | null {
  if (room === undefined) return null;
  return stringRoom === 'true' ? parseStringRoom(room) : parseIntegerRoom(room);
}

/** Whose events are wanted: the targets of this task, and the mix it shows, which may be another's. */
interface WantedTask {
  readonly taskId: string;
  readonly mixTaskId: string | null;
}

async function wantedTask(deps: OperatorDeps, taskId: string | undefined): Promise<WantedTask | null> {
  if (taskId === undefined) return null;
  const task = await deps.tasks.get(taskId);
  if (task === null)
    throw new GatewayError('not-found', `there is no task ${hideDestinations(taskId).slice(0, 80)}`);
  return { taskId, mixTaskId: task.source.type === 'mix' ? task.source.mixTaskId : null };
}

function isOf(wanted: WantedTask, { taskId, event }: TaskEvent): boolean {
  return taskId === (isPushEvent(event) ? wanted.taskId : wanted.mixTaskId);
}

function answerOf({ appId, room, taskId, event }: TaskEvent): z.input<typeof taskEventAnswer> {
  const head = { sdkAppId: appId, room: room.value, taskId };
  if (isPushEvent(event)) return { ...head, event: pushEventView(event) };
  return { ...head, event: event.type === 'speaking' ? { ...event, levels: [...event.levels] } : event };
}

/** What mixes and pushes notice, told as it happens. */
export function eventRoutes(deps: OperatorDeps): readonly OperatorRoute[] {
  const streams = new Set<Readable>();
  return [
    defineStream({
      path: '/events',
      summary:
        'What mixes and pushes notice, as Server-Sent Events, until the connection or the gateway ends',
      query: eventsQuerySchema,
      answer: taskEventAnswer,
      open: async (query) => {
        const room = roomOf(query);
        const wanted = await wantedTask(deps, query.task);
        const isWanted = (told: TaskEvent) =>
          (room === null || sameRoom(told.room, room)) &&
          (query.sdkAppId === undefined || told.appId === query.sdkAppId) &&
          (wanted === null || isOf(wanted, told));
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

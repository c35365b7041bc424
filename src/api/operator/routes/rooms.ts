import type { z } from 'zod';
import { GatewayError } from '../../../domain/errors.ts';
import { parseUserId, type RoomId, roomLabel, sameRoom } from '../../../domain/ids.ts';
import { blockOf, type RoomFacts } from '../../../domain/room.ts';
import type { Task } from '../../../domain/task.ts';
import type { OperatorDeps } from '../deps.ts';
import { roomOfPath } from '../room-path.ts';
import {
  dismissedAnswer,
  removedAnswer,
  removeUsersSchema,
  roomAnswer,
  roomQuerySchema,
  roomsAnswer,
} from '../room-schemas.ts';
import { defineRoute, type OperatorRoute } from '../route.ts';

type RoomView = z.input<typeof roomAnswer>;

interface Place {
  readonly appId: number;
  readonly room: RoomId;
}

function isIn({ appId, room }: Place, place: Place): boolean {
  return appId === place.appId && sameRoom(room, place.room);
}

/** Tasks that share a mix share its robot. */
function robotsOf(facts: RoomFacts, running: readonly Task[]): RoomView['robots'] {
  const mixing = running.filter((task) => task.source.type === 'mix' && isIn(task, facts));
  return [...new Set(mixing.map((task) => task.streamId))].map((streamId) => {
    const tasks = mixing.filter((task) => task.streamId === streamId);
    return { userId: tasks[0]?.agentUserId ?? '', streamId, tasks: tasks.map((task) => task.taskId) };
  });
}

function view(facts: RoomFacts, running: readonly Task[]): RoomView {
  const { appId, room, createdAt, ownerUserId, users } = facts;
  return {
    ...{ sdkAppId: appId, room: room.value, createdAt, ownerUserId },
    users: users.map(({ userId, enteredAt, lostAt, role, roleName, streams, ...user }) => ({
      ...{ userId, enteredAt, lostAt, role, roleName },
      session: user.session && { since: user.session.since, lostAt: user.session.lostAt },
      blocked: blockOf(user),
      streams: streams.map(({ gatewayId: _where, ...stream }) => stream),
    })),
    robots: robotsOf(facts, running),
  };
}

function changingRoutes(deps: OperatorDeps): readonly OperatorRoute[] {
  return [
    defineRoute({
      method: 'DELETE',
      path: '/rooms/:id',
      summary: 'Dismiss a room: everybody is taken out, and it ends',
      query: roomQuerySchema,
      answer: dismissedAnswer,
      handle: async ({ id, query }) => {
        const { appId, room } = roomOfPath(deps, id, query);
        await deps.rooms.dismiss(appId, room);
        return { room: room.value };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/rooms/:id/remove',
      summary: 'Take users out of a room, with their streams; they may enter again',
      query: roomQuerySchema,
      body: removeUsersSchema,
      answer: removedAnswer,
      handle: async ({ id, query, body }) => {
        const { appId, room } = roomOfPath(deps, id, query);
        const removed = await deps.rooms.removeUsers(appId, room, body.userIds.map(parseUserId));
        if (removed.length > 0) return { removed };
        throw new GatewayError('not-found', `none of these users is in room ${roomLabel(room)}`);
      },
    }),
  ];
}

/** Live rooms: list, show, dismiss, and remove users. */
export function roomRoutes(deps: OperatorDeps): readonly OperatorRoute[] {
  return [
    ...changingRoutes(deps),
    defineRoute({
      method: 'GET',
      path: '/rooms',
      summary: 'Live rooms with their users, streams and robots, oldest first',
      answer: roomsAnswer,
      handle: async () => {
        const [rooms, running] = await Promise.all([deps.rooms.list(), deps.tasks.listRunning()]);
        return rooms.toSorted((a, b) => a.createdAt - b.createdAt).map((facts) => view(facts, running));
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/rooms/:id',
      summary: 'One live room',
      query: roomQuerySchema,
      answer: roomAnswer,
      handle: async ({ id, query }) => {
        const place = roomOfPath(deps, id, query);
        const [rooms, running] = await Promise.all([deps.rooms.list(), deps.tasks.listRunning()]);
        const facts = rooms.find((one) => isIn(one, place));
        if (!facts) throw new GatewayError('not-found', `there is no live room ${roomLabel(place.room)}`);
        return view(facts, running);
      },
    }),
  ];
}

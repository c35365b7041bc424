import { blockOf } from '../../../domain/room.ts';
import type { OperatorDeps } from '../deps.ts';
import { defineRoute, type OperatorRoute } from '../route.ts';
import { roomsAnswer } from '../schemas.ts';

export function roomRoutes(deps: OperatorDeps): readonly OperatorRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/rooms',
      summary: 'Live rooms with their users and streams',
      answer: roomsAnswer,
      handle: async () => {
        const rooms = await deps.rooms.list();
        return [...rooms]
          .sort((a, b) => a.createdAt - b.createdAt)
          .map((facts) => ({
            sdkAppId: facts.appId,
            room: facts.room.value,
            createdAt: facts.createdAt,
            users: facts.users.map(({ userId, enteredAt, lostAt, streams, blocked }) => ({
              userId,
              enteredAt,
              lostAt,
              blocked: blockOf({ ...(blocked && { blocked }) }),
              streams: streams.map(({ streamId, kind, publishedAt }) => ({ streamId, kind, publishedAt })),
            })),
          }));
      },
    }),
  ];
}

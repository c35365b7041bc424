import { parseUserId } from '../../../domain/ids.ts';
import type { OperatorDeps } from '../deps.ts';
import { roomOfPath } from '../room-path.ts';
import { blockedSchema, roomQuerySchema } from '../room-schemas.ts';
import { defineRoute, type OperatorRoute } from '../route.ts';

export function blockRoutes(deps: OperatorDeps): readonly OperatorRoute[] {
  return [
    defineRoute({
      method: 'PUT',
      path: '/rooms/:id/users/:user/blocked',
      summary: 'Say what of a user nobody may hear or see; it holds until the user leaves the room',
      query: roomQuerySchema,
      body: blockedSchema,
      answer: blockedSchema,
      handle: async ({ id, user, query, body }) => {
        const place = roomOfPath(deps, id, query);
        await deps.rooms.setBlocked({ ...place, userId: parseUserId(user) }, body);
        return body;
      },
    }),
  ];
}

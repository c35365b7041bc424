import { z } from 'zod';
import { parseIntegerRoom, parseStringRoom, parseUserId } from '../../../domain/ids.ts';
import type { OperatorDeps } from '../deps.ts';
import { defineRoute, type OperatorRoute } from '../route.ts';
import { blockedSchema } from '../schemas.ts';
import { chooseApp } from '../task-source.ts';

const placeSchema = z.strictObject({
  stringRoom: z
    .enum(['true', 'false'])
    .optional()
    .meta({ description: 'true: the room is a text, not a number' }),
  sdkAppId: z.coerce
    .number()
    .int()
    .positive()
    .optional()
    .meta({ description: 'may be left out when there is one app' }),
});

export function blockRoutes(deps: OperatorDeps): readonly OperatorRoute[] {
  return [
    defineRoute({
      method: 'PUT',
      path: '/rooms/:id/users/:user/blocked',
      summary: 'Say what of a user nobody may hear or see; it holds until the user leaves the room',
      query: placeSchema,
      body: blockedSchema,
      answer: blockedSchema,
      handle: async ({ id, user, query, body }) => {
        const room = query.stringRoom === 'true' ? parseStringRoom(id) : parseIntegerRoom(id);
        const appId = chooseApp(deps, query.sdkAppId);
        await deps.rooms.setBlocked({ appId, room, userId: parseUserId(user) }, body);
        return body;
      },
    }),
  ];
}

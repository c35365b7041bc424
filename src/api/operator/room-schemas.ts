import { z } from 'zod';
import { userSchema } from './basic-schemas.ts';

/** Of one request. */
const MAX_REMOVED = 100;

/** What of a user nobody may hear or see. */
export const blockedSchema = z.strictObject({ audio: z.boolean(), video: z.boolean() });

/** Which room a path means. */
export const roomQuerySchema = z.strictObject({
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

export const roomAnswer = z.strictObject({
  sdkAppId: z.int(),
  room: z.union([z.int(), z.string()]),
  createdAt: z.int(),
  ownerUserId: z.string().meta({ description: 'who made the room by entering it' }),
  users: z.array(
    z.strictObject({
      userId: z.string(),
      enteredAt: z.int(),
      lostAt: z.int().nullable().meta({ description: 'since when its connection is lost' }),
      role: z.enum(['anchor', 'audience']),
      roleName: z.string(),
      session: z
        .strictObject({ since: z.int(), lostAt: z.int().nullable() })
        .nullable()
        .meta({ description: 'the device that is logged in' }),
      blocked: blockedSchema.meta({ description: 'what of the user nobody may hear or see' }),
      streams: z.array(
        z.strictObject({
          streamId: z.string(),
          kind: z.enum(['main', 'aux']),
          publishedAt: z.int(),
          tracks: z
            .strictObject({ audio: z.boolean(), video: z.boolean() })
            .meta({ description: 'of which frames came since it was published' }),
        }),
      ),
    }),
  ),
  robots: z
    .array(z.strictObject({ userId: z.string(), streamId: z.string(), tasks: z.array(z.string()) }))
    .meta({ description: 'as whom the mixes of running tasks are published' }),
});
export const roomsAnswer = z.array(roomAnswer);

export const dismissedAnswer = z.strictObject({ room: roomAnswer.shape.room });
export const removeUsersSchema = z.strictObject({ userIds: z.array(userSchema).min(1).max(MAX_REMOVED) });
export const removedAnswer = z.strictObject({
  removed: z.array(z.string()).meta({ description: 'those who were in the room' }),
});

import { z } from 'zod';
import { TARGET_STATES } from '../../domain/job.ts';

const at = z.number().meta({ description: 'unix ms' });
const streamId = z.string();
const volume = z.number().meta({ description: '0 to 100' });

/** What a mix notices; none of it stops the mix. */
const kept = [
  z.strictObject({
    type: z.literal('input-changed'),
    at,
    streamId,
    what: z.enum(['size', 'codec', 'timestamps', 'gap', 'tracks']),
    detail: z.string(),
  }),
  z.strictObject({
    type: z.literal('input-unsupported'),
    at,
    streamId,
    codec: z.string(),
    reason: z.string(),
  }),
  z.strictObject({ type: z.literal('input-damaged'), at, streamId, detail: z.string() }),
  z.strictObject({
    type: z.literal('picture-failed'),
    at,
    url: z.string().meta({ description: 'without its query' }),
    reason: z.string(),
  }),
  z.strictObject({ type: z.literal('encoder-fallback'), at, encoder: z.string(), reason: z.string() }),
  z.strictObject({
    type: z.literal('overloaded'),
    at,
    droppedShare: z.number().meta({ description: 'of the pictures, 0 to 1' }),
    behindMs: z.number(),
  }),
  z.strictObject({ type: z.literal('recovered'), at }),
] as const;

const speaking = z
  .strictObject({
    type: z.literal('speaking'),
    at,
    levels: z.array(z.strictObject({ streamId, userId: z.string(), volume })),
  })
  .meta({ description: 'every second while somebody can be heard; told once, not kept' });

/** With who spoke, which is told but never among the last events. */
export const mixEventAnswer = z.discriminatedUnion('type', [...kept, speaking]);

const target = {
  targetId: z.string(),
  url: z.string().meta({ description: 'its key is hidden' }),
};

/** What a push notices of its targets. */
const pushed = [
  z.strictObject({
    type: z.literal('push-state'),
    at,
    ...target,
    from: z.enum(TARGET_STATES),
    to: z.enum(TARGET_STATES),
    error: z
      .strictObject({ code: z.string(), message: z.string() })
      .nullable()
      .meta({ description: 'why, when something went wrong' }),
    attempt: z.int(),
    nextRetryAt: z.number().nullable().meta({ description: 'unix ms' }),
  }),
  z.strictObject({
    type: z.literal('push-warning'),
    at,
    ...target,
    warnings: z.array(z.string()).meta({
      description:
        'what of the stream breaks a known limit of the platform; empty when nothing does any more',
    }),
  }),
] as const;

export const pushEventAnswer = z.discriminatedUnion('type', [...pushed]);

export const taskEventAnswer = z.strictObject({
  sdkAppId: z.int(),
  room: z.union([z.int(), z.string()]),
  taskId: z.string().meta({ description: "a relay's, or a mix's own task, which others may share" }),
  event: z.discriminatedUnion('type', [...kept, speaking, ...pushed]),
});

export const eventsQuerySchema = z.strictObject({
  room: z.string().min(1).optional(),
  stringRoom: z
    .enum(['true', 'false'])
    .optional()
    .meta({ description: 'true: the room is a text, not a number' }),
  sdkAppId: z.coerce.number().int().positive().optional(),
  task: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'of the targets of this task and of the mix it shows' }),
});

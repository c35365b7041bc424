import { z } from 'zod';
import { TERMINALS } from '../domain/terminal.ts';

const MAX_NAME_CHARS = 64;

export const roomIdShape = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('number'), value: z.int().min(1).max(4_294_967_295) }),
  z.object({ kind: z.literal('string'), value: z.string().min(1).max(64) }),
]);
export const roleShape = z.enum(['anchor', 'audience']);
export const kindShape = z.enum(['main', 'aux']);
export const terminalShape = z.enum(TERMINALS);
export const nameShape = z.string().min(1).max(MAX_NAME_CHARS);
/** Unix ms. */
export const timeShape = z.int().min(0);

/** What a user says it sends and has not muted. */
export const mediaShape = z.object({ audio: z.boolean(), video: z.boolean(), screen: z.boolean() });

const blockedShape = z.object({ audio: z.boolean(), video: z.boolean() });
const tracksShape = z
  .object({ audio: z.boolean(), video: z.boolean() })
  .describe('of which frames came since it was published');
const streamShape = z.object({ streamId: z.string(), kind: kindShape, tracks: tracksShape });

const memberShape = z.object({
  userId: z.string(),
  order: z.int().min(1).describe('of entry: cells of layouts are filled in this order'),
  enteredAt: timeShape,
  role: roleShape,
  roleName: z.string(),
  terminal: terminalShape,
  isLost: z.boolean().describe('its connection was lost, and it may still come back'),
  media: mediaShape,
  blocked: blockedShape.describe('what of it nobody may hear or see'),
  streams: z.array(streamShape),
});

export const snapshotShape = z.object({
  room: roomIdShape,
  createdAt: timeShape,
  ownerUserId: z.string(),
  seq: z.int().min(0).describe('of the last event that is in it'),
  members: z.array(memberShape),
});

const leaveReason = z.enum([
  'normal',
  'timeout',
  'removed',
  'dismissed',
  'another-device',
  'moved',
  'force-killed',
]);

const eventBodyShape = z.discriminatedUnion('type', [
  z.object({ type: z.literal('member-entered'), member: memberShape }),
  z.object({ type: z.literal('member-left'), userId: z.string(), reason: leaveReason }),
  z.object({
    type: z.literal('member-changed'),
    userId: z.string(),
    change: z.object({
      role: roleShape.exactOptional(),
      roleName: z.string().exactOptional(),
      terminal: terminalShape.exactOptional(),
      isLost: z.boolean().exactOptional(),
      media: mediaShape.exactOptional(),
      blocked: blockedShape.exactOptional(),
    }),
  }),
  z.object({ type: z.literal('stream-published'), userId: z.string(), stream: streamShape }),
  z.object({
    type: z.literal('stream-changed'),
    userId: z.string(),
    streamId: z.string(),
    tracks: tracksShape,
  }),
  z.object({ type: z.literal('stream-ended'), userId: z.string(), streamId: z.string() }),
  z.object({ type: z.literal('room-closed'), reason: z.enum(['empty', 'dismissed']) }),
]);

export const eventShape = z.object({
  seq: z.int().min(1).describe('one more than that of the event before'),
  at: timeShape,
  body: eventBodyShape,
});

/** How a device of the user's platform is to encode in this role. */
export const encoderShape = z.object({
  width: z.int(),
  height: z.int(),
  fps: z.int(),
  bitrateKbps: z.int(),
  gopSeconds: z.number(),
  audioBitrateKbps: z.int(),
});

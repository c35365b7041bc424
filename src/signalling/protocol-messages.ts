import { z } from 'zod';
import {
  encoderShape,
  eventShape,
  nameShape,
  roomIdShape,
  snapshotShape,
  timeShape,
} from './protocol-shapes.ts';

const NOTHING = z.object({});
const snapshot = z.object({ snapshot: snapshotShape });
const roleSettings = z.object({
  roleName: z.string(),
  encoder: encoderShape,
});

const groupPlace = { seq: z.int().min(1), at: timeShape };
const groupMessage = z.object({
  ...groupPlace,
  type: z.literal('message'),
  userId: z.string(),
  text: z.string(),
});
const groupEvent = z.discriminatedUnion('type', [
  groupMessage,
  z.object({ ...groupPlace, type: z.literal('member-joined'), userId: z.string() }),
  z.object({ ...groupPlace, type: z.literal('member-left'), userId: z.string() }),
  z.object({ ...groupPlace, type: z.literal('group-ended') }),
]);
const groupInfo = z.object({
  groupId: z.string(),
  name: z.string(),
  createdAt: timeShape,
  historySize: z.int(),
  seq: z.int().min(0).describe('of its last event'),
  members: z.int(),
});

/** What each request is answered with when it was done, beside `id` and `ok`. */
export const answerShapes = {
  login: z.object({
    v: z.literal(1),
    sessionId: z.string().describe('with which this login is resumed'),
    resumed: z.boolean(),
    room: roomIdShape.nullable().describe('the room that the resumed session is still in'),
    snapshot: snapshotShape.optional().describe('of the room, when the missed events are not known any more'),
    events: z.array(eventShape).optional().describe('of the room, after the `seq` that was resumed at'),
    silentSeconds: z.number().describe('who is not heard of for so long is closed; answering pings counts'),
  }),
  enter: z.object({ ...snapshot.shape, ...roleSettings.shape }),
  leave: NOTHING,
  switchRole: NOTHING,
  switchRoleName: roleSettings,
  publish: z.object({
    streamId: z.string(),
    rtmpUrl: z.string().describe('to which the client adds its own `&usersig=`'),
    ...roleSettings.shape,
  }),
  media: NOTHING,
  level: NOTHING,
  renewTicket: z.object({ expiresAt: timeShape }),
  play: z.object({
    rtmp: z.string(),
    flv: z.string(),
    webSocketFlv: z.string(),
    hls: z.string(),
    expiresAt: timeShape.describe('when the ticket in them does'),
  }),
  snapshot,
  'group.create': groupInfo,
  'group.join': groupInfo,
  'group.leave': NOTHING,
  'group.members': z.object({ members: z.array(z.string()) }),
  'group.send': z.object({ seq: z.int().min(1) }),
  'group.history': z.object({ messages: z.array(groupMessage) }),
  ping: z.object({ at: timeShape }),
} as const;

/** As the server has it: nobody changes what is being said. */
type Said<T> = T extends readonly (infer U)[]
  ? readonly Said<U>[]
  : T extends object
    ? { readonly [K in keyof T]: Said<T[K]> }
    : T;

export type Answers = { readonly [K in keyof typeof answerShapes]: Said<z.infer<(typeof answerShapes)[K]>> };

export const failureShape = z.object({
  id: z.int().nullable(),
  ok: z.literal(false),
  error: z.object({
    code: z.string().describe('stable; the message may change'),
    message: z.string(),
    retry: z.enum(['never', 'later']),
  }),
});

/** What the server says unasked. */
export const pushShape = z.discriminatedUnion('type', [
  z.object({ type: z.literal('event'), room: roomIdShape, event: eventShape }),
  z.object({ type: z.literal('snapshot'), room: roomIdShape, snapshot: snapshotShape }),
  z.object({
    type: z.literal('levels'),
    room: roomIdShape,
    levels: z.array(z.object({ userId: z.string(), level: z.int().min(0).max(100) })),
  }),
  z.object({ type: z.literal('kicked'), reason: nameShape }),
  z.object({
    type: z.literal('notice'),
    notice: z.enum(['ticket-expiring', 'ticket-expired']),
    expiresAt: timeShape,
  }),
  z.object({ type: z.literal('group'), groupId: z.string(), event: groupEvent }),
]);

export type Failure = Said<z.infer<typeof failureShape>>;
export type Push = Said<z.infer<typeof pushShape>>;

import { z } from 'zod';
import {
  kindShape,
  mediaShape,
  nameShape,
  roleShape,
  roomIdShape,
  terminalShape,
} from './protocol-shapes.ts';

/** A UserSig or PrivateMapKey. */
const token = z.string().min(1).max(4096);
const groupId = z.string().min(1).max(64);
const MAX_GROUP_TEXT = 4096;

const id = z.int().min(0).describe('chosen by the client; the answer has the same');

const resume = z.object({
  sessionId: z.string().min(1).max(64),
  room: roomIdShape.optional(),
  seq: z.int().min(0).optional().describe('of the last event that was seen'),
});

/** Every request of a client. What is not told of here is ignored. */
export const requestShape = z.discriminatedUnion('type', [
  z.object({
    id,
    type: z.literal('login'),
    v: z.literal(1).describe('version of the protocol'),
    appId: z.int().min(1),
    userId: z.string().max(256),
    userSig: token,
    accountType: z.int().min(0).optional().describe('checked when it is there'),
    terminal: terminalShape.optional(),
    client: z.string().max(128).optional().describe('name and version, for the log'),
    resume: resume.optional(),
  }),
  z.object({
    id,
    type: z.literal('enter'),
    room: roomIdShape,
    role: roleShape.optional().describe('anchor if it is not there'),
    roleName: nameShape.optional(),
    privateMapKey: token.optional(),
  }),
  z.object({ id, type: z.literal('leave') }),
  z.object({ id, type: z.literal('switchRole'), role: roleShape, privateMapKey: token.optional() }),
  z.object({ id, type: z.literal('switchRoleName'), roleName: nameShape }),
  z.object({ id, type: z.literal('publish'), kind: kindShape }),
  z.object({ id, type: z.literal('media'), ...mediaShape.shape }),
  z.object({
    id: id.optional(),
    type: z.literal('level'),
    level: z.int().min(0).max(100).describe("of the user's own voice"),
  }),
  z.object({ id, type: z.literal('renewTicket'), privateMapKey: token }),
  z.object({ id, type: z.literal('play'), streamId: z.string().min(1).max(256) }),
  z.object({ id, type: z.literal('snapshot') }),
  z.object({
    id,
    type: z.literal('group.create'),
    groupId: groupId.optional().describe('made up if it is not there'),
    name: nameShape.optional(),
    historySize: z.int().min(0).max(100).optional().describe('how many of the last messages are kept'),
  }),
  z.object({ id, type: z.literal('group.join'), groupId }),
  z.object({ id, type: z.literal('group.leave'), groupId }),
  z.object({ id, type: z.literal('group.members'), groupId }),
  z.object({ id, type: z.literal('group.send'), groupId, text: z.string().min(1).max(MAX_GROUP_TEXT) }),
  z.object({ id, type: z.literal('group.history'), groupId, count: z.int().min(1).max(100).optional() }),
  z.object({ id, type: z.literal('ping') }),
]);

export type Request = z.infer<typeof requestShape>;
export type RequestType = Request['type'];
export type RequestOf<T extends RequestType> = Extract<Request, { type: T }>;

export const REQUEST_TYPES: readonly string[] = requestShape.options.map((option) => option.shape.type.value);

import { GatewayError } from './errors.ts';
import { assertText, assertWhole, refuse } from './rule.ts';

/** What happens in a messaging group, as its members see it. */
type GroupChange =
  | { readonly type: 'message'; readonly userId: string; readonly text: string }
  | { readonly type: 'member-joined'; readonly userId: string }
  | { readonly type: 'member-left'; readonly userId: string }
  /** Nobody used it for long, or Redis lost it. */
  | { readonly type: 'group-ended' };

/** `seq` grows by one with each event of a group, for everyone in the same order; a jump tells of missed ones. */
export type GroupEvent = GroupChange & {
  readonly seq: number;
  /** Unix ms. */
  readonly at: number;
};

/** A message, as the history has it too. */
export type GroupMessage = Extract<GroupEvent, { readonly type: 'message' }>;

/** What one may know of a group without its members. */
export interface GroupInfo {
  readonly groupId: string;
  readonly name: string;
  readonly createdAt: number;
  /** How many of the last messages are kept. */
  readonly historySize: number;
  /** Of its last event. */
  readonly seq: number;
  readonly members: number;
}

/** What a creator may choose. */
export interface NewGroup {
  readonly groupId?: string;
  readonly name?: string;
  readonly historySize?: number;
}

/** Bounds that keep groups from growing without end. */
export interface GroupLimits {
  readonly groupsPerApp: number;
  readonly groupsPerUser: number;
  readonly members: number;
  /** Of all members of a group together. */
  readonly messagesPerSecond: number;
  /** A group that nobody joins, leaves or writes to for this long ends. */
  readonly unusedMs: number;
}

export const DEFAULT_GROUP_LIMITS: GroupLimits = {
  groupsPerApp: 10_000,
  groupsPerUser: 100,
  members: 1000,
  messagesPerSecond: 50,
  unusedMs: 30 * 24 * 3_600_000,
};

const MAX_HISTORY = 100;
const MAX_TEXT_BYTES = 4096;
const MAX_NAME_CHARS = 64;
const GROUP_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** 1 to 64 letters, digits, `_` and `-`; `Team` and `team` are two groups. Throws `bad-request`. */
export function parseGroupId(text: string): string {
  if (!GROUP_ID.test(text)) refuse('a group id has 1 to 64 letters, digits, underscores or hyphens');
  return text;
}

/** A group as it is made, with what its creator left open; throws `bad-request`. */
export function parseNewGroup(wanted: NewGroup, freshId: string): Required<NewGroup> {
  const groupId = parseGroupId(wanted.groupId ?? freshId);
  const { name = groupId, historySize = MAX_HISTORY } = wanted;
  assertText('the name of a group', name, MAX_NAME_CHARS);
  assertWhole('the history of a group', historySize, { min: 0, max: MAX_HISTORY });
  return { groupId, name, historySize };
}

/** 1 to 4096 bytes of UTF-8; throws `bad-request`, `too-large`. */
export function parseGroupText(text: string): string {
  if (text.length === 0) refuse('a message has a text');
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) {
    throw new GatewayError('too-large', `a message has at most ${MAX_TEXT_BYTES} bytes`);
  }
  return text;
}

/** How many messages are asked for; throws `bad-request`. */
export function parseHistoryCount(count: number): number {
  assertWhole('the number of messages', count, { min: 1, max: MAX_HISTORY });
  return count;
}

/** `<appId>/<groupId>`: the key of a group. */
export function groupKey(appId: number, groupId: string): string {
  return `${appId}/${groupId}`;
}

/** The parts of a groupKey. */
export function parseGroupKey(key: string): { readonly appId: number; readonly groupId: string } {
  const slash = key.indexOf('/');
  return { appId: Number(key.slice(0, slash)), groupId: key.slice(slash + 1) };
}

/** Why something asked of a group is not done. */
export type GroupRefusal =
  | 'no-group'
  | 'not-member'
  | 'exists'
  | 'app-full'
  | 'user-full'
  | 'group-full'
  | 'too-fast';

/** The error a caller gets for a refusal. */
export function groupError(refusal: GroupRefusal, limits: GroupLimits): GatewayError {
  switch (refusal) {
    case 'no-group':
      return new GatewayError('not-found', 'there is no such group');
    case 'not-member':
      return new GatewayError('forbidden', 'only its members may do that: join the group first');
    case 'exists':
      return new GatewayError('conflict', 'there is a group of that id: join it, or choose another id');
    case 'app-full':
      return new GatewayError('limit-reached', `the app has ${limits.groupsPerApp} groups`);
    case 'user-full':
      return new GatewayError('limit-reached', `a user is in at most ${limits.groupsPerUser} groups`);
    case 'group-full':
      return new GatewayError('limit-reached', `the group has ${limits.members} members`);
    case 'too-fast':
      return new GatewayError(
        'limit-reached',
        `a group takes ${limits.messagesPerSecond} messages a second: send it again later`,
        { retry: 'later' },
      );
  }
}

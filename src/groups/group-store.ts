import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import {
  type GroupInfo,
  type GroupLimits,
  type GroupMessage,
  type GroupRefusal,
  groupError,
  groupKey,
  type NewGroup,
  parseGroupId,
  parseGroupKey,
  parseGroupText,
  parseHistoryCount,
  parseNewGroup,
} from '../domain/group.ts';
import { canonicalUser } from '../domain/ids.ts';
import { reach } from '../queue/redis.ts';
import { CREATE, END_IF_UNUSED, HISTORY, JOIN, LEAVE, MEMBERS, SEND } from './group-scripts.ts';

/** A user of an app, in any case of letters. */
export interface GroupUser {
  readonly appId: number;
  readonly userId: string;
}

/** What users ask of groups; all throw `redis-away`, and `not-found` or `forbidden` to those who are no members. */
export interface GroupStore {
  /** The creator is its first member. Throws `bad-request`, `conflict`, `limit-reached`. */
  create(user: GroupUser, wanted: NewGroup): Promise<GroupInfo>;
  /** Who is a member already stays one. Throws `limit-reached`. */
  join(user: GroupUser, groupId: string): Promise<GroupInfo>;
  /** The last who leaves ends the group. */
  leave(user: GroupUser, groupId: string): Promise<void>;
  /** Ids as they were first written, in the order of joining. */
  members(user: GroupUser, groupId: string): Promise<readonly string[]>;
  /** Throws `too-large`, `limit-reached`. */
  send(user: GroupUser, groupId: string, text: string): Promise<{ readonly seq: number }>;
  /** The last messages of those that are kept, oldest first. */
  history(user: GroupUser, groupId: string, count: number): Promise<readonly GroupMessage[]>;
  /** Ends groups that nobody used for long, some at a time; answers how many. */
  endUnused(): Promise<number>;
}

export interface GroupStoreDeps {
  /** Of purpose `facts`. */
  readonly redis: Redis;
  readonly limits: GroupLimits;
  readonly now: () => number;
}

/** Of one call, so that Redis is never busy for long. */
const MOST_ENDED = 100;
const UNUSED: GroupUser = { appId: 0, userId: '' };

function toInfo(groupId: string, facts: readonly unknown[]): GroupInfo {
  const [name, createdAt, historySize, seq, members] = facts;
  return {
    ...{ groupId, name: String(name), createdAt: Number(createdAt) },
    ...{ historySize: Number(historySize), seq: Number(seq), members: Number(members) },
  };
}

/** Groups in Redis: each call is one script, so any number of gateways may make them at once. */
export function createGroupStore({ redis, limits, now }: GroupStoreDeps): GroupStore {
  async function run(script: string, user: GroupUser, key: string, args: readonly (string | number)[] = []) {
    const { appId, groupId } = parseGroupKey(key);
    const who = [canonicalUser(user.userId), user.userId];
    const answer = await reach(() => redis.eval(script, 0, key, appId, groupId, now(), ...who, ...args));
    if (typeof answer === 'string') throw groupError(answer as GroupRefusal, limits);
    return answer;
  }
  const keyOf = (user: GroupUser, groupId: string) => groupKey(user.appId, parseGroupId(groupId));
  const list = async (...asked: Parameters<typeof run>) => (await run(...asked)) as readonly string[];

  return {
    async create(user, wanted) {
      const { groupId, name, historySize } = parseNewGroup(wanted, randomBytes(12).toString('hex'));
      const { groupsPerApp, groupsPerUser } = limits;
      const args = [name, historySize, groupsPerApp, groupsPerUser];
      return toInfo(groupId, await list(CREATE, user, keyOf(user, groupId), args));
    },
    async join(user, groupId) {
      const args = [limits.members, limits.groupsPerUser];
      return toInfo(groupId, await list(JOIN, user, keyOf(user, groupId), args));
    },
    async leave(user, groupId) {
      await run(LEAVE, user, keyOf(user, groupId));
    },
    members: async (user, groupId) => list(MEMBERS, user, keyOf(user, groupId)),
    async send(user, groupId, text) {
      const args = [JSON.stringify(parseGroupText(text)), limits.messagesPerSecond];
      const [seq] = await list(SEND, user, keyOf(user, groupId), args);
      return { seq: Number(seq) };
    },
    async history(user, groupId, count) {
      const texts = await list(HISTORY, user, keyOf(user, groupId), [parseHistoryCount(count)]);
      return texts.map((text) => JSON.parse(text) as GroupMessage);
    },
    async endUnused() {
      const before = now() - limits.unusedMs;
      const keys = await reach(() =>
        redis.zrange('roomcast:groups:used', '-inf', `(${before}`, 'BYSCORE', 'LIMIT', 0, MOST_ENDED),
      );
      let ended = 0;
      for (const key of keys) ended += Number(await run(END_IF_UNUSED, UNUSED, key, [before]));
      return ended;
    },
  };
}

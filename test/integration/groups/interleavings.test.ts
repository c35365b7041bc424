import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GroupUser } from '../../../src/groups/group-store.ts';
import { eventually } from '../../support/eventually.ts';
import { seededWhole } from '../../support/random.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { type GroupGateway, startGroupGateway, userOf, wordOf } from './group-rig.ts';

const SEEDS = [1, 2, 3, 4, 5, 6];
const STEPS = 150;
const LIMITS = { groupsPerApp: 4, groupsPerUser: 3, members: 4, messagesPerSecond: 100_000 };
const HISTORY = 5;
const GROUPS = ['a', 'b', 'c', 'd', 'e'];
/** Two apps with the same users; each attends at one gateway, and asks at any. */
const USERS = [1, 2].flatMap((app) =>
  ['Ann', 'ben', 'cyd', 'dan', 'eve'].map((id) => userOf(`${app}/${id}`)),
);

interface ModelGroup {
  seq: number;
  readonly members: GroupUser[];
  readonly messages: string[];
}

/** What groups are, in a few lines: every answer and every delivery is held against it. */
class Model {
  readonly groups = new Map<string, ModelGroup>();
  readonly seen = new Map<GroupUser, string[]>(USERS.map((user) => [user, []]));

  of({ appId }: GroupUser, id: string): ModelGroup | undefined {
    return this.groups.get(`${appId}/${id}`);
  }

  #tell(group: ModelGroup, id: string, word: string): string {
    group.seq += 1;
    for (const member of group.members) this.seen.get(member)?.push(`${id} ${group.seq} ${word}`);
    return `${group.seq} ${word}`;
  }

  #groupsOf(user: GroupUser): number {
    const ofApp = [...this.groups].filter(([key]) => key.startsWith(`${user.appId}/`));
    return ofApp.filter(([, group]) => group.members.includes(user)).length;
  }

  create(user: GroupUser, id: string): string {
    if (this.of(user, id)) return 'conflict';
    const ofApp = [...this.groups.keys()].filter((key) => key.startsWith(`${user.appId}/`)).length;
    if (ofApp >= LIMITS.groupsPerApp || this.#groupsOf(user) >= LIMITS.groupsPerUser) return 'limit-reached';
    const group: ModelGroup = { seq: 0, members: [user], messages: [] };
    this.groups.set(`${user.appId}/${id}`, group);
    this.#tell(group, id, `${user.userId} joined`);
    return 'members 1';
  }

  join(user: GroupUser, id: string): string {
    const group = this.of(user, id);
    if (!group) return 'not-found';
    if (group.members.includes(user)) return `members ${group.members.length}`;
    if (group.members.length >= LIMITS.members) return 'limit-reached';
    if (this.#groupsOf(user) >= LIMITS.groupsPerUser) return 'limit-reached';
    group.members.push(user);
    this.#tell(group, id, `${user.userId} joined`);
    return `members ${group.members.length}`;
  }

  leave(user: GroupUser, id: string): string {
    const group = this.of(user, id);
    if (!group?.members.includes(user)) return group ? 'forbidden' : 'not-found';
    group.members.splice(group.members.indexOf(user), 1);
    this.#tell(group, id, `${user.userId} left`);
    if (group.members.length === 0) this.groups.delete(`${user.appId}/${id}`);
    return 'left';
  }

  send(user: GroupUser, id: string, text: string): string {
    const group = this.of(user, id);
    if (!group?.members.includes(user)) return group ? 'forbidden' : 'not-found';
    group.messages.push(this.#tell(group, id, `${user.userId}: ${text}`));
    return `seq ${group.seq}`;
  }

  look(user: GroupUser, id: string): string {
    const group = this.of(user, id);
    if (!group?.members.includes(user)) return group ? 'forbidden' : 'not-found';
    const members = group.members.map(({ userId }) => userId).join(' ');
    return [members, ...group.messages.slice(-HISTORY)].join('\n');
  }
}

type Step = { readonly user: GroupUser; readonly id: string; readonly text: string; readonly what: number };

function inModel(model: Model, { user, id, text, what }: Step): string {
  if (what === 0) return model.create(user, id);
  if (what <= 2) return model.join(user, id);
  if (what === 3) return model.leave(user, id);
  return what <= 7 ? model.send(user, id, text) : model.look(user, id);
}

async function inRedis({ groups }: GroupGateway, { user, id, text, what }: Step): Promise<string> {
  // Any case of letters is the same user.
  const who = text.length % 2 === 0 ? user : { ...user, userId: user.userId.toUpperCase() };
  if (what === 0)
    return `members ${(await groups.create(user, { groupId: id, historySize: HISTORY })).members}`;
  if (what <= 2) return `members ${(await groups.join(user, id)).members}`;
  if (what === 3) return groups.leave(who, id).then(() => 'left');
  if (what <= 7) return `seq ${(await groups.send(who, id, text)).seq}`;
  const messages = await groups.history(who, id, 100);
  const lines = messages.map((message) => `${message.seq} ${wordOf(message)}`);
  return [(await groups.members(who, id)).join(' '), ...lines].join('\n');
}

let server: TestRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

test.each(SEEDS)(
  'random steps at three gateways answer and deliver as the model does (seed %i)',
  async (seed) => {
    const whole = seededWhole(seed);
    const gateways = await Promise.all([1, 2, 3].map(() => startGroupGateway(server, LIMITS)));
    const at = (n: number) => gateways[n % gateways.length] as GroupGateway;
    const model = new Model();
    try {
      for (const [n, user] of USERS.entries()) await at(n).attend(user);
      for (let n = 0; n < STEPS; n += 1) {
        const user = USERS[whole(USERS.length)] as GroupUser;
        const id = GROUPS[whole(GROUPS.length)] as string;
        const step = { user, id, text: `text ${n}`, what: whole(10) };
        const answer = await inRedis(at(whole(3)), step).catch((error: { code?: string }) => error.code);
        expect([n, answer]).toEqual([n, inModel(model, step)]);
      }
      for (const [n, user] of USERS.entries()) {
        await eventually(() => {
          expect(at(n).seen(user)).toEqual(model.seen.get(user));
          return true;
        });
      }
    } finally {
      await gateways[0]?.redis.flushall();
      for (const gateway of gateways) gateway.close();
    }
  },
);

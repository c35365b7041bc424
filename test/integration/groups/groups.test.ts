import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DEFAULT_GROUP_LIMITS } from '../../../src/domain/group.ts';
import { createGroupStore } from '../../../src/groups/group-store.ts';
import { eventually } from '../../support/eventually.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { type GroupGateway, startGroupGateway, userOf, wordOf } from './group-rig.ts';

const [alice, bob, carol] = [userOf('1/Alice'), userOf('1/bob'), userOf('1/carol')];
let server: TestRedis;
let [g1, g2]: GroupGateway[] = [];

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  [g1, g2] = [await startGroupGateway(server), await startGroupGateway(server)];
});
afterEach(async () => {
  await g1?.redis.flushall();
  g1?.close();
  g2?.close();
});

function gateways(): readonly [GroupGateway, GroupGateway] {
  if (!g1 || !g2) throw new Error('the gateways are not there');
  return [g1, g2];
}

const refused = (code: string) => expect.objectContaining({ code });

/** Waits until a user here has seen exactly this. */
async function sees(gateway: GroupGateway, name: string, expected: readonly string[]): Promise<void> {
  await eventually(() => {
    expect(gateway.seen(userOf(name))).toEqual(expected);
    return true;
  });
}

describe('groups', () => {
  test('tell members at all gateways who joins, writes and leaves, in one order, each once', async () => {
    const [here, there] = gateways();
    await here.attend(alice);
    await there.attend(bob);
    await here.groups.create(alice, { groupId: 'team', name: 'The team' });
    const info = await there.groups.join(bob, 'team');
    expect(info).toMatchObject({ groupId: 'team', name: 'The team', historySize: 100, seq: 2, members: 2 });
    expect(await here.groups.send(alice, 'team', 'hello "bob" \\ \u2028 队\n')).toEqual({ seq: 3 });
    await there.groups.leave(bob, 'team');
    await here.groups.send(alice, 'team', 'alone');
    const common = ['team 2 bob joined', 'team 3 Alice: hello "bob" \\ \u2028 队\n'];
    await sees(here, '1/alice', ['team 1 Alice joined', ...common, 'team 4 bob left', 'team 5 Alice: alone']);
    await sees(there, '1/bob', common);
  });

  test('know a user in any case of letters, shown as it joined', async () => {
    const [{ groups }] = gateways();
    await groups.create(alice, { groupId: 'team' });
    const again = await groups.join({ appId: 1, userId: 'ALICE' }, 'team');
    expect(again).toMatchObject({ seq: 1, members: 1 });
    await groups.send({ appId: 1, userId: 'aLiCe' }, 'team', 'me');
    const [message] = await groups.history(alice, 'team', 1);
    expect(message).toMatchObject({ seq: 2, userId: 'Alice', text: 'me' });
    await groups.join(bob, 'team');
    expect(await groups.members(bob, 'team')).toEqual(['Alice', 'bob']);
  });

  test('keep exactly the last messages that their creator asked for; joins and leaves take no place', async () => {
    const [{ groups }] = gateways();
    await groups.create(alice, { groupId: 'team', historySize: 3 });
    for (const text of ['1', '2', '3', '4']) await groups.send(alice, 'team', text);
    for (let round = 0; round < 5; round += 1) {
      await groups.join(bob, 'team');
      await groups.leave(bob, 'team');
    }
    const texts = async (count: number) =>
      (await groups.history(alice, 'team', count)).map((message) => `${message.seq} ${message.text}`);
    expect(await texts(100)).toEqual(['3 2', '4 3', '5 4']);
    expect(await texts(1)).toEqual(['5 4']);
    await groups.create(alice, { groupId: 'silent', historySize: 0 });
    await groups.send(alice, 'silent', 'gone');
    expect(await groups.history(alice, 'silent', 100)).toEqual([]);
  });

  test('are open to members only; who is none learns nothing and writes nothing', async () => {
    const [{ groups }] = gateways();
    await groups.create(alice, { groupId: 'team' });
    for (const asked of [
      () => groups.members(bob, 'team'),
      () => groups.history(bob, 'team', 1),
      () => groups.send(bob, 'team', 'x'),
      () => groups.leave(bob, 'team'),
    ]) {
      await expect(asked()).rejects.toThrow(refused('forbidden'));
    }
    await expect(groups.join(bob, 'other')).rejects.toThrow(refused('not-found'));
    await expect(groups.create(bob, { groupId: 'team' })).rejects.toThrow(refused('conflict'));
    await expect(groups.join(bob, 'a b')).rejects.toThrow(refused('bad-request'));
  });

  test('end with the last member, and leave nothing in Redis', async () => {
    const [{ groups, redis }] = gateways();
    await groups.create(alice, { groupId: 'team' });
    await groups.join(bob, 'team');
    await groups.send(bob, 'team', 'x');
    await groups.leave(alice, 'team');
    await groups.leave(bob, 'team');
    await expect(groups.join(alice, 'team')).rejects.toThrow(refused('not-found'));
    expect(await redis.keys('*')).toEqual([]);
    const { groupId } = await groups.create(alice, {});
    expect(groupId).toMatch(/^[0-9a-f]{24}$/);
  });

  test('of two apps with the same ids never touch', async () => {
    const [here, there] = gateways();
    const other = { appId: 2, userId: 'Alice' };
    for (const user of [alice, other]) {
      await here.attend(user);
      await there.attend(user);
      await here.groups.create(user, { groupId: 'team' });
    }
    await here.groups.send(other, 'team', 'of app 2');
    await there.groups.send(alice, 'team', 'of app 1');
    const seenBy = (app: number) => ['team 1 Alice joined', `team 2 Alice: of app ${app}`];
    for (const gateway of gateways()) {
      await sees(gateway, '1/alice', seenBy(1));
      await sees(gateway, '2/alice', seenBy(2));
    }
    expect((await here.groups.history(alice, 'team', 9)).map(wordOf)).toEqual(['Alice: of app 1']);
    await expect(here.groups.join({ appId: 3, userId: 'Alice' }, 'team')).rejects.toThrow(
      refused('not-found'),
    );
  });

  test('give everyone one order of what many write at once at both gateways, each message once', async () => {
    const [here, there] = gateways();
    const users = Array.from({ length: 8 }, (_, n) => userOf(`1/user${n}`));
    const gatewayOf = (n: number) => (n % 2 === 0 ? here : there);
    await here.groups.create(userOf('1/user0'), { groupId: 'busy' });
    for (const [n, user] of users.entries()) {
      await gatewayOf(n).attend(user);
      if (n > 0) await gatewayOf(n).groups.join(user, 'busy');
    }
    // Below the rate of a group, however they fall into seconds.
    const sent = users.flatMap((user, n) =>
      ['a', 'b', 'c', 'd', 'e'].map((text) => gatewayOf(n).groups.send(user, 'busy', text)),
    );
    const seqs = (await Promise.all(sent)).map(({ seq }) => seq).sort((a, b) => a - b);
    expect(seqs).toEqual(Array.from({ length: 40 }, (_, n) => 9 + n));
    const history = (await here.groups.history(userOf('1/user0'), 'busy', 100)).map(
      (message) => `busy ${message.seq} ${wordOf(message)}`,
    );
    expect(new Set(history.map((line) => line.split(' ').slice(2).join(' '))).size).toBe(40);
    for (const [n, { userId }] of users.entries()) {
      await eventually(() => {
        const messages = gatewayOf(n)
          .seen(userOf(`1/${userId}`))
          .filter((line) => line.includes(':'));
        expect(messages).toEqual(history);
        return true;
      });
    }
  });

  test('are not delivered to who does not attend any more, and again to who comes back elsewhere', async () => {
    const [here, there] = gateways();
    const goes = await here.attend(bob);
    await here.groups.create(alice, { groupId: 'team' });
    await here.groups.join(bob, 'team');
    await here.groups.send(alice, 'team', 'one');
    await sees(here, '1/bob', ['team 2 bob joined', 'team 3 Alice: one']);
    goes();
    await here.groups.send(alice, 'team', 'two');
    there.groups.attend(bob);
    let n = 0;
    // Attending takes its place in the stream: from then on nothing is missing.
    await eventually(async () => {
      n += 1;
      await here.groups.send(alice, 'team', `try ${n}`);
      return there.seen(bob).length > 2;
    });
    const seqs = there.seen(bob).map((line) => Number(line.split(' ')[1]));
    expect(seqs).toEqual(seqs.map((_, index) => (seqs[0] ?? 0) + index));
    expect(here.seen(bob)).toHaveLength(2);
    expect((await there.groups.history(bob, 'team', 100))[1]).toMatchObject({ text: 'two' });
  });
});

describe('the bounds of groups', () => {
  test('hold for an app, a user, a group and its rate', async () => {
    const limits = { groupsPerApp: 3, groupsPerUser: 2, members: 2, messagesPerSecond: 2 };
    const small = await startGroupGateway(server, limits);
    const { groups } = small;
    try {
      await groups.create(alice, { groupId: 'a' });
      await groups.create(alice, { groupId: 'b' });
      await expect(groups.create(alice, { groupId: 'c' })).rejects.toThrow(refused('limit-reached'));
      await groups.create(bob, { groupId: 'c' });
      await expect(groups.create(carol, { groupId: 'd' })).rejects.toThrow(/the app has 3 groups/);
      await groups.create({ appId: 2, userId: 'carol' }, { groupId: 'd' });
      await expect(groups.join(alice, 'c')).rejects.toThrow(/in at most 2 groups/);
      await groups.join(bob, 'a');
      await expect(groups.join(carol, 'a')).rejects.toThrow(/has 2 members/);
      const fixed = createGroupStore({
        redis: small.redis,
        limits: { ...DEFAULT_GROUP_LIMITS, ...limits },
        now: () => 1_800_000_000_999,
      });
      await fixed.send(alice, 'a', '1');
      await fixed.send(bob, 'a', '2');
      await expect(fixed.send(bob, 'a', '3')).rejects.toThrow(
        expect.objectContaining({ code: 'limit-reached', retry: 'later' }),
      );
      await fixed.send(alice, 'b', 'another group has its own rate');
    } finally {
      small.close();
    }
  });

  test('a group that nobody used for 30 days ends, and its members are told and free', async () => {
    const [{ groups, redis }, there] = gateways();
    await there.attend(bob);
    await groups.create(alice, { groupId: 'old' });
    await groups.join(bob, 'old');
    await groups.create(alice, { groupId: 'used' });
    const days = (count: number) => Date.now() + count * 24 * 3_600_000;
    const later = (count: number) =>
      createGroupStore({ redis, limits: DEFAULT_GROUP_LIMITS, now: () => days(count) });
    expect(await later(29).endUnused()).toBe(0);
    await later(29).send(alice, 'used', 'still here');
    expect(await later(31).endUnused()).toBe(1);
    await sees(there, '1/bob', ['old 2 bob joined', 'old 3 ended']);
    await expect(groups.members(alice, 'old')).rejects.toThrow(refused('not-found'));
    expect(await groups.members(alice, 'used')).toEqual(['Alice']);
    expect((await redis.keys('*')).filter((key) => key.includes('old') || key.endsWith('bob'))).toEqual([]);
  });
});

describe('without Redis', () => {
  test('everything is refused with redis-away; members get what they missed when it is back', async () => {
    const [here, there] = gateways();
    await here.attend(alice);
    await there.attend(bob);
    await here.groups.create(alice, { groupId: 'team' });
    await there.groups.join(bob, 'team');
    const before = ['team 1 Alice joined', 'team 2 bob joined'];
    await sees(here, '1/alice', before);
    await sees(there, '1/bob', before.slice(1));
    await server.kill();
    await eventually(() => here.redis.status !== 'ready' && there.redis.status !== 'ready');
    await expect(here.groups.send(alice, 'team', 'x')).rejects.toThrow(refused('redis-away'));
    await expect(there.groups.join(carol, 'team')).rejects.toThrow(refused('redis-away'));
    const goes = there.groups.attend(carol);
    await server.restart();
    await eventually(() => here.redis.status === 'ready' && there.redis.status === 'ready');
    await here.groups.join(carol, 'team');
    await here.groups.send(alice, 'team', 'back');
    const after = ['team 3 carol joined', 'team 4 Alice: back'];
    await sees(here, '1/alice', [...before, ...after]);
    await sees(there, '1/bob', [...before.slice(1), ...after]);
    // She began to attend while Redis was away: from some moment on she is told too.
    await eventually(async () => {
      await here.groups.send(alice, 'team', 'again');
      return there.seen(carol).length > 0;
    });
    goes();
  });

  test('a connection for announcements that was cut loses nothing', async () => {
    const [here, there] = gateways();
    await there.attend(bob);
    await here.groups.create(alice, { groupId: 'team' });
    await there.groups.join(bob, 'team');
    await sees(there, '1/bob', ['team 2 bob joined']);
    there.subscriber.disconnect(true);
    for (const text of ['1', '2', '3']) await here.groups.send(alice, 'team', text);
    const missed = ['team 3 Alice: 1', 'team 4 Alice: 2', 'team 5 Alice: 3'];
    await sees(there, '1/bob', ['team 2 bob joined', ...missed]);
  });

  test('a Redis that lost its data has no groups, and who was in one is told', async () => {
    const [here] = gateways();
    await here.attend(alice);
    await here.groups.create(alice, { groupId: 'team' });
    await sees(here, '1/alice', ['team 1 Alice joined']);
    await server.kill();
    await server.restart({ keepData: false });
    await sees(here, '1/alice', ['team 1 Alice joined', 'team 2 ended']);
    await here.groups.create(alice, { groupId: 'team' });
    await sees(here, '1/alice', ['team 1 Alice joined', 'team 2 ended', 'team 1 Alice joined']);
  });
});

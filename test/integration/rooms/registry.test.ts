import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RoomFacts } from '../../../src/domain/room.ts';
import { Secret } from '../../../src/domain/secret.ts';
import type { StreamEvent } from '../../../src/domain/stream-event.ts';
import { type Announcements, createAnnouncements } from '../../../src/queue/announcements.ts';
import { createRedis, waitUntilReady } from '../../../src/queue/redis.ts';
import { readGateway, removeDeadGatewayUsers, startHeartbeat } from '../../../src/rooms/gateway-facts.ts';
import { RoomRegistry } from '../../../src/rooms/registry.ts';
import { readRoom, readRooms, readRoomTable } from '../../../src/rooms/room-facts.ts';
import { RoomStore } from '../../../src/rooms/room-store.ts';
import { eventually } from '../../support/eventually.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

const log = pino({ level: 'silent' });
const room = { kind: 'number', value: 1001 } as const;

let server: TestRedis;
let redis: Redis;
let announcements: Announcements;
const registries = new Set<RoomRegistry>();

beforeEach(async () => {
  server = await startRedis();
  redis = createRedis(new Secret(server.url), { purpose: 'facts', log });
  const subscriber = createRedis(new Secret(server.url), { purpose: 'subscriber', log });
  await Promise.all([redis, subscriber].map((client) => waitUntilReady(client)));
  announcements = createAnnouncements(subscriber, log);
});
afterEach(async () => {
  for (const registry of registries) await registry.close();
  registries.clear();
  announcements.close();
  redis.disconnect();
  await server.stop();
});

function open(gatewayId: string, graceMs = 30_000): RoomRegistry {
  const store = new RoomStore({ redis, gatewayId });
  const registry = new RoomRegistry({ redis, announcements, store, gatewayId, graceMs, log });
  registries.add(registry);
  return registry;
}

/** As a process that dies: what it knew is gone, what it wrote stays. */
async function crash(registry: RoomRegistry): Promise<void> {
  await registry.close();
  registries.delete(registry);
}

const lastPublished = new Map<string, number>();

function event(type: 'published' | 'clean' | 'lost', userId: string): StreamEvent {
  const base = {
    appId: 1,
    room,
    userId,
    kind: 'main',
    streamId: `1_1001_${userId}_main`,
    at: Date.now(),
  } as const;
  if (type === 'published') {
    lastPublished.set(userId, base.at);
    return { ...base, type };
  }
  const publishedAt = lastPublished.get(userId) ?? 0;
  return { ...base, type: 'unpublished', clean: type === 'clean', publishedAt };
}

function names(facts: RoomFacts | null): string[] {
  return (facts?.users ?? []).map(
    (user) => `${user.order} ${user.userId}${user.lostAt === null ? '' : ' lost'}`,
  );
}

async function until(expected: string[], deadlineMs = 10_000): Promise<void> {
  await eventually(async () => {
    const now = names(await readRoom(redis, 1, room));
    expect(now).toEqual(expected);
    return true;
  }, deadlineMs);
}

describe('the room registry', () => {
  test('mirrors who is in a room, and removes the room with the last user', async () => {
    const registry = open('g1');
    registry.apply(event('published', 'alice'));
    registry.apply(event('published', 'bob'));
    await until(['1 alice', '2 bob']);
    registry.apply(event('clean', 'alice'));
    await until(['2 bob']);
    registry.apply(event('clean', 'bob'));
    await eventually(async () => (await readRooms(redis)).length === 0);
  });

  test('announces every change', async () => {
    const heard: string[] = [];
    const subscriber = createRedis(new Secret(server.url), { purpose: 'subscriber', log });
    subscriber.on('message', (_channel, message: string) => heard.push(message));
    await subscriber.subscribe('roomcast:rooms:changed');
    const registry = open('g1');
    registry.apply(event('published', 'alice'));
    await eventually(() => heard.length === 1);
    registry.apply(event('clean', 'alice'));
    await eventually(() => heard.length === 2);
    expect(heard).toEqual(['1/1001', '1/1001']);
    subscriber.disconnect();
  });

  test('lets a lost user go after the grace, and closes a room of lost users', async () => {
    const registry = open('g1', 1_000);
    registry.apply(event('published', 'alice'));
    registry.apply(event('published', 'bob'));
    await until(['1 alice', '2 bob']);
    registry.apply(event('lost', 'alice'));
    registry.apply(event('lost', 'bob'));
    await until(['1 alice lost', '2 bob lost']);
    registry.apply(event('published', 'bob'));
    await until(['2 bob']);
    registry.apply(event('lost', 'bob'));
    await eventually(async () => (await readRooms(redis)).length === 0);
  });

  test('takes over the rooms of its earlier run, whose users are lost until they are back', async () => {
    const first = open('g1');
    first.apply(event('published', 'alice'));
    first.apply(event('published', 'bob'));
    await until(['1 alice', '2 bob']);
    await crash(first);
    const second = open('g1', 1_500);
    second.apply(event('published', 'bob'));
    await until(['1 alice lost', '2 bob']);
    await until(['2 bob']);
  });

  test('writes everything again when Redis comes back without its data', async () => {
    const registry = open('g1');
    registry.apply(event('published', 'alice'));
    await until(['1 alice']);
    await server.kill();
    registry.apply(event('published', 'bob'));
    await server.restart({ keepData: false });
    await until(['1 alice', '2 bob']);
  });

  test('puts right what an older Redis remembers', async () => {
    const registry = open('g1');
    registry.apply(event('published', 'alice'));
    await until(['1 alice']);
    await server.kill();
    registry.apply(event('clean', 'alice'));
    registry.apply(event('published', 'bob'));
    await server.restart({ keepData: true });
    await until(['1 bob']);
    await eventually(async () => (await readRooms(redis)).length === 1);
  });

  test('shares a room with another gateway that writes at the same moment', async () => {
    const here = open('g1');
    const there = open('g2');
    for (const user of ['alice', 'bob', 'carol']) {
      here.apply(event('published', user));
      there.apply(event('published', `far_${user}`));
    }
    const facts = await eventually(async () => {
      const stored = await readRoom(redis, 1, room);
      return stored?.users.length === 6 && stored;
    });
    expect(new Set(facts.users.map((user) => user.order)).size).toBe(6);
    there.apply(event('clean', 'far_bob'));
    await eventually(async () => (await readRoom(redis, 1, room))?.users.length === 5);
  });
});

describe('a blocked user', () => {
  const SILENT = { audio: true, video: false };
  const place = (userId: string) => ({ appId: 1, room, userId });
  const blockOfAlice = async () => {
    const users = (await readRoom(redis, 1, room))?.users ?? [];
    const { audio, video } = users.find((user) => user.userId === 'alice')?.blocked ?? {};
    return { audio, video };
  };

  test('is blocked at once, announced, and free after leaving and entering anew', async () => {
    const registry = open('g1');
    registry.apply(event('published', 'bob'));
    await until(['1 bob']);
    // Redis need not know of her yet.
    registry.apply(event('published', 'alice'));
    await registry.setBlocked(place('ALICE'), SILENT);
    expect(await blockOfAlice()).toEqual(SILENT);
    registry.apply(event('lost', 'alice'));
    registry.apply(event('published', 'alice'));
    await until(['1 bob', '2 alice']);
    expect(await blockOfAlice()).toEqual(SILENT);
    registry.apply(event('clean', 'alice'));
    registry.apply(event('published', 'alice'));
    await eventually(async () => (await blockOfAlice()).audio === undefined);
  });

  test('is refused when there is no such user or room', async () => {
    const registry = open('g1');
    await expect(registry.setBlocked(place('alice'), SILENT)).rejects.toMatchObject({ code: 'not-found' });
    registry.apply(event('published', 'alice'));
    await expect(registry.setBlocked(place('bob'), SILENT)).rejects.toMatchObject({ code: 'not-found' });
  });

  test('is so however many say something of the room at that moment, at whichever gateway', async () => {
    const here = open('g1');
    const there = open('g2');
    const names = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6'];
    for (const name of names) here.apply(event('published', name));
    await until(names.map((name, at) => `${at + 1} ${name}`));
    await Promise.all([
      ...names.map((name, at) => (at % 2 ? here : there).setBlocked(place(name), SILENT)),
      ...names.map((_name, at) => there.apply(event('published', `far${at}`))),
    ]);
    here.apply(event('published', 'late'));
    const facts = await eventually(async () => {
      const stored = await readRoom(redis, 1, room);
      return stored?.users.length === 13 && stored;
    });
    const silent = facts.users.filter((user) => user.blocked?.audio).map((user) => user.userId);
    expect(silent).toEqual(names);
  });

  test('stays so when Redis comes back without its data, and when the gateway starts anew', async () => {
    const first = open('g1');
    first.apply(event('published', 'alice'));
    await until(['1 alice']);
    await first.setBlocked(place('alice'), SILENT);
    await server.kill();
    await server.restart({ keepData: false });
    await until(['1 alice']);
    expect(await blockOfAlice()).toEqual(SILENT);
    await crash(first);
    const second = open('g1');
    second.apply(event('published', 'alice'));
    await until(['1 alice']);
    expect(await blockOfAlice()).toEqual(SILENT);
  });

  test('cannot be made while Redis is away: the caller hears of it', async () => {
    const registry = open('g1');
    registry.apply(event('published', 'alice'));
    await until(['1 alice']);
    await server.kill();
    await expect(registry.setBlocked(place('alice'), SILENT)).rejects.toMatchObject({ code: 'redis-away' });
    await server.restart({ keepData: true });
  });
});

describe('a gateway', () => {
  const facts = {
    gatewayId: 'g1',
    internalHttp: 'http://127.0.0.1:1',
    internalRtmp: 'rtmp://127.0.0.1:1',
    publicHttp: 'http://example.test',
    publicRtmp: 'rtmp://example.test',
  };

  test('is known while it beats, and at once again after Redis was away', async () => {
    const heartbeat = startHeartbeat({ redis, facts, log });
    await eventually(() => readGateway(redis, 'g1'));
    await server.kill();
    await server.restart({ keepData: false });
    expect(await eventually(() => readGateway(redis, 'g1').catch(() => null))).toEqual(facts);
    await heartbeat.stop();
    expect(await readGateway(redis, 'g1')).toBeNull();
  });

  test('that is gone for longer than the grace loses its users, and only its own', async () => {
    const heartbeat = startHeartbeat({ redis, facts, log });
    const here = open('g1');
    const gone = open('g2');
    gone.apply(event('published', 'bob'));
    await until(['1 bob']);
    here.apply(event('published', 'alice'));
    await until(['1 bob', '2 alice']);
    await crash(gone);
    const removeDead = async (nowMs: number) =>
      removeDeadGatewayUsers(redis, new RoomStore({ redis, gatewayId: 'g1' }), await readRoomTable(redis), {
        nowMs,
        graceMs: 30_000,
      });
    await removeDead(1_000);
    await removeDead(30_999);
    await until(['1 bob', '2 alice']);
    await removeDead(31_001);
    await until(['2 alice']);
    expect((await readRoom(redis, 1, room))?.gatewayId).toBe('g1');
    await heartbeat.stop();
  });
});

import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { roomKey } from '../../../src/domain/ids.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { type Announcements, createAnnouncements } from '../../../src/queue/announcements.ts';
import { createRedis, waitUntilReady } from '../../../src/queue/redis.ts';
import { readRoomTable } from '../../../src/rooms/room-facts.ts';
import { RoomTable } from '../../../src/rooms/room-table.ts';
import { eventually } from '../../support/eventually.ts';
import { room, user } from '../../support/plan-facts.ts';
import { seededWhole } from '../../support/random.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

const log = pino({ level: 'silent' });
const ROOMS = 300;
const WAIT_MS = 30_000;

let server: TestRedis;
let redis: Redis;
let announcements: Announcements;
let table: RoomTable;

beforeEach(async () => {
  server = await startRedis();
  redis = createRedis(new Secret(server.url), { purpose: 'facts', log });
  const subscriber = createRedis(new Secret(server.url), { purpose: 'subscriber', log });
  await Promise.all([redis, subscriber].map((client) => waitUntilReady(client)));
  announcements = createAnnouncements(subscriber, log);
  table = new RoomTable(redis, announcements);
});

afterEach(async () => {
  table.close();
  announcements.close();
  redis.disconnect();
  await server.stop();
});

const idOf = (index: number) => ({ kind: 'number', value: index + 1 }) as const;
const keyOf = (index: number) => roomKey(1, idOf(index));

async function write(index: number, users: readonly string[]): Promise<void> {
  const facts = { ...room(users.map((userId) => user(userId))), room: idOf(index) };
  const [key, change] = [keyOf(index), redis.multi()];
  if (users.length === 0) change.hdel('roomcast:rooms', key);
  else change.hset('roomcast:rooms', key, JSON.stringify(facts));
  await change.publish('roomcast:rooms:changed', key).exec();
}

async function fill(): Promise<void> {
  await Promise.all(Array.from({ length: ROOMS }, (_unused, index) => write(index, ['alice'])));
}

/** How often Redis was asked so, and for how many rooms. */
async function readsOf(command: string): Promise<number> {
  const stats = await redis.info('commandstats');
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

const isTold = async () => (await redis.pubsub('NUMSUB', 'roomcast:rooms:changed'))[1] === 1;

test('holds what Redis holds, whatever changes and is removed, between reads or during one', async () => {
  await eventually(isTold, WAIT_MS);
  await fill();
  const whole = seededWhole(1);
  for (let round = 0; round < 30; round += 1) {
    const writes = Array.from({ length: whole(60) }, () =>
      write(whole(ROOMS), ['alice', 'bob'].slice(0, whole(3))),
    );
    const [read] = await Promise.all([table.read(), ...writes]);
    expect(read.size).toBeGreaterThan(0);
    await eventually(async () => {
      expect(await table.read()).toEqual(await readRoomTable(redis));
      return true;
    }, WAIT_MS);
  }
});

test('what is no room hides itself, not the others', async () => {
  await eventually(isTold, WAIT_MS);
  for (const [times, text] of ['', '{', 'null', '[]', '{}', '{"users":{}}'].entries()) {
    await redis.hset('roomcast:rooms', keyOf(0), text);
    await redis.publish('roomcast:rooms:changed', keyOf(0));
    await write(1, [`user_${times}`]);
    const read = await eventually(async () => {
      const now = await table.read();
      return now.get(keyOf(1))?.users[0]?.userId === `user_${times}` && now;
    }, WAIT_MS);
    expect([...read.keys()]).toEqual([keyOf(1)]);
  }
});

test('reads the rooms that changed and no others', async () => {
  await eventually(isTold, WAIT_MS);
  await fill();
  const before = new Map(await table.read());
  const scans = await readsOf('hscan');
  await write(7, ['alice', 'bob']);
  await write(8, []);
  const after = await eventually(async () => {
    const now = await table.read();
    return now.get(keyOf(7))?.users.length === 2 && !now.has(keyOf(8)) && now;
  }, WAIT_MS);
  expect(after.size).toBe(ROOMS - 1);
  const others = [...after].filter(([key]) => key !== keyOf(7));
  expect(others.every(([key, facts]) => before.get(key) === facts)).toBe(true);
  expect(await readsOf('hgetall')).toBe(0);
  // A whole read in slices comes every ten seconds; this took less, or a second one on a very busy machine.
  expect((await readsOf('hscan')) - scans).toBeLessThan(scans * 3);
});

test('is right again after Redis was away, with its data or without, and after an announcement that nobody heard', async () => {
  await eventually(isTold, WAIT_MS);
  await fill();
  await table.read();
  await server.kill();
  await server.restart({ keepData: false });
  await waitUntilReady(redis);
  await write(3, ['carol']);
  await eventually(async () => {
    expect(await table.read()).toEqual(await readRoomTable(redis));
    return true;
  }, WAIT_MS);
  await redis.hset('roomcast:rooms', keyOf(9), JSON.stringify({ ...room([user('dave')]), room: idOf(9) }));
  await eventually(async () => (await table.read()).has(keyOf(9)), WAIT_MS);
});

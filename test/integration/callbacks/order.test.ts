import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readOutbox } from '../../../src/callbacks/outbox.ts';
import { createRoomOutbox } from '../../../src/callbacks/room-outbox.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { createAnnouncements } from '../../../src/queue/announcements.ts';
import { createRedis, waitUntilReady } from '../../../src/queue/redis.ts';
import { RoomRegistry } from '../../../src/rooms/registry.ts';
import { RoomStore } from '../../../src/rooms/room-store.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

const APP = 7;
const GATEWAYS = ['east', 'west'];
const USERS_OF_EACH = 5;
/** The room's log keeps 500 events. */
const CHANGES = 40;
const log = pino({ level: 'silent' });
const room = { kind: 'number', value: 1 } as const;

let server: TestRedis;
const undo: (() => unknown)[] = [];

beforeAll(async () => {
  server = await startRedis();
});

afterAll(async () => {
  for (const step of undo.reverse()) await step();
  await server?.stop();
});

async function openGateway(gatewayId: string) {
  const url = new Secret(server.url);
  const redis = createRedis(url, { purpose: 'facts', log });
  await waitUntilReady(redis, 60_000);
  const announcements = createAnnouncements(createRedis(url, { purpose: 'subscriber', log }), log);
  const outbox = createRoomOutbox([{ appId: APP, groups: [1, 2] }]);
  const store = new RoomStore({ redis, gatewayId, outbox });
  const registry = new RoomRegistry({ redis, announcements, store, gatewayId, graceMs: 30_000, log });
  undo.push(
    () => redis.disconnect(),
    () => announcements.close(),
    () => registry.close(),
  );
  return { redis, registry };
}

test('what an app is told of a room that two gateways change at once is in the order in which it happened', async () => {
  const gateways = await Promise.all(GATEWAYS.map(openGateway));
  const profile = { roleName: 'default', terminal: 'web', mayCreate: true } as const;
  const users = gateways.flatMap(({ registry }, gateway) =>
    Array.from({ length: USERS_OF_EACH }, async (_unused, at) => {
      const userId = `${GATEWAYS[gateway]}-${at}`;
      const session = { appId: APP, userId, sessionId: userId };
      await registry.enter(session, { room, role: 'audience', ...profile });
      for (let turn = 0; turn < CHANGES; turn += 1) {
        await registry.change(session, { role: turn % 2 === 0 ? 'anchor' : 'audience' });
      }
    }),
  );
  await Promise.all(users);

  const [first] = gateways as [(typeof gateways)[number], ...typeof gateways];
  const events = await first.registry.events(APP, room, 0);
  const happened = (events ?? []).flatMap(({ body }) => {
    if (body.type === 'member-entered') return [[103, body.member.userId, 21]];
    if (body.type !== 'member-changed') return [];
    return [[105, body.userId, body.change.role === 'anchor' ? 20 : 21]];
  });
  const entries = await readOutbox(first.redis, APP, null, 1000);
  const told = entries.map(({ event }) => [event?.type, event?.info['UserId'], event?.info['Role']]);
  expect(told.filter(([type]) => type !== 101)).toEqual(happened);
  expect(happened).toHaveLength(gateways.length * USERS_OF_EACH * (1 + CHANGES));
});

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createCallbackSender } from '../../../src/callbacks/outbox.ts';
import { createRoomTeller } from '../../../src/callbacks/room-teller.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { type Announcements, createAnnouncements } from '../../../src/queue/announcements.ts';
import { createRedis, waitUntilReady } from '../../../src/queue/redis.ts';
import { startHeartbeat } from '../../../src/rooms/gateway-facts.ts';
import { RoomRegistry } from '../../../src/rooms/registry.ts';
import { RoomStore } from '../../../src/rooms/room-store.ts';
import { Cluster } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { type HookServer, startHookServer } from '../../support/hook-server.ts';
import { makeTestDir, type RunningRoomcast } from '../../support/roomcast.ts';
import { cliJson, GUESTS, Studio } from '../../support/studio.ts';

const APP = 1_400_000_001;
const ROOM = 71;
const WAIT_MS = 60_000;
const log = pino({ level: 'silent' });
const room = { kind: 'number', value: ROOM } as const;
const GATEWAY = 'gateway-of-the-test';

let hooks: HookServer;
let cluster: Cluster;
let gateways: RunningRoomcast[];
let studio: Studio;
let redis: Redis;
let announcements: Announcements;
let registry: RoomRegistry;
const undo: (() => unknown)[] = [];

async function startGateway(): Promise<RunningRoomcast> {
  const dataDir = await makeTestDir('room-callbacks');
  const app = {
    ...{ sdkAppId: APP, name: 'default', secretKey: 'k'.repeat(64), apiKeys: [] },
    callbacks: { url: hooks.url, key: 'RoomCallbackKey9', groups: [1, 2] },
  };
  const apps = JSON.stringify({ apps: [app], adminToken: 't'.repeat(32) });
  await writeFile(path.join(dataDir, 'apps.json'), apps, { mode: 0o600 });
  return cluster.startGateway(dataDir);
}

/** One more gateway, in this process: users of it come through its registry. */
async function openRegistry(): Promise<void> {
  redis = createRedis(new Secret(cluster.redis.url), { purpose: 'facts', log });
  const subscriber = createRedis(new Secret(cluster.redis.url), { purpose: 'subscriber', log });
  await Promise.all([redis, subscriber].map((client) => waitUntilReady(client)));
  announcements = createAnnouncements(subscriber, log);
  const sender = createCallbackSender({ redis, log });
  const tell = createRoomTeller({ addresses: [{ appId: APP, groups: [1, 2] }], send: sender.send });
  const store = new RoomStore({ redis, gatewayId: GATEWAY, tell });
  const urls = { internalHttp: '', internalRtmp: '', publicHttp: '', publicRtmp: '' };
  const heartbeat = startHeartbeat({ redis, facts: { gatewayId: GATEWAY, ...urls }, log });
  registry = new RoomRegistry({ redis, announcements, store, gatewayId: GATEWAY, graceMs: 30_000, log });
  undo.push(
    () => redis.disconnect(),
    () => announcements.close(),
    () => heartbeat.stop(),
    () => sender.close(),
    () => registry.close(),
  );
}

beforeAll(async () => {
  hooks = await startHookServer();
  cluster = await Cluster.open();
  gateways = [await startGateway(), await startGateway()];
  studio = await Studio.open([GUESTS.red]);
  await openRegistry();
});

afterAll(async () => {
  for (const step of undo.reverse()) await step();
  await studio?.close();
  await cluster?.close();
  await hooks?.close();
});

/** `[type, rest of its info]` of all that came, in order. */
const told = () =>
  hooks.requests.map(({ json }) => {
    const { RoomId, EventTs, EventMsTs, ...info } = json.EventInfo;
    expect([json.EventGroupId, RoomId]).toEqual([json.EventType < 200 ? 1 : 2, ROOM]);
    expect(EventTs).toBe(Math.floor(EventMsTs / 1000));
    return [json.EventType, info];
  });

const red = { UserId: 'red' };
const ann = { UserId: 'Ann' };

/** All that the app was told, after each step. */
const STORY: unknown[] = [];

async function next(...events: readonly (readonly [number, object])[]): Promise<void> {
  STORY.push(...events.map((event) => [...event]));
  await eventually(() => hooks.requests.length >= STORY.length, WAIT_MS);
  expect(told()).toEqual(STORY);
}

it('an app hears of its rooms in order and once, whichever gateway a user came through', async () => {
  const [first, second] = gateways as [RunningRoomcast, RunningRoomcast];
  const publisher = await studio.publish(first, ROOM, GUESTS.red);
  await next(
    [101, red],
    [103, { ...red, Role: 20, TerminalType: 100, UserType: 3, Reason: 1 }],
    [201, red],
    [203, red],
  );

  const session = { appId: APP, userId: 'Ann', sessionId: 's1' };
  const profile = { role: 'audience', roleName: 'default', terminal: 'android', mayCreate: true } as const;
  await registry.enter(session, { room, ...profile });
  await next([103, { ...ann, Role: 21, TerminalType: 2, UserType: 3, Reason: 1 }]);
  await registry.change(session, { role: 'anchor' });
  await next([105, { ...ann, Role: 20 }]);

  // Who leaves is told of by that alone.
  await publisher.stop();
  await next([104, { ...red, Role: 20, Reason: 1 }]);
  const removed = await cliJson<object>(second, 'rooms', 'remove', '--room', String(ROOM), '--user', 'ANN');
  expect(removed).toEqual({ removed: ['Ann'] });
  await next([104, { ...ann, Role: 20, Reason: 3 }], [102, {}]);
  await registry.enter(session, { room, ...profile, role: 'anchor' });
  await next([101, ann], [103, { ...ann, Role: 20, TerminalType: 2, UserType: 3, Reason: 1 }]);
  expect(await cliJson<object>(first, 'rooms', 'dismiss', '--room', String(ROOM))).toEqual({ room: ROOM });
  await next([104, { ...ann, Role: 20, Reason: 3 }], [102, {}]);
});

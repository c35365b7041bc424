import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Apps } from '../../../src/config/app.ts';
import { toGatewayError } from '../../../src/domain/errors.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { ALL_RIGHTS, RIGHTS } from '../../../src/domain/ticket-rights.ts';
import { signPrivateMapKey } from '../../../src/identity/private-map-key.ts';
import { createAnnouncements } from '../../../src/queue/announcements.ts';
import { createRedis, waitUntilReady } from '../../../src/queue/redis.ts';
import { createMemberCheck } from '../../../src/rooms/members.ts';
import { RoomRegistry } from '../../../src/rooms/registry.ts';
import { readRoom } from '../../../src/rooms/room-facts.ts';
import { dropGateways } from '../../../src/rooms/room-state.ts';
import { RoomStore } from '../../../src/rooms/room-store.ts';
import { CLOSE } from '../../../src/signalling/close-codes.ts';
import type { Registry } from '../../../src/signalling/registry.ts';
import { deferred } from '../../../src/supervisor/deferred.ts';
import { eventually } from '../../support/eventually.ts';
import { APP_ID, APPS, OTHER_APP_ID } from '../../support/hub-rig.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import {
  logIn,
  logInRaw,
  openSignalGateway,
  type SignalGateway,
  type TestClient,
} from '../../support/signal-rig.ts';

const WAIT_MS = 60_000;
const log = pino({ level: 'silent' });
/** Its second app asks for a PrivateMapKey. */
const STRICT: Apps = {
  ...APPS,
  apps: APPS.apps.map((app) => ({ ...app, privateMapKeyRequired: app.sdkAppId === OTHER_APP_ID })),
};

interface RoomGateway extends SignalGateway {
  readonly registry: RoomRegistry;
}

/** Signalling over the registry of rooms; `around` may stand between the two. */
async function openGateway(
  redisUrl: string,
  gatewayId: string,
  around: (registry: RoomRegistry) => Partial<Registry> = () => ({}),
): Promise<RoomGateway> {
  const redis = createRedis(new Secret(redisUrl), { purpose: 'facts', log });
  await waitUntilReady(redis, WAIT_MS);
  const announcements = createAnnouncements(
    createRedis(new Secret(redisUrl), { purpose: 'subscriber', log }),
    log,
  );
  const store = new RoomStore({ redis, gatewayId });
  const rooms = new RoomRegistry({ redis, announcements, store, gatewayId, graceMs: 3000, log });
  const registry: Registry = {
    enter: (...args) => rooms.enter(...args),
    leave: (...args) => rooms.leave(...args),
    sessionLost: (...args) => rooms.sessionLost(...args),
    sessionBack: (...args) => rooms.sessionBack(...args),
    change: (...args) => rooms.change(...args),
    events: (...args) => rooms.events(...args),
    snapshot: (...args) => rooms.snapshot(...args),
    follow: (...args) => rooms.follow(...args),
    onEvict: (listener) => rooms.onEvict((evicted) => 'sessionId' in evicted && listener(evicted)),
    ...around(rooms),
  };
  const gateway = await openSignalGateway({
    redisUrl,
    registry,
    apps: STRICT,
    limits: { sweepEveryMs: 100 },
  });
  return {
    ...gateway,
    registry: rooms,
    async close() {
      await gateway.close();
      await rooms.close();
      announcements.close();
      redis.disconnect();
    },
  };
}

const refused = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => 'it was done',
    (error: unknown) => toGatewayError(error).code,
  );

describe('a user of two gateways', () => {
  const opened: TestClient[] = [];
  let server: TestRedis;
  let redis: Redis;
  let east: RoomGateway;
  let west: RoomGateway;
  let nextRoom = 0;

  beforeAll(async () => {
    server = await startRedis();
    redis = createRedis(new Secret(server.url), { purpose: 'facts', log });
    await waitUntilReady(redis, WAIT_MS);
    east = await openGateway(server.url, 'east');
    west = await openGateway(server.url, 'west');
  });

  afterAll(async () => {
    for (const { client } of opened) client.close();
    await Promise.all([east.close(), west.close()]);
    redis.disconnect();
    await server.stop();
  });

  const newRoom = () => {
    nextRoom += 1;
    return { kind: 'number', value: nextRoom } as const;
  };

  async function user(gateway: RoomGateway, name: string, appId = APP_ID): Promise<TestClient> {
    const made = await logIn(gateway.url, { user: name, appId });
    opened.push(made);
    return made;
  }

  /** Loses its connection and resumes over another. */
  async function comeBack(lost: TestClient): Promise<void> {
    const online = new Promise<{ readonly resumed: boolean }>((resolve) => lost.client.on('online', resolve));
    lost.cut();
    expect(await online).toEqual({ resumed: true });
  }

  const keyFor = (userId: string, room: ReturnType<typeof newRoom>, rights: number) =>
    signPrivateMapKey({
      ...{ sdkAppId: OTHER_APP_ID, userId, room, rights, expireSeconds: 600, nowMs: Date.now() },
      secretKey: APPS.apps[1]?.secretKey ?? new Secret(''),
    });

  it('who resumes after Redis forgot its ticket has no more rights than before, until it shows one', async () => {
    const room = newRoom();
    const ann = await user(east, 'ann', OTHER_APP_ID);
    await ann.client.request('enter', {
      room,
      role: 'audience',
      privateMapKey: keyFor('ann', room, RIGHTS.create | RIGHTS.enter),
    });
    expect(await refused(ann.client.request('switchRole', { role: 'anchor' }))).toBe('forbidden');
    await redis.hdel(`roomcast:login:${OTHER_APP_ID}/ann`, 'ticket');
    await comeBack(ann);
    expect(await refused(ann.client.request('switchRole', { role: 'anchor' }))).toBe('ticket-expired');
    expect(
      await refused(ann.client.request('play', { streamId: `${OTHER_APP_ID}_${room.value}_bob_main` })),
    ).toBe('forbidden');
    expect((await ann.told('notice')).notice).toBe('ticket-expired');
    await ann.client.request('renewTicket', { privateMapKey: keyFor('ann', room, ALL_RIGHTS) });
    await ann.client.request('switchRole', { role: 'anchor' });
  });

  it('who resumes just as its user logs in elsewhere is lost like anybody who was kicked', async () => {
    const room = newRoom();
    const bob = await user(west, 'bob');
    await bob.client.request('enter', { room });
    const [wasBack, mayGoOn] = [deferred<void>(), deferred<void>()];
    const slow = await openGateway(server.url, 'slow', (rooms) => ({
      async sessionBack(session) {
        const snapshot = await rooms.sessionBack(session);
        wasBack.resolve();
        await mayGoOn.promise;
        return snapshot;
      },
    }));
    const resumed = logInRaw(slow.url, 'bob', { sessionId: bob.client.sessionId ?? '' });
    resumed.catch(() => undefined); // it is awaited below
    await wasBack.promise;
    const other = await user(west, 'bob');
    // What it hears of its own group is said behind the kick.
    const carl = await user(slow, 'carl');
    await carl.client.request('group.create', {});
    await carl.told('group');
    mayGoOn.resolve();
    await expect(resumed).rejects.toThrow(`closed ${CLOSE.anotherDevice}`);
    await eventually(async () => (await readRoom(redis, APP_ID, room)) === null, WAIT_MS);
    expect(other.client.isOnline).toBe(true);
    await slow.close();
  });

  it('whose gateway does not hear of a second device at that moment is kicked all the same', async () => {
    const first = await user(east, 'dora');
    await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    const second = await user(west, 'dora');
    await eventually(() => first.ended[0]?.code === CLOSE.anotherDevice, WAIT_MS);
    expect(second.client.isOnline).toBe(true);
  });

  it('whose user is in another room, as only its gateway did not know, is told so and hears no more of this one', async () => {
    const [room, other] = [newRoom(), newRoom()];
    const eve = await user(east, 'eve');
    const watcher = await user(east, 'watcher');
    await eve.client.request('enter', { room });
    await watcher.client.request('enter', { room });
    // Redis forgets the first room just as she publishes into another.
    await redis.hdel('roomcast:members', `${APP_ID}/eve`);
    await west.registry.admitPublish({
      ...{ appId: APP_ID, room: other, userId: 'eve', streamId: `${APP_ID}_${other.value}_eve_main` },
      ...{ kind: 'main', roleName: 'default', terminal: 'other', mayCreate: true, at: Date.now() },
    });
    await redis.hdel('roomcast:rooms', `${APP_ID}/${room.value}`);
    expect((await eve.told('kicked')).reason).toBe('moved');
    await eventually(() => eve.ended[0]?.code === CLOSE.removed, WAIT_MS);
    expect(await readRoom(redis, APP_ID, other)).toMatchObject({ users: [{ userId: 'eve' }] });
  });

  it('whose gateway was taken for dead comes back by itself, and enters its room anew', async () => {
    const room = newRoom();
    const fay = await user(east, 'fay');
    await fay.client.request('enter', { room });
    const online = new Promise<{ readonly resumed: boolean }>((resolve) => fay.client.on('online', resolve));
    const store = new RoomStore({ redis, gatewayId: 'west' });
    await store.update(`${APP_ID}/${room.value}`, (stored) => ({
      facts: dropGateways(stored, new Set(['east'])),
      left: 'timeout',
    }));
    expect(await online).toEqual({ resumed: true });
    expect(fay.client.room).toBe(null);
    expect(fay.pushes.filter(({ type }) => type === 'kicked')).toEqual([]);
    const { snapshot } = await fay.client.request('enter', { room });
    expect(snapshot.members).toMatchObject([{ userId: 'fay', isLost: false }]);
  });

  it('is named in levels as in its room, however a later device writes it', async () => {
    const room = newRoom();
    const first = await user(east, 'Gil');
    await first.client.request('enter', { room });
    const listener = await user(east, 'listener');
    await listener.client.request('enter', { room });
    const second = await user(west, 'GIL');
    await second.client.request('enter', { room });
    second.client.level(50);
    expect((await listener.told('levels')).levels).toEqual([{ userId: 'Gil', level: 50 }]);
    await comeBack(second);
    second.client.level(60);
    await eventually(() => listener.pushes.filter(({ type }) => type === 'levels').length === 2, WAIT_MS);
    expect(listener.pushes.at(-1)).toMatchObject({ levels: [{ userId: 'Gil', level: 60 }] });
  });

  it('who publishes and then enters as audience with a device is off the air, at whichever gateway', async () => {
    const room = newRoom();
    const streamId = `${APP_ID}_${room.value}_hal_main`;
    const ended: string[] = [];
    const stop = west.registry.onEvict((evicted) => ended.push(JSON.stringify(evicted)));
    await west.registry.admitPublish({
      ...{ appId: APP_ID, room, userId: 'hal', streamId, kind: 'main', at: Date.now() },
      ...{ roleName: 'default', terminal: 'other', mayCreate: true },
    });
    const hal = await user(east, 'hal');
    const { snapshot } = await hal.client.request('enter', { room, role: 'audience' });
    expect(snapshot.members).toMatchObject([{ userId: 'hal', role: 'audience', streams: [] }]);
    await eventually(() => ended.length > 0, WAIT_MS);
    expect(ended).toEqual([JSON.stringify({ streamId, reason: 'audience' })]);
    stop();
  });

  it('who was replaced by another device changes nothing of it, and takes nobody out by leaving', async () => {
    const room = newRoom();
    const entry = { room, role: 'anchor', roleName: 'default', terminal: 'web', mayCreate: true } as const;
    const ida = { appId: APP_ID, userId: 'ida' };
    await east.registry.enter({ ...ida, sessionId: 'first' }, entry);
    await west.registry.enter({ ...ida, sessionId: 'second' }, entry);
    await east.registry.leave({ ...ida, sessionId: 'first' });
    const change = { role: 'audience' } as const;
    expect(await refused(east.registry.change({ ...ida, sessionId: 'first' }, change))).toBe('not-found');
    expect(await east.registry.sessionBack({ ...ida, sessionId: 'first' })).toBe(null);
    expect(await readRoom(redis, APP_ID, room)).toMatchObject({
      users: [
        { userId: 'ida', role: 'anchor', lostAt: null, session: { sessionId: 'second', lostAt: null } },
      ],
    });
    await west.registry.leave({ ...ida, sessionId: 'second' });
    expect(await readRoom(redis, APP_ID, room)).toBe(null);
  });

  it('whose connection goes while Redis lets it in is lost like anybody else', async () => {
    const room = newRoom();
    const [isAsked, isGone] = [deferred<void>(), deferred<void>()];
    const [mayGoOn, hasEntered] = [deferred<void>(), deferred<void>()];
    const slow = await openGateway(server.url, 'slower', (rooms) => ({
      async enter(...args) {
        isAsked.resolve();
        await mayGoOn.promise;
        return rooms.enter(...args).finally(() => hasEntered.resolve());
      },
      sessionLost(session) {
        rooms.sessionLost(session);
        isGone.resolve();
      },
    }));
    const { socket } = await logInRaw(slow.url, 'jon');
    socket.send(JSON.stringify({ id: 2, type: 'enter', room }));
    await isAsked.promise;
    socket.terminate();
    await isGone.promise;
    mayGoOn.resolve();
    await hasEntered.promise;
    await eventually(async () => (await readRoom(redis, APP_ID, room)) === null, WAIT_MS);
    await slow.close();
  });

  it('is a member of its room in whatever case it is written, of no other room and in no other app', async () => {
    const room = newRoom();
    const kim = await user(east, 'Kim');
    await kim.client.request('enter', { room });
    const isMember = createMemberCheck(redis);
    expect(await isMember(APP_ID, room, 'KIM')).toBe(true);
    expect(await isMember(OTHER_APP_ID, room, 'kim')).toBe(false);
    expect(await isMember(APP_ID, newRoom(), 'kim')).toBe(false);
    expect(await isMember(APP_ID, { kind: 'string', value: String(room.value) }, 'kim')).toBe(false);
  });
});

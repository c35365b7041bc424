import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { toGatewayError } from '../../../src/domain/errors.ts';
import { canonicalUser, type RoomId, roomKey, type StreamKind, streamId } from '../../../src/domain/ids.ts';
import { snapshotOf } from '../../../src/domain/room-changes.ts';
import { applyRoomEvent, type RoomEvent, type RoomSnapshot } from '../../../src/domain/room-event.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { type Announcements, createAnnouncements } from '../../../src/queue/announcements.ts';
import { createRedis, waitUntilReady } from '../../../src/queue/redis.ts';
import { RoomRegistry } from '../../../src/rooms/registry.ts';
import { readRoomTable } from '../../../src/rooms/room-facts.ts';
import { RoomStore } from '../../../src/rooms/room-store.ts';
import { eventually } from '../../support/eventually.ts';
import { seededWhole } from '../../support/random.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

const log = pino({ level: 'silent' });
const APP = 1;
const USERS = ['ann', 'bob', 'cem', 'dan', 'eve', 'fay'];
const ROOMS: readonly RoomId[] = [1, 2, 3].map((value) => ({ kind: 'number', value }));
const GRACE_MS = 1_000;
const BATCHES = 60;
const AT_ONCE = 8;
const WAIT_MS = 10_000;
/** What may be refused to somebody who does things in any order. */
const REFUSALS = ['conflict', 'forbidden', 'not-found'];

let server: TestRedis;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(new Secret(server.url), { purpose: 'facts', log });
  await waitUntilReady(redis);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

interface Device {
  readonly userId: string;
  readonly sessionId: string;
}

/** A gateway with its connections: what it was told to end, it has ended. */
class Gateway {
  readonly id: string;
  readonly sessions = new Map<string, Device>();
  readonly streams = new Map<string, { userId: string; room: RoomId; kind: StreamKind; at: number }>();
  registry!: RoomRegistry;
  announcements!: Announcements;
  #redis!: Redis;

  constructor(id: string) {
    this.id = id;
  }

  async start(): Promise<void> {
    this.#redis = createRedis(new Secret(server.url), { purpose: 'facts', log });
    const subscriber = createRedis(new Secret(server.url), { purpose: 'subscriber', log });
    await Promise.all([this.#redis, subscriber].map((client) => waitUntilReady(client)));
    this.announcements = createAnnouncements(subscriber, log);
    const { id: gatewayId, announcements } = this;
    const store = new RoomStore({ redis: this.#redis, gatewayId });
    const deps = { redis: this.#redis, announcements, store, gatewayId, graceMs: GRACE_MS, log };
    this.registry = new RoomRegistry(deps);
    this.registry.onEvict((evicted) => {
      if ('sessionId' in evicted) this.sessions.delete(evicted.sessionId);
      else this.streams.delete(evicted.streamId);
    });
  }

  /** At once, with all its connections and without a word. */
  async die(): Promise<void> {
    this.#redis.disconnect();
    this.sessions.clear();
    this.streams.clear();
    await this.registry.close();
    this.announcements.close();
  }

  async publish(userId: string, room: RoomId, kind: StreamKind): Promise<void> {
    const id = streamId({ appId: APP, room, userId, kind });
    const at = Date.now();
    const event = { appId: APP, room, userId, kind, streamId: id, at };
    await this.registry.admitPublish({ ...event, roleName: 'default', terminal: 'other', mayCreate: true });
    this.streams.set(id, { userId, room, kind, at });
    this.registry.apply({ ...event, type: 'published' });
    for (const video of [false, true]) {
      this.registry.apply({ ...event, type: 'carries', publishedAt: at, tracks: { audio: true, video } });
    }
  }

  unpublish(id: string, clean: boolean): void {
    const stream = this.streams.get(id);
    if (stream === undefined) return;
    this.streams.delete(id);
    const { at: publishedAt, ...what } = stream;
    this.registry.apply({
      ...what,
      appId: APP,
      streamId: id,
      type: 'unpublished',
      clean,
      publishedAt,
      at: Date.now(),
    });
  }
}

/** A client that follows every room: by events, and by a new snapshot after each gap. */
class Follower {
  readonly rooms = new Map<string, RoomSnapshot | null>();
  readonly #registry: RoomRegistry;
  #doing: Promise<void> = Promise.resolve();
  gaps = 0;
  applied = 0;

  /** `loses` says which messages do not reach it. */
  constructor(registry: RoomRegistry, loses: () => boolean) {
    this.#registry = registry;
    registry.follow({
      onEvents: (key, events) => {
        if (!loses()) this.#next(() => this.#take(key, events));
      },
      onGap: (key) => this.#next(() => this.#ask(key)),
    });
  }

  /** Everything that was missed so far is made up for. */
  async catchUp(): Promise<void> {
    for (const room of ROOMS) this.#next(() => this.#ask(roomKey(APP, room)));
    await this.#doing;
  }

  #next(work: () => Promise<void>): void {
    this.#doing = this.#doing.then(work);
  }

  async #take(key: string, events: readonly RoomEvent[]): Promise<void> {
    const known = this.rooms.get(key) ?? null;
    const fresh = events.filter(({ seq }) => known === null || seq > known.seq);
    if (fresh.length === 0) return;
    if (known === null || fresh[0]?.seq !== known.seq + 1) return this.#ask(key);
    this.applied += fresh.length;
    this.rooms.set(key, fresh.reduce<RoomSnapshot | null>(applyRoomEvent, known));
  }

  /** By the log if it has all of it, else by a snapshot. */
  async #ask(key: string): Promise<void> {
    this.gaps += 1;
    const room = ROOMS.find((one) => roomKey(APP, one) === key);
    const known = this.rooms.get(key) ?? null;
    if (room === undefined) return;
    const missed = known && (await this.#registry.events(APP, room, known.seq));
    if (known && missed) this.rooms.set(key, missed.reduce<RoomSnapshot | null>(applyRoomEvent, known));
    else this.rooms.set(key, await this.#registry.snapshot(APP, room));
  }
}

/** Facts and index at one moment. */
async function assertNobodyTwice(): Promise<void> {
  const [rooms, index] =
    (await redis.multi().hgetall('roomcast:rooms').hgetall('roomcast:members').exec()) ?? [];
  const inRooms: Record<string, string> = {};
  for (const [key, text] of Object.entries((rooms?.[1] ?? {}) as Record<string, string>)) {
    const users = (JSON.parse(text) as RoomSnapshot & { users: { userId: string }[] }).users;
    expect(users.length, `users of ${key}`).toBeGreaterThan(0);
    for (const { userId } of users) {
      const who = `${APP}/${canonicalUser(userId)}`;
      expect(inRooms[who], `${who} is in another room than ${key}`).toBeUndefined();
      inRooms[who] = key;
    }
  }
  expect(index?.[1]).toEqual(inRooms);
}

/** Each connection is in the facts, and the facts have no other. */
async function assertHeld(gateways: readonly Gateway[]): Promise<void> {
  const table = await readRoomTable(redis);
  const users = [...table.values()].flatMap((room) => room.users);
  for (const gateway of gateways) {
    const streams = users.flatMap((user) => user.streams.filter(({ gatewayId }) => gatewayId === gateway.id));
    expect(new Set(streams.map((stream) => stream.streamId)), gateway.id).toEqual(
      new Set(gateway.streams.keys()),
    );
    const sessions = users.flatMap(({ session }) => (session === null ? [] : [session]));
    const here = sessions.filter(({ gatewayId, lostAt }) => gatewayId === gateway.id && lostAt === null);
    for (const { sessionId } of here) expect([...gateway.sessions.keys()]).toContain(sessionId);
  }
  for (const user of users) {
    const isLive = user.streams.length > 0 || user.session?.lostAt === null;
    expect(user.lostAt === null, `${user.userId} is lost`).toBe(isLive);
  }
}

/** What users do, in random order, many things at once. */
class Play {
  readonly gateways = ['g1', 'g2', 'g3'].map((id) => new Gateway(id));
  readonly whole: (below: number) => number;
  readonly #seed: number;
  /** Devices whose connection was lost. */
  readonly #lost: Device[] = [];
  /** A device asks one thing after another. */
  readonly #busy = new Set<string>();
  #devices = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.whole = seededWhole(seed);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.whole(from.length)] as T;
  }

  /** Some things at once; what is refused is refused for a reason. */
  async someAtOnce(): Promise<void> {
    const done = Array.from({ length: AT_ONCE }, async () =>
      this.pick(this.#actions)(this.pick(this.gateways)),
    );
    for (const result of await Promise.allSettled(done)) {
      if (result.status === 'rejected') expect(REFUSALS).toContain(toGatewayError(result.reason).code);
    }
    this.#busy.clear();
  }

  /** All connections of all gateways are lost. */
  loseAll(): void {
    for (const gateway of this.gateways) {
      for (const device of gateway.sessions.values()) gateway.registry.sessionLost({ appId: APP, ...device });
      for (const id of [...gateway.streams.keys()]) gateway.unpublish(id, false);
    }
  }

  #idle(gateway: Gateway): Device[] {
    return [...gateway.sessions.values()].filter(({ sessionId }) => !this.#busy.has(sessionId));
  }

  async #withDevice(gateway: Gateway, what: (device: Device) => Promise<void> | void): Promise<void> {
    const idle = this.#idle(gateway);
    if (idle.length === 0) return;
    const device = this.pick(idle);
    this.#busy.add(device.sessionId);
    await what(device);
  }

  readonly #enter = async (gateway: Gateway): Promise<void> => {
    const idle = this.#idle(gateway);
    this.#devices += 1;
    const fresh = { userId: this.pick(USERS), sessionId: `${this.#seed}-${this.#devices}` };
    const device = idle.length === 0 || this.whole(2) === 0 ? fresh : this.pick(idle);
    this.#busy.add(device.sessionId);
    const role = this.whole(4) === 0 ? 'audience' : 'anchor';
    const entry = {
      room: this.pick(ROOMS),
      role,
      roleName: 'default',
      terminal: 'web',
      mayCreate: true,
    } as const;
    await gateway.registry.enter({ appId: APP, ...device }, entry);
    gateway.sessions.set(device.sessionId, device);
  };

  readonly #actions: ((gateway: Gateway) => Promise<void> | void)[] = [
    this.#enter,
    this.#enter,
    this.#enter,
    (gateway) =>
      this.#withDevice(gateway, async (device) => {
        await gateway.registry.leave({ appId: APP, ...device });
        gateway.sessions.delete(device.sessionId);
      }),
    (gateway) =>
      this.#withDevice(gateway, (device) => {
        gateway.sessions.delete(device.sessionId);
        gateway.registry.sessionLost({ appId: APP, ...device });
        this.#lost.push(device);
      }),
    async (gateway) => {
      const [device] = this.#lost.splice(this.whole(this.#lost.length), 1);
      if (device === undefined) return;
      this.#busy.add(device.sessionId);
      const back = await gateway.registry.sessionBack({ appId: APP, ...device });
      if (back !== null) gateway.sessions.set(device.sessionId, device);
    },
    (gateway) =>
      this.#withDevice(gateway, (device) =>
        gateway.registry.change(
          { appId: APP, ...device },
          { role: this.whole(2) === 0 ? 'anchor' : 'audience' },
        ),
      ),
    (gateway) => gateway.publish(this.pick(USERS), this.pick(ROOMS), this.whole(3) === 0 ? 'aux' : 'main'),
    (gateway) => gateway.publish(this.pick(USERS), this.pick(ROOMS), 'main'),
    (gateway) => gateway.unpublish(this.pick([...gateway.streams.keys(), '']), this.whole(2) === 0),
    async (gateway) => {
      await gateway.registry.removeUsers(APP, this.pick(ROOMS), [this.pick(USERS), this.pick(USERS)]);
    },
    async (gateway) => {
      if (this.whole(4) === 0) await gateway.registry.dismiss(APP, this.pick(ROOMS));
    },
  ];
}

/** Both see each room as it is. */
async function assertFollowed(followers: readonly Follower[]): Promise<void> {
  await Promise.all(followers.map((follower) => follower.catchUp()));
  const facts = await readRoomTable(redis);
  for (const key of ROOMS.map((room) => roomKey(APP, room))) {
    const stored = facts.get(key);
    const now = stored ? snapshotOf(stored) : null;
    for (const { rooms } of followers) expect(rooms.get(key) ?? null).toEqual(now);
  }
}

test.each([1, 2, 17])(
  'whatever users do at three gateways: never one in two rooms or a room without users, and who follows by events has it exactly (seed %i)',
  async (seed) => {
    const play = new Play(seed);
    const { gateways } = play;
    const observer = new Gateway('observer');
    const all = [...gateways, observer];
    try {
      for (const gateway of all) await gateway.start();
      const hears = async () => Number((await redis.pubsub('NUMSUB', 'roomcast:rooms:events'))[1]);
      await eventually(async () => (await hears()) >= all.length, WAIT_MS);
      const strict = new Follower(observer.registry, () => false);
      const followers = [strict, new Follower(observer.registry, () => play.whole(5) === 0)];
      for (let batch = 1; batch <= BATCHES; batch += 1) {
        await play.someAtOnce();
        await assertNobodyTwice();
        if (batch % 20 === 0) {
          const gateway = play.pick(gateways);
          await gateway.die();
          await gateway.start();
        }
        if (batch % 10 !== 0) continue;
        await eventually(() => assertHeld(gateways).then(() => true), WAIT_MS);
        await eventually(() => assertFollowed(followers).then(() => true), WAIT_MS);
      }
      expect(strict.applied).toBeGreaterThan(50);
      play.loseAll();
      await eventually(async () => (await readRoomTable(redis)).size === 0, WAIT_MS);
      await assertNobodyTwice();
      await eventually(async () => (await redis.zcard('roomcast:rooms:lost')) === 0, WAIT_MS);
    } finally {
      for (const gateway of all) await gateway.die();
    }
  },
  180_000,
);

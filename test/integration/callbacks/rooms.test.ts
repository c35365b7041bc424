import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRoomOutbox } from '../../../src/callbacks/room-outbox.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { signUserSig } from '../../../src/identity/user-sig.ts';
import { type Announcements, createAnnouncements } from '../../../src/queue/announcements.ts';
import { createRedis, waitUntilReady } from '../../../src/queue/redis.ts';
import { startHeartbeat } from '../../../src/rooms/gateway-facts.ts';
import { RoomRegistry } from '../../../src/rooms/registry.ts';
import { RoomStore } from '../../../src/rooms/room-store.ts';
import { makeFlv } from '../../support/clip.ts';
import { Cluster } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { type HookServer, startHookServer } from '../../support/hook-server.ts';
import { startPublisher } from '../../support/publisher.ts';
import { makeTestDir, type RunningRoomcast } from '../../support/roomcast.ts';
import { logIn } from '../../support/signal-rig.ts';
import { cliJson } from '../../support/studio.ts';

const APP = 1_400_000_001;
const ROOM = 71;
const WAIT_MS = 60_000;
const SECRET_KEY = 'k'.repeat(64);
const LATE_SECONDS = 5;
const log = pino({ level: 'silent' });
const room = { kind: 'number', value: ROOM } as const;
const GATEWAY = 'gateway-of-the-test';

let hooks: HookServer;
let cluster: Cluster;
let gateways: RunningRoomcast[];
let clip: string;
let lateClip: string;
let redis: Redis;
let announcements: Announcements;
let registry: RoomRegistry;
const undo: (() => unknown)[] = [];

async function startGateway(): Promise<RunningRoomcast> {
  const dataDir = await makeTestDir('room-callbacks');
  const app = {
    ...{ sdkAppId: APP, name: 'default', secretKey: SECRET_KEY, apiKeys: [] },
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
  const outbox = createRoomOutbox([{ appId: APP, groups: [1, 2] }]);
  const store = new RoomStore({ redis, gatewayId: GATEWAY, outbox });
  const urls = { internalHttp: '', internalRtmp: '', publicHttp: '', publicRtmp: '' };
  const heartbeat = startHeartbeat({ redis, facts: { gatewayId: GATEWAY, ...urls }, log });
  registry = new RoomRegistry({ redis, announcements, store, gatewayId: GATEWAY, graceMs: 30_000, log });
  undo.push(
    () => redis.disconnect(),
    () => announcements.close(),
    () => heartbeat.stop(),
    () => registry.close(),
  );
}

beforeAll(async () => {
  hooks = await startHookServer();
  cluster = await Cluster.open();
  gateways = [await startGateway(), await startGateway()];
  const dir = await makeTestDir('room-callbacks-clip');
  await mkdir(dir, { recursive: true });
  clip = await makeFlv({ dir, name: 'camera', seconds: 8, size: '160x90', fps: 15, gop: 15 });
  lateClip = path.join(dir, 'late.flv');
  const late = ['-i', clip, '-itsoffset', String(LATE_SECONDS), '-i', clip, '-map', '0:a', '-map', '1:v'];
  await promisify(execFile)('ffmpeg', ['-v', 'error', ...late, '-c', 'copy', lateClip]);
  await openRegistry();
});

afterAll(async () => {
  for (const step of undo.reverse()) await step();
  await cluster?.close();
  await hooks?.close();
});

/** `[type, rest of its info]` of all that came of a room, in order. */
const told = (roomId: number) =>
  hooks.requests.flatMap(({ json }) => {
    const { RoomId, EventTs, EventMsTs, ...info } = json.EventInfo;
    if (RoomId !== roomId) return [];
    expect(json.EventGroupId).toBe(json.EventType < 200 ? 1 : 2);
    expect(EventTs).toBe(Math.floor(EventMsTs / 1000));
    return [[json.EventType, info] as const];
  });

async function publishUrl(gateway: RunningRoomcast, roomId: number, user: string): Promise<string> {
  return (await cliJson<{ url: string }>(gateway, 'publish-url', '--room', `${roomId}`, '--user', user)).url;
}

const red = { UserId: 'red' };
const ann = { UserId: 'Ann' };

/** All that the app was told, after each step. */
const STORY: unknown[] = [];

async function next(...events: readonly (readonly [number, object])[]): Promise<void> {
  STORY.push(...events.map((event) => [...event]));
  await eventually(() => hooks.requests.length >= STORY.length, WAIT_MS);
  expect(told(ROOM)).toEqual(STORY);
}

it('an app hears of its rooms in order and once, whichever gateway a user came through', async () => {
  const [first, second] = gateways as [RunningRoomcast, RunningRoomcast];
  const url = await publishUrl(first, ROOM, 'red');
  const publisher = startPublisher(url, clip, ['-an']);
  undo.push(() => publisher.kill());
  await next([101, red], [103, { ...red, Role: 20, TerminalType: 100, UserType: 3, Reason: 1 }], [201, red]);

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

interface ListedRoom {
  readonly users: readonly {
    readonly userId: string;
    readonly streams: readonly { readonly tracks: object }[];
  }[];
}

const SOUND = { audio: true, video: false };
const PICTURE = { audio: false, video: true };
const BOTH = { audio: true, video: true };
/** Nobody reads ahead of the sound for a picture that is not there. */
const LATE = ['-max_interleave_delta', '1'];

it.each([
  { what: 'sound alone', user: 'sound', output: ['-vn'], types: [203], tracks: [SOUND] },
  { what: 'a picture alone', user: 'picture', output: ['-an'], types: [201], tracks: [PICTURE] },
  {
    ...{ what: 'sound, and a picture later', user: 'late', output: LATE },
    ...{ types: [203, 201], tracks: [SOUND, BOTH] },
  },
])('a publisher of $what is told of as that, to apps, to clients and to operators', async (one) => {
  const { user, output, types, tracks } = one;
  const [first, second] = gateways as [RunningRoomcast, RunningRoomcast];
  const roomId = 80 + user.length;
  const signature = { secretKey: new Secret(SECRET_KEY), sdkAppId: APP, userId: `${user}-viewer` };
  const viewer = await logIn(`${second.http.replace('http', 'ws')}/ws`, {
    ...{ user: `${user}-viewer`, appId: APP },
    userSig: () => signUserSig({ ...signature, expireSeconds: 600, nowMs: Date.now() }),
  });
  undo.push(() => viewer.client.close());
  await viewer.client.request('enter', { room: { kind: 'number', value: roomId }, role: 'audience' });
  const url = await publishUrl(first, roomId, user);
  const publisher = startPublisher(url, user === 'late' ? lateClip : clip, output);
  undo.push(() => publisher.kill());

  const media = () => told(roomId).filter(([type]) => type > 200);
  await eventually(() => media().length >= types.length, WAIT_MS);
  expect(media()).toEqual(types.map((type) => [type, { UserId: user }]));

  const heard = () =>
    viewer.pushes.flatMap((push) => {
      if (push.type !== 'event' || push.event.body.type !== 'stream-changed') return [];
      return [push.event.body.tracks];
    });
  await eventually(() => heard().length >= tracks.length, WAIT_MS);
  expect(heard()).toEqual(tracks);
  const last = tracks.at(-1);
  const member = viewer.client.room?.members.find(({ userId }) => userId === user);
  expect(member).toMatchObject({ media: { ...last, screen: false }, streams: [{ tracks: last }] });
  const listed = await cliJson<ListedRoom>(second, 'rooms', 'show', '--room', `${roomId}`);
  expect(listed.users.find(({ userId }) => userId === user)?.streams).toMatchObject([{ tracks: last }]);

  // It goes on, and nothing more is told.
  await publisher.stop();
  await eventually(() => told(roomId).at(-1)?.[0] === 104, WAIT_MS);
  expect(media()).toHaveLength(types.length);
});

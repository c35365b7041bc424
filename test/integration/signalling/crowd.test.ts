import { afterAll, beforeAll, expect, test } from 'vitest';
import { Crowd } from '../../bench/rooms/crowd.ts';
import { APP_ID, APPS } from '../../support/hub-rig.ts';
import { MemoryRooms } from '../../support/memory-rooms.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { openSignalGateway, type SignalGateway } from '../../support/signal-rig.ts';

const ROOMS = Array.from({ length: 30 }, (_, index) => index + 1);
const USERS_PER_ROOM = 10;
const CHANGES = { perSecond: 60, seconds: 4 };

const rooms = new MemoryRooms();
let redis: TestRedis;
let gateway: SignalGateway;
let crowd: Crowd;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await openSignalGateway({ redisUrl: redis.url, registry: rooms.registry() });
  crowd = new Crowd({
    url: gateway.url,
    sdkAppId: APP_ID,
    secretKey: APPS.apps[0]?.secretKey.reveal() ?? '',
    rooms: ROOMS,
    usersPerRoom: USERS_PER_ROOM,
    roleNames: [],
    keepsRooms: true,
    seed: 1,
  });
});
afterAll(async () => {
  crowd?.end();
  await gateway?.close();
  await redis?.stop();
});

test('300 users in 30 rooms each see every event of their room once and in order, and have the room from them', async () => {
  await crowd.logIn();
  await crowd.enter();
  const { latencies } = await crowd.change(CHANGES);
  expect(crowd.faults).toEqual([]);
  // Each was seen by everyone who was there.
  expect(latencies).toHaveLength(CHANGES.perSecond * CHANGES.seconds);
  for (const { seq, snapshot, setting } of crowd.users) {
    const { snapshot: kept } = rooms.rooms.get(`${APP_ID}/${setting.room}`) ?? {};
    const isThere = kept?.members.some(({ userId }) => userId === setting.userId);
    expect([setting.userId, snapshot]).toEqual([setting.userId, isThere ? kept : null]);
    expect(seq).toBe(isThere ? kept?.seq : null);
  }
});

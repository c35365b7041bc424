import { afterAll, beforeAll, expect, test } from 'vitest';
import { Crowd } from '../../bench/rooms/crowd.ts';
import { type Party, ROLE_NAMES, startGatewayParty } from '../../bench/rooms/parties.ts';

const ROOMS = Array.from({ length: 30 }, (_, index) => index + 1);
const USERS_PER_ROOM = 10;
const CHANGES = { perSecond: 60, seconds: 4 };

let gateway: Party;
let crowd: Crowd;

beforeAll(async () => {
  gateway = await startGatewayParty();
  const { url, sdkAppId, secretKey } = gateway;
  crowd = new Crowd({
    ...{ url, sdkAppId, secretKey, rooms: ROOMS, usersPerRoom: USERS_PER_ROOM, roleNames: ROLE_NAMES },
    ...{ keepsRooms: true, seed: 1 },
  });
});
afterAll(async () => {
  crowd?.end();
  await gateway?.stop();
});

test('300 users in 30 rooms each see every event of their room once and in order, and have the room from them', async () => {
  await crowd.logIn();
  await crowd.enter();
  const { latencies } = await crowd.change(CHANGES);
  expect(crowd.faults).toEqual([]);
  // Each was seen by everyone who was there.
  expect(latencies).toHaveLength(CHANGES.perSecond * CHANGES.seconds);
  const there = crowd.users.filter(({ seq }) => seq !== null);
  expect(there.length).toBeGreaterThan(200);
  for (const user of there) {
    const { snapshot: built } = user;
    const { snapshot: kept } = await user.request({ type: 'snapshot' });
    expect([user.setting.userId, built]).toEqual([user.setting.userId, kept]);
  }
  expect(crowd.faults).toEqual([]);
});

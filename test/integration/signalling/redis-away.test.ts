import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import {
  Meeting,
  type MeetingGateway,
  reasonsOf,
  refused,
  usersAre,
  MEETING_WAIT_MS as WAIT_MS,
} from '../../support/meeting.ts';
import type { TestClient } from '../../support/signal-rig.ts';

const AWAY_MS = 6000;
const LOUD = { audio: true, video: true, screen: false };

/** Until both have the room as Redis has it now. */
async function agree(...members: readonly TestClient[]): Promise<void> {
  await eventually(async () => {
    for (const { client } of members) {
      const built = client.room;
      const { snapshot } = await client.request('snapshot', {});
      expect(built).toEqual(snapshot);
    }
    return true;
  }, WAIT_MS);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('while Redis is away', () => {
  let meeting: Meeting;
  let east: MeetingGateway;
  let west: MeetingGateway;

  beforeAll(async () => {
    meeting = await Meeting.open(2);
    [east, west] = meeting.gateways as [MeetingGateway, MeetingGateway];
  });
  afterAll(() => meeting?.close());

  /** Redis dies; what is done meanwhile; it is back. */
  async function without(keepData: boolean, meanwhile: () => Promise<void>): Promise<void> {
    const { redis } = meeting.cluster;
    await redis.kill();
    const goneAt = performance.now();
    await meanwhile();
    await pause(Math.max(0, AWAY_MS - (performance.now() - goneAt)));
    await redis.restart({ keepData });
  }

  /** Neither connection was closed, and nobody was said to have left. */
  function expectUnharmed(...members: readonly TestClient[]): void {
    for (const one of members) {
      expect(one.client.isOnline).toBe(true);
      expect(one.ended).toEqual([]);
      expect(one.pushes.filter(({ type }) => type === 'kicked')).toEqual([]);
      expect(reasonsOf(one)).toEqual([]);
    }
  }

  it.each([
    ['comes back as it was', true],
    ['comes back without its data', false],
  ])('sessions stay, ask again later, and have the room as it is when it %s', async (_how, keepData) => {
    const prefix = keepData ? 'k' : 'd';
    const room = meeting.newRoom();
    const ann = await meeting.member(east, `${prefix}-ann`, room);
    const bob = await meeting.member(west, `${prefix}-bob`, room);
    const eve = await meeting.user(east, `${prefix}-eve`);
    const camera = await meeting.publish(west, `${prefix}-cam`, room);
    expect(camera.outcome).toBe('publishes');
    const users = [`${prefix}-ann`, `${prefix}-bob`, `${prefix}-cam`];
    for (const one of [ann, bob]) await usersAre(one, ...users);
    await ann.client.request('switchRole', { role: 'audience' });
    await bob.client.request('media', LOUD);
    const { groupId } = await ann.client.request('group.create', {});

    await without(keepData, async () => {
      const asked = () => refused(eve.client.request('enter', { room: meeting.newRoom() }));
      await eventually(async () => (await asked()) === 'redis-away', WAIT_MS);
      expect(await refused(ann.client.request('media', LOUD))).toBe('forbidden');
      expect(await refused(ann.client.request('switchRole', { role: 'anchor' }))).toBe('redis-away');
      expect(await refused(bob.client.request('snapshot', {}))).toBe('redis-away');
      expect(await refused(ann.client.request('group.send', { groupId, text: 'x' }))).toBe('redis-away');
      await bob.client.request('ping', {});
      // Who comes by RTMP meanwhile is let in on what the gateway knows, and told of later.
      const late = await meeting.publish(east, `${prefix}-late`, room);
      expect(late.outcome).toBe('publishes');
    });

    const all = [...users, `${prefix}-late`];
    for (const one of [ann, bob]) await usersAre(one, ...all);
    const able = async () =>
      (await refused(ann.client.request('switchRole', { role: 'anchor' }))) === 'it was done';
    await eventually(able, WAIT_MS);
    await ann.client.request('media', LOUD);
    await eventually(() => bob.client.room?.members[0]?.media.audio, WAIT_MS);
    expect(bob.client.room?.ownerUserId).toBe(users[0]);
    expect(bob.client.room?.members.map(({ order }) => order)).toEqual([1, 2, 3, 4]);
    expect(ann.client.room?.members[1]).toMatchObject({ media: LOUD, isLost: false, streams: [] });
    expect(camera.isClosed()).toBe(false);
    await agree(ann, bob);
    await eve.client.request('enter', { room });
    for (const one of [ann, bob, eve]) await usersAre(one, ...all, `${prefix}-eve`);
    await agree(ann, bob, eve);
    expectUnharmed(ann, bob, eve);
    // The login of a user is known as before: a second device ends the first, and no other.
    const second = await meeting.user(west, `${prefix}-ann`);
    expect(await ann.told('kicked')).toEqual({ type: 'kicked', reason: 'another-device' });
    expect(bob.ended).toEqual([]);
    second.client.close();
  });

  it('a session whose connection is lost meanwhile goes on where it was when Redis is back', async () => {
    const room = meeting.newRoom();
    const ann = await meeting.member(east, 'r-ann', room);
    const bob = await meeting.member(west, 'r-bob', room);
    const { sessionId } = bob.client;
    await usersAre(ann, 'r-ann', 'r-bob');
    // Who says something of the room has it as it is: bob is in what its gateway will write back.
    await ann.client.request('media', LOUD);
    await without(false, async () => {
      bob.cut();
      await eventually(() => !bob.client.isOnline, WAIT_MS);
    });
    await eventually(() => bob.client.isOnline, WAIT_MS);
    expect(bob.client.sessionId).toBe(sessionId);
    await usersAre(ann, 'r-ann', 'r-bob');
    await eventually(() => bob.client.room !== null, WAIT_MS);
    await bob.client.request('media', LOUD);
    await eventually(() => ann.client.room?.members[1]?.media.audio, WAIT_MS);
    await agree(ann, bob);
    expectUnharmed(ann, bob);
  });
});

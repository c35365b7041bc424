import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toGatewayError } from '../../../src/domain/errors.ts';
import { parseIntegerRoom } from '../../../src/domain/ids.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { ALL_RIGHTS, RIGHTS } from '../../../src/domain/ticket-rights.ts';
import { signPrivateMapKey } from '../../../src/identity/private-map-key.ts';
import { verifyTicket } from '../../../src/identity/tickets.ts';
import { CLOSE } from '../../../src/signalling/close-codes.ts';
import { eventually } from '../../support/eventually.ts';
import { APP_ID, APPS, CLUSTER_SECRET, OTHER_APP_ID, userSig } from '../../support/hub-rig.ts';
import { MemoryRooms } from '../../support/memory-rooms.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import {
  logIn,
  logInRaw,
  makeClient,
  openSignalGateway,
  type SignalGateway,
  type TestClient,
} from '../../support/signal-rig.ts';

const PUSHES_DEADLINE_MS = 60_000;

/** A code for what was refused. */
async function refused(asked: Promise<unknown>): Promise<string> {
  return asked.then(
    () => 'it was done',
    (error: unknown) => toGatewayError(error).code,
  );
}

describe('a session at two gateways', () => {
  const rooms = new MemoryRooms();
  const opened: TestClient[] = [];
  let redis: TestRedis;
  let east: SignalGateway;
  let west: SignalGateway;
  let nextRoom = 1000;

  beforeAll(async () => {
    redis = await startRedis();
    const options = { redisUrl: redis.url, limits: { sweepEveryMs: 100, levelsEveryMs: 100 } };
    east = await openSignalGateway({ ...options, registry: rooms.registry() });
    west = await openSignalGateway({ ...options, registry: rooms.registry() });
  });

  afterAll(async () => {
    for (const { client } of opened) client.close();
    await Promise.all([east.close(), west.close()]);
    await redis.stop();
  });

  const newRoom = () => {
    nextRoom += 1;
    return { kind: 'number', value: nextRoom } as const;
  };

  async function user(gateway: SignalGateway, name: string, appId = APP_ID): Promise<TestClient> {
    const made = await logIn(gateway.url, { user: name, appId });
    opened.push(made);
    return made;
  }

  async function member(gateway: SignalGateway, name: string, room = newRoom()): Promise<TestClient> {
    const made = await user(gateway, name);
    await made.client.request('enter', { room });
    return made;
  }

  /** What members at both gateways have is what the room is. */
  async function expectAgreement(key: string, ...members: TestClient[]): Promise<void> {
    for (const { client } of members) {
      await eventually(() => client.room?.seq === rooms.rooms.get(key)?.snapshot.seq, PUSHES_DEADLINE_MS);
      expect(client.room).toEqual(rooms.rooms.get(key)?.snapshot);
    }
  }

  it('is refused with another UserSig, another account type, no such app or a name that is none', async () => {
    const codeOf = (options: Parameters<typeof makeClient>[1]) => {
      const made = makeClient(east.url, options);
      opened.push(made);
      return refused(made.client.connect());
    };
    expect(await codeOf({ user: 'eve', userSig: () => userSig({ user: 'ann' }) })).toBe('sig-mismatch');
    expect(await codeOf({ user: 'eve', userSig: () => 'nonsense' })).toBe('sig-malformed');
    expect(await codeOf({ user: 'eve', userSig: () => userSig({ user: 'eve', expireSeconds: -5 }) })).toBe(
      'sig-expired',
    );
    expect(await codeOf({ user: 'eve', accountType: 9 })).toBe('forbidden');
    expect(await codeOf({ user: 'eve', appId: 77, userSig: () => 'x' })).toBe('bad-app-id');
    expect(await codeOf({ user: '12345' })).toBe('bad-user-id');
  });

  it('is the same whether its account type is sent or not', async () => {
    const made = makeClient(east.url, { user: 'typed', accountType: 0 });
    opened.push(made);
    await made.client.connect();
    expect(made.client.isOnline).toBe(true);
  });

  it('hears every event of its room at either gateway, and rebuilds the room from them', async () => {
    const room = newRoom();
    const key = `${APP_ID}/${room.value}`;
    const ann = await member(east, 'h-ann', room);
    const bob = await member(west, 'h-bob', room);
    await ann.client.request('media', { audio: true, video: true, screen: false });
    await bob.client.request('switchRole', { role: 'audience' });
    const eve = await member(east, 'h-eve', room);
    await expectAgreement(key, ann, bob, eve);
    await bob.client.request('leave', {});
    expect(bob.client.room).toBeNull();
    await expectAgreement(key, ann, eve);
    expect(ann.client.room?.members.map(({ userId }) => userId)).toEqual(['h-ann', 'h-eve']);
  });

  it('takes a snapshot instead of events that nobody knows any more', async () => {
    const room = newRoom();
    const key = `${APP_ID}/${room.value}`;
    const ann = await member(east, 'g-ann', room);
    const bob = await member(west, 'g-bob', room);
    await expectAgreement(key, ann, bob);
    rooms.withheld = true;
    const userId = 'g-ann';
    for (const roleName of ['a', 'b', 'c'])
      rooms.happen(key, { type: 'member-changed', userId, change: { roleName } });
    rooms.withheld = false;
    rooms.happen(key, { type: 'member-changed', userId, change: { roleName: 'd' } });
    await expectAgreement(key, ann, bob);
    expect(bob.pushes.filter(({ type }) => type === 'snapshot')).toEqual([]);
    rooms.withheld = true;
    rooms.happen(key, { type: 'member-changed', userId, change: { roleName: 'e' } });
    rooms.rooms.get(key)?.log.splice(0);
    rooms.withheld = false;
    rooms.gap(key);
    await expectAgreement(key, ann, bob);
    expect(bob.pushes.filter(({ type }) => type === 'snapshot')).toHaveLength(1);
  });

  it('goes on with the missed events after a lost connection, at another gateway too', async () => {
    const room = newRoom();
    const key = `${APP_ID}/${room.value}`;
    const ann = await member(east, 'r-ann', room);
    const bob = await logIn(east.url, { user: 'r-bob', backoffMs: { first: 1000, most: 1000 } });
    opened.push(bob);
    await bob.client.request('enter', { room });
    await expectAgreement(key, ann, bob);
    const before = bob.client.sessionId;
    const seen = bob.client.room?.seq ?? 0;
    bob.cut();
    await eventually(() => rooms.member(key, 'r-bob')?.isLost, PUSHES_DEADLINE_MS, 10);
    rooms.happen(key, { type: 'member-changed', userId: 'r-ann', change: { roleName: 'missed' } });
    await eventually(() => bob.client.isOnline);
    expect(bob.client.sessionId).toBe(before);
    await expectAgreement(key, ann, bob);
    expect(bob.client.room?.members.find(({ userId }) => userId === 'r-bob')?.isLost).toBe(false);
    expect(bob.client.room?.seq).toBeGreaterThan(seen);
    const ids = ann.pushes.flatMap((push) => (push.type === 'event' ? [push.event.body.type] : []));
    expect(ids).not.toContain('member-left');

    const resume = { sessionId: before ?? '', room, seq: seen };
    const { socket, answer } = await logInRaw(west.url, 'r-bob', resume);
    expect(answer).toMatchObject({ resumed: true, sessionId: before, room });
    const seqs = answer.events?.map(({ seq }) => seq) ?? [];
    expect(seqs.length).toBeGreaterThanOrEqual(3);
    expect(seqs).toEqual(seqs.map((_seq, index) => seen + 1 + index));
    await eventually(() => bob.ended.some(({ code }) => code === CLOSE.resumed));
    expect(rooms.member(key, 'r-bob')?.isLost).toBe(false);
    socket.terminate();
  });

  it('is kicked with a reason when its user logs in from a second device, in whatever case and anywhere', async () => {
    const room = newRoom();
    const key = `${APP_ID}/${room.value}`;
    const watcher = await member(west, 'k-watcher', room);
    const first = await member(east, 'K-Ann', room);
    const order = rooms.member(key, 'k-ann')?.order;
    const second = await user(west, 'k-ann');
    expect(await first.told('kicked')).toEqual({ type: 'kicked', reason: 'another-device' });
    await eventually(() => first.ended.length > 0);
    expect(first.ended[0]?.code).toBe(CLOSE.anotherDevice);
    await second.client.request('enter', { room });
    await expectAgreement(key, watcher, second);
    expect(rooms.member(key, 'k-ann')).toMatchObject({ userId: 'K-Ann', order });
    const types = watcher.pushes.flatMap((push) => (push.type === 'event' ? [push.event.body.type] : []));
    expect(types).not.toContain('member-left');
    // Its old session is not resumed: the second device keeps the user.
    const resume = { sessionId: first.client.sessionId ?? '' };
    await expect(logInRaw(east.url, 'K-Ann', resume)).rejects.toThrow(`closed ${CLOSE.anotherDevice}`);
    expect(second.client.isOnline).toBe(true);
  });

  it('is ended with a reason when the server API removes its user', async () => {
    const room = newRoom();
    const ann = await member(east, 'e-ann', room);
    rooms.evict(APP_ID, 'e-ann');
    expect(await ann.told('kicked')).toEqual({ type: 'kicked', reason: 'removed' });
    await eventually(() => ann.ended.length > 0);
    expect(ann.ended[0]).toMatchObject({ code: CLOSE.removed, reason: 'removed' });
  });

  it('is in one room at a time, and enters another only after leaving the first', async () => {
    const ann = await member(east, 'o-ann');
    const other = newRoom();
    expect(await refused(ann.client.request('enter', { room: other }))).toBe('conflict');
    await ann.client.request('leave', {});
    await ann.client.request('enter', { room: other });
    expect(ann.client.room?.room).toEqual(other);
  });

  it('sees nothing of another app, though rooms and users have the same names', async () => {
    const room = newRoom();
    const ann = await member(east, 'i-ann', room);
    const bob = await member(east, 'i-bob', room);
    const double = await user(east, 'i-ann', OTHER_APP_ID);
    await double.client.request('enter', { room });
    await double.client.request('media', { audio: true, video: true, screen: true });
    expect(double.client.room?.members.map(({ userId }) => userId)).toEqual(['i-ann']);
    const { streamId } = await ann.client.request('publish', { kind: 'main' });
    expect(await refused(double.client.request('play', { streamId }))).toBe('not-found');
    await expectAgreement(`${APP_ID}/${room.value}`, ann, bob);
    await expectAgreement(`${OTHER_APP_ID}/${room.value}`, double);
    expect(bob.client.room?.members.find(({ userId }) => userId === 'i-ann')?.media.audio).toBe(false);
    expect(ann.ended).toEqual([]);
  });

  it('publishes by a URL without its UserSig, and plays the streams of its room with a ticket', async () => {
    const room = newRoom();
    const ann = await member(east, 'Pub-Ann', room);
    const { streamId, rtmpUrl, encoder } = await ann.client.request('publish', { kind: 'aux' });
    expect(streamId).toBe(`${APP_ID}_${room.value}_pub-ann_aux`);
    expect(rtmpUrl).toMatch(/^rtmp:\/\/public\/push\/\d+\?/);
    expect(rtmpUrl).not.toContain('usersig');
    expect(rtmpUrl).toContain('stream=aux');
    expect(encoder).toMatchObject({ width: 1280, height: 720, fps: 30 });
    const { flv, hls } = await ann.client.request('play', { streamId });
    const ticket = new URL(flv).searchParams.get('ticket') ?? '';
    verifyTicket(CLUSTER_SECRET, ticket, { use: 'play', stream: streamId, nowMs: Date.now() });
    expect(new URL(hls).searchParams.get('ticket')).toBe(ticket);
    const elsewhere = `${APP_ID}_7_pub-ann_aux`;
    expect(await refused(ann.client.request('play', { streamId: elsewhere }))).toBe('not-found');
  });

  it('publishes nothing as audience', async () => {
    const ann = await user(east, 'aud-ann');
    await ann.client.request('enter', { room: newRoom(), role: 'audience' });
    expect(await refused(ann.client.request('publish', { kind: 'main' }))).toBe('forbidden');
    const loud = { audio: true, video: false, screen: false };
    expect(await refused(ann.client.request('media', loud))).toBe('forbidden');
    await ann.client.request('switchRole', { role: 'anchor' });
    await ann.client.request('media', loud);
  });

  it('enters with an unknown role name as the default one, and is refused to switch to one', async () => {
    const ann = await user(east, 'rn-ann');
    const { roleName } = await ann.client.request('enter', { room: newRoom(), roleName: 'nobody' });
    expect(roleName).toBe('default');
    expect(await refused(ann.client.request('switchRoleName', { roleName: 'nobody' }))).toBe('not-found');
  });

  it('may do what its ticket allows, is told of its end, and needs a new one then', async () => {
    const room = newRoom();
    const privateMapKey = (rights: number, expireSeconds: number) =>
      signPrivateMapKey({
        ...{ sdkAppId: APP_ID, userId: 't-ann', rights, expireSeconds, nowMs: Date.now() },
        room: parseIntegerRoom(String(room.value)),
        secretKey: APPS.apps[0]?.secretKey ?? new Secret(''),
      });
    const ann = await user(east, 't-ann');
    const enter = RIGHTS.create | RIGHTS.enter;
    const other = { room: newRoom(), privateMapKey: privateMapKey(ALL_RIGHTS, 60) };
    expect(await refused(ann.client.request('enter', other))).toBe('ticket-invalid');
    await ann.client.request('enter', { room, privateMapKey: privateMapKey(enter, 600) });
    expect(await refused(ann.client.request('publish', { kind: 'main' }))).toBe('forbidden');
    await ann.client.request('renewTicket', { privateMapKey: privateMapKey(enter | RIGHTS.sendAudio, 3) });
    expect((await ann.told('notice')).notice).toBe('ticket-expiring');
    await eventually(() =>
      ann.pushes.some((push) => push.type === 'notice' && push.notice === 'ticket-expired'),
    );
    expect(await refused(ann.client.request('publish', { kind: 'main' }))).toBe('ticket-expired');
    expect(await refused(ann.client.request('switchRole', { role: 'anchor' }))).toBe('ticket-expired');
    await ann.client.request('renewTicket', { privateMapKey: privateMapKey(ALL_RIGHTS, 600) });
    await ann.client.request('publish', { kind: 'aux' });
  });

  it('hears who speaks how loud at both gateways, only of those that changed', async () => {
    const room = newRoom();
    const ann = await member(east, 'l-ann', room);
    const bob = await member(west, 'l-bob', room);
    ann.client.level(40);
    const levels = [{ userId: 'l-ann', level: 40 }];
    expect((await bob.told('levels')).levels).toEqual(levels);
    expect((await ann.told('levels')).levels).toEqual(levels);
    ann.client.level(40);
    bob.client.level(7);
    await eventually(() => ann.pushes.some((push) => push.type === 'levels' && push.levels[0]?.level === 7));
    const heard = ann.pushes.flatMap((push) => (push.type === 'levels' ? push.levels : []));
    expect(heard).toEqual([...levels, { userId: 'l-bob', level: 7 }]);
  });

  it('writes to groups over both gateways without any room', async () => {
    const ann = await user(east, 'gr-ann');
    const bob = await user(west, 'gr-bob');
    const { groupId } = await ann.client.request('group.create', { name: 'Team' });
    expect(await refused(bob.client.request('group.send', { groupId, text: 'hello' }))).toBe('forbidden');
    await bob.client.request('group.join', { groupId });
    await bob.client.request('group.send', { groupId, text: 'hello' });
    const isHello = (one: TestClient) =>
      one.pushes.some(
        (push) => push.type === 'group' && push.event.type === 'message' && push.event.text === 'hello',
      );
    await eventually(() => isHello(ann) && isHello(bob));
    expect((await ann.client.request('group.members', { groupId })).members).toEqual(['gr-ann', 'gr-bob']);
    const { messages } = await ann.client.request('group.history', { groupId });
    expect(messages.map(({ userId, text }) => [userId, text])).toEqual([['gr-bob', 'hello']]);
  });
});

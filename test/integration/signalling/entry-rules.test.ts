import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RoomId } from '../../../src/domain/ids.ts';
import type { PublishUrlRequest } from '../../../src/domain/publish-request.ts';
import type { RoomMember } from '../../../src/domain/room-event.ts';
import { ALL_RIGHTS, RIGHTS } from '../../../src/domain/ticket-rights.ts';
import { eventually } from '../../support/eventually.ts';
import {
  ACCOUNT_TYPE,
  APP,
  MEETING_WAIT_MS,
  Meeting,
  type MeetingGateway,
  OTHER_APP,
  refused,
} from '../../support/meeting.ts';
import type { TestClient } from '../../support/signal-rig.ts';

const LARGEST_ROOM = 4_294_967_295;
const SMALL = { width: 640, height: 360, fps: 15, bitrateKbps: 600 };
const LARGE = { width: 1920, height: 1080, fps: 30, bitrateKbps: 4000 };
const PUBLISHES = 'publishes';

let meeting: Meeting;
let gateway: MeetingGateway;

beforeAll(async () => {
  meeting = await Meeting.open(1);
  gateway = meeting.gateways[0] as MeetingGateway;
});
afterAll(() => meeting?.close());

/** Over RTMP: `publishes`, or the sentence of the refusal; the stream ends. */
async function overRtmp(
  userId: string,
  room: RoomId,
  change: Partial<PublishUrlRequest> = {},
): Promise<string> {
  const visit = await meeting.publish(gateway, userId, room, change);
  visit.stop();
  return visit.outcome;
}

const changeApp = (settings: object) => meeting.operate(gateway, 'PATCH', `/apps/${APP}`, settings);

/** That user as the others see it. */
function memberOf(watcher: TestClient, userId: string): RoomMember | undefined {
  return watcher.client.room?.members.find((one) => one.userId === userId);
}

describe('a user id', () => {
  it.each([
    ['is not digits only', '20261123'],
    ['has at most 32 bytes', 'a'.repeat(33)],
    ['has letters, digits, underscores and hyphens alone', 'a.b'],
    ['is not empty', ''],
  ])('%s', async (_rule, userId) => {
    expect(await refused(meeting.user(gateway, userId))).toBe('bad-user-id');
    const sentence = /^a user id has 1 to 32 letters, digits, underscores or hyphens, and not digits only$/;
    expect(await overRtmp(userId, meeting.newRoom())).toMatch(sentence);
  });

  it.each(['a', '1a', 'x'.repeat(32), 'with-hyphen', '_'])('may be %s', async (userId) => {
    const room = meeting.newRoom();
    const watcher = await meeting.member(gateway, 'id-watcher', room);
    const one = await meeting.member(gateway, userId, room);
    expect(one.client.room?.members.map((member) => member.userId)).toEqual(['id-watcher', userId]);
    await one.client.request('leave', {});
    await eventually(() => memberOf(watcher, userId) === undefined, MEETING_WAIT_MS);
    expect(await overRtmp(userId, room)).toBe(PUBLISHES);
    await eventually(() => enteredOf(watcher, userId).length === 2, MEETING_WAIT_MS);
    watcher.client.close();
  });
});

/** How the client was told of that user's entries. */
function enteredOf({ pushes }: TestClient, userId: string): RoomMember[] {
  return pushes.flatMap((push) =>
    push.type === 'event' &&
    push.event.body.type === 'member-entered' &&
    push.event.body.member.userId === userId
      ? [push.event.body.member]
      : [],
  );
}

describe('a room id', () => {
  it('is a number that the caller chooses, from 1 to 4294967295', async () => {
    for (const value of [1, LARGEST_ROOM]) {
      const room = { kind: 'number', value } as const;
      const watcher = await meeting.member(gateway, 'r-watcher', room);
      expect(watcher.client.room?.room).toEqual(room);
      expect(await overRtmp('r-ann', room)).toBe(PUBLISHES);
      await eventually(() => enteredOf(watcher, 'r-ann').length === 1, MEETING_WAIT_MS);
      await watcher.client.request('leave', {});
    }
    const ann = await meeting.user(gateway, 'r-bob');
    for (const value of [0, LARGEST_ROOM + 1, -1, 1.5]) {
      const room = { kind: 'number', value } as const;
      expect(await refused(ann.client.request('enter', { room }))).toBe('bad-request');
      expect(await overRtmp('r-ann', room)).toBe('an integer room is a number from 1 to 4294967295');
    }
  });

  it('may be a text of 64 characters, but no longer and of no others', async () => {
    const ann = await meeting.user(gateway, 't-ann');
    for (const value of ['a b!#$%&()+-:;<=.>?@[]^_{}|~,', '4294967296', 'x'.repeat(64)]) {
      const room = { kind: 'string', value } as const;
      await ann.client.request('enter', { room });
      expect(await overRtmp('t-bob', room)).toBe(PUBLISHES);
      await eventually(() => enteredOf(ann, 't-bob').length > 0, MEETING_WAIT_MS);
      ann.pushes.splice(0);
      await ann.client.request('leave', {});
    }
    for (const [value, code] of [
      ['x'.repeat(65), 'bad-request'],
      ['studio/1', 'bad-room-id'],
      ['stüdio', 'bad-room-id'],
    ] as const) {
      const room = { kind: 'string', value } as const;
      expect(await refused(ann.client.request('enter', { room }))).toBe(code);
      expect(await overRtmp('t-bob', room)).toMatch(/^a string room has 1 to 64 /);
    }
  });
});

describe('an account type', () => {
  const sentence = 'the account type is not the one of this app';

  it('is accepted from old clients, checked when sent, needed by none', async () => {
    for (const accountType of [undefined, ACCOUNT_TYPE]) {
      const given = accountType === undefined ? {} : { accountType };
      const ann = await meeting.user(gateway, 'at-ann', { appId: OTHER_APP, ...given });
      expect(ann.client.isOnline).toBe(true);
      expect(await overRtmp('at-bob', meeting.newRoom(), { appId: OTHER_APP, ...given })).toBe(PUBLISHES);
    }
    for (const accountType of [0, ACCOUNT_TYPE + 1]) {
      const given = { appId: OTHER_APP, accountType };
      expect(await refused(meeting.user(gateway, 'at-ann', given))).toBe('forbidden');
      expect(await overRtmp('at-bob', meeting.newRoom(), given)).toBe(sentence);
    }
  });
});

describe('a role name', () => {
  it('is given at entry and changed later; an unknown one is the default at entry, and refused at a switch', async () => {
    await changeApp({
      roles: { host: { default: LARGE, ios: SMALL }, guest: { default: SMALL } },
      defaultRole: 'guest',
    });
    const room = meeting.newRoom();
    const watcher = await meeting.member(gateway, 'n-watcher', room);
    const phone = await meeting.user(gateway, 'n-phone', { terminal: 'ios' });
    const entered = await phone.client.request('enter', { room, roleName: 'host' });
    expect(entered).toMatchObject({ roleName: 'host', encoder: SMALL });
    const desk = await meeting.user(gateway, 'n-desk', { terminal: 'linux' });
    const unknown = await desk.client.request('enter', { room, roleName: 'nobody' });
    expect(unknown).toMatchObject({ roleName: 'guest', encoder: SMALL });
    expect(await refused(desk.client.request('switchRoleName', { roleName: 'nobody' }))).toBe('not-found');
    expect(await desk.client.request('switchRoleName', { roleName: 'host' })).toMatchObject({
      ...{ roleName: 'host', encoder: LARGE },
    });
    await eventually(() => memberOf(watcher, 'n-desk')?.roleName === 'host', MEETING_WAIT_MS);
    expect(enteredOf(watcher, 'n-phone')).toMatchObject([{ roleName: 'host', terminal: 'ios' }]);
    expect(enteredOf(watcher, 'n-desk')).toMatchObject([{ roleName: 'guest', terminal: 'linux' }]);

    // RTMP: given in the URL; what platform it is nobody says.
    expect(await overRtmp('n-rtmp1', room, { roleName: 'host' })).toBe(PUBLISHES);
    expect(await overRtmp('n-rtmp2', room, { roleName: 'nobody' })).toBe(PUBLISHES);
    expect(await overRtmp('n-rtmp3', room)).toBe(PUBLISHES);
    await eventually(() => enteredOf(watcher, 'n-rtmp3').length > 0, MEETING_WAIT_MS);
    const shown = ['n-rtmp1', 'n-rtmp2', 'n-rtmp3'].map((userId) => enteredOf(watcher, userId)[0]);
    expect(shown.map((member) => [member?.roleName, member?.terminal, member?.role])).toEqual([
      ['host', 'other', 'anchor'],
      ['guest', 'other', 'anchor'],
      ['guest', 'other', 'anchor'],
    ]);
  });

  it('of who publishes over RTMP for a member that came by WebSocket stays the one of the member', async () => {
    await changeApp({ roles: { host: { default: LARGE }, guest: { default: SMALL } } });
    const room = meeting.newRoom();
    const ann = await meeting.user(gateway, 'm-ann', { terminal: 'android' });
    await ann.client.request('enter', { room, roleName: 'host' });
    const visit = await meeting.publish(gateway, 'm-ann', room, { roleName: 'guest' });
    expect(visit.outcome).toBe(PUBLISHES);
    await eventually(() => memberOf(ann, 'm-ann')?.streams.length === 1, MEETING_WAIT_MS);
    expect(memberOf(ann, 'm-ann')).toMatchObject({ roleName: 'host', terminal: 'android', order: 1 });
    visit.stop();
  });

  it('has settings that apply from the next login or RTMP connection, and not before', async () => {
    await changeApp({ roles: { host: { default: LARGE } }, defaultRole: 'host' });
    const room = meeting.newRoom();
    const early = await meeting.user(gateway, 's-early');
    await changeApp({ roles: { host: { default: SMALL }, extra: { default: SMALL } }, defaultRole: 'extra' });
    const late = await meeting.user(gateway, 's-late');
    expect(await early.client.request('enter', { room })).toMatchObject({ roleName: 'host', encoder: LARGE });
    expect(await refused(early.client.request('switchRoleName', { roleName: 'extra' }))).toBe('not-found');
    expect(await early.client.request('publish', { kind: 'main' })).toMatchObject({ encoder: LARGE });
    expect(await late.client.request('enter', { room })).toMatchObject({ roleName: 'extra', encoder: SMALL });
    expect(await late.client.request('switchRoleName', { roleName: 'host' })).toMatchObject({
      encoder: SMALL,
    });

    const before = await meeting.publish(gateway, 's-rtmp', room);
    expect(before.outcome).toBe(PUBLISHES);
    await eventually(() => memberOf(late, 's-rtmp')?.roleName === 'extra', MEETING_WAIT_MS);
    await changeApp({ defaultRole: 'host' });
    expect(await overRtmp('s-rtmp2', room)).toBe(PUBLISHES);
    await eventually(() => enteredOf(late, 's-rtmp2').length > 0, MEETING_WAIT_MS);
    expect(enteredOf(late, 's-rtmp2')[0]?.roleName).toBe('host');
    expect(memberOf(late, 's-rtmp')?.roleName).toBe('extra');
    before.stop();
    await changeApp({ roles: null, defaultRole: null });
  });
});

describe('a PrivateMapKey', () => {
  const ENTER = RIGHTS.create | RIGHTS.enter;
  const RECEIVE = RIGHTS.receiveAudio | RIGHTS.receiveVideo;
  const none = 'this app asks for a PrivateMapKey, and none was given';

  it('is required when the app says so, checked at entry and at a switch of role', async () => {
    const room = meeting.newRoom();
    const before = await meeting.member(gateway, 'k-before', room);
    await changeApp({ privateMapKeyRequired: true });
    // Who is in the room already stays as it is.
    await before.client.request('switchRole', { role: 'audience' });
    const ann = await meeting.user(gateway, 'k-ann');
    expect(await refused(ann.client.request('enter', { room }))).toBe('ticket-invalid');
    expect(await overRtmp('k-rtmp', room)).toBe(none);
    const key = (rights: number) => meeting.keyOf('k-ann', room, rights);
    const forAnother = meeting.keyOf('k-bob', room, ALL_RIGHTS);
    const elsewhere = meeting.keyOf('k-ann', meeting.newRoom(), ALL_RIGHTS);
    const past = meeting.keyOf('k-ann', room, ALL_RIGHTS, -1);
    for (const [privateMapKey, code, sentence] of [
      [forAnother, 'ticket-invalid', /another user/],
      [elsewhere, 'ticket-invalid', /for another room/],
      [past, 'ticket-expired', /has expired/],
      [key(ALL_RIGHTS & ~RIGHTS.enter), 'forbidden', /does not allow to enter the room/],
    ] as const) {
      expect(await refused(ann.client.request('enter', { room, privateMapKey }))).toBe(code);
      expect(await overRtmp('k-ann', room, { privateMapKey })).toMatch(sentence);
    }
    await ann.client.request('enter', { room, role: 'audience', privateMapKey: key(ENTER | RECEIVE) });
    expect(await refused(ann.client.request('switchRole', { role: 'anchor' }))).toBe('forbidden');
    const weak = { role: 'anchor', privateMapKey: key(RIGHTS.enter) } as const;
    expect(await refused(ann.client.request('switchRole', weak))).toBe('forbidden');
    await ann.client.request('switchRole', { role: 'anchor', privateMapKey: key(ENTER | RIGHTS.sendAudio) });
    expect(
      await overRtmp('k-rtmp', room, {
        privateMapKey: meeting.keyOf('k-rtmp', room, ENTER | RIGHTS.sendVideo),
      }),
    ).toBe(PUBLISHES);
    const receivesOnly = { privateMapKey: meeting.keyOf('k-rtmp', room, ENTER | RECEIVE) };
    expect(await overRtmp('k-rtmp', room, receivesOnly)).toMatch(/does not allow to send audio or video/);
    await changeApp({ privateMapKeyRequired: null });
  });

  it('gives the right to make the room, or only to enter one that is there', async () => {
    const room = meeting.newRoom();
    const ann = await meeting.user(gateway, 'w-ann');
    const noCreate = ALL_RIGHTS & ~RIGHTS.create;
    const enter = (rights: number) =>
      ann.client.request('enter', { room, privateMapKey: meeting.keyOf('w-ann', room, rights) });
    const publish = () => overRtmp('w-bob', room, { privateMapKey: meeting.keyOf('w-bob', room, noCreate) });
    expect(await refused(enter(noCreate))).toBe('forbidden');
    expect(await publish()).toMatch(/the room does not exist and the ticket does not allow to create it/);
    await enter(ALL_RIGHTS);
    expect(await publish()).toBe(PUBLISHES);
  });

  it('whose end comes is told before and at it, and what is begun then needs a new one', async () => {
    const room = meeting.newRoom();
    const ann = await meeting.user(gateway, 'x-ann');
    const whole = () => ({ privateMapKey: meeting.keyOf('x-ann', room, ALL_RIGHTS) });
    await ann.client.request('enter', { room, ...whole() });
    const rtmpEndsAt = Date.now() + 10_000;
    const short = { privateMapKey: meeting.keyOf('x-ann', room, ALL_RIGHTS, 10) };
    const visit = await meeting.publish(gateway, 'x-ann', room, short);
    expect(visit.outcome).toBe(PUBLISHES);
    await ann.client.request('renewTicket', { privateMapKey: meeting.keyOf('x-ann', room, ALL_RIGHTS, 9) });
    const notices = () => ann.pushes.flatMap((push) => (push.type === 'notice' ? [push.notice] : []));
    await eventually(() => notices().length === 2, MEETING_WAIT_MS);
    expect(notices()).toEqual(['ticket-expiring', 'ticket-expired']);
    expect(await refused(ann.client.request('publish', { kind: 'main' }))).toBe('ticket-expired');
    expect(await refused(ann.client.request('switchRole', { role: 'anchor' }))).toBe('ticket-expired');
    await eventually(() => Date.now() > rtmpEndsAt, MEETING_WAIT_MS);
    expect(await overRtmp('x-ann', room, { ...short, kind: 'aux' })).toMatch(/has expired/);
    // What is on the air goes on.
    expect(visit.isClosed()).toBe(false);
    expect(memberOf(ann, 'x-ann')?.streams).toHaveLength(1);
    await ann.client.request('renewTicket', whole());
    await ann.client.request('publish', { kind: 'main' });
    expect(await overRtmp('x-ann', room, { ...whole(), kind: 'aux' })).toBe(PUBLISHES);
    visit.stop();
  });
});

it('nobody enters a room under the name of its mix, over WebSocket or RTMP', async () => {
  const room = meeting.newRoom();
  const relay = {
    sdkAppId: APP,
    room: room.value,
    agentUserId: 'The-Mix',
    targets: ['rtmp://127.0.0.1:1/live/key'],
  };
  const { taskId } = await meeting.operate<{ taskId: string }>(gateway, 'POST', '/relays', relay);
  const mix = await meeting.user(gateway, 'the-mix');
  // The gateway hears of it soon.
  await eventually(async () => {
    const said = await refused(mix.client.request('enter', { room }));
    if (said === 'it was done') await mix.client.request('leave', {});
    return said === 'conflict';
  }, MEETING_WAIT_MS);
  expect(await overRtmp('the-mix', room)).toBe('this user name belongs to a mix');
  await mix.client.request('enter', { room: meeting.newRoom() });
  await meeting.operate(gateway, 'DELETE', `/relays/${taskId}`);
});

it('what users do over WebSocket is counted in /metrics, which names none of them', async () => {
  const metrics = async () => (await fetch(`${gateway.http}/metrics`)).text();
  const figure = async (name: string) =>
    Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await metrics())?.[1] ?? 0);
  const REFUSED = 'roomcast_signal_logins_refused_total\\{code="sig-mismatch"\\}';
  const RESUMED = 'roomcast_signal_resumes_total\\{outcome="hit"\\}';
  const BROKEN = 'roomcast_signal_closes_total\\{by="client",code="1006"\\}';
  const KICKED = 'roomcast_signal_closes_total\\{by="gateway",code="4010"\\}';
  const names = [REFUSED, RESUMED, BROKEN, KICKED];
  const before = await Promise.all(names.map(figure));
  const other = meeting.sigOf('metric-bob');
  expect(await refused(meeting.user(gateway, 'metric-ann', { userSig: () => other }))).toBe('sig-mismatch');
  const ann = await meeting.member(gateway, 'metric-ann');
  ann.cut();
  await eventually(
    () => ann.client.isOnline && ann.client.room?.members[0]?.isLost === false,
    MEETING_WAIT_MS,
  );
  await eventually(async () => (await figure(RESUMED)) === (before[1] ?? 0) + 1, MEETING_WAIT_MS);
  await ann.client.request('media', { audio: true, video: true, screen: false });
  const again = await meeting.user(gateway, 'metric-ann');
  await eventually(() => ann.ended.length > 0, MEETING_WAIT_MS);
  await eventually(async () => {
    const grown = await Promise.all(names.map(async (name, at) => (await figure(name)) - (before[at] ?? 0)));
    expect(grown).toEqual([1, 1, 1, 1]);
    return true;
  }, MEETING_WAIT_MS);
  expect(await figure('roomcast_signal_sessions')).toBeGreaterThanOrEqual(1);
  expect(await figure('roomcast_signal_messages_in_total')).toBeGreaterThan(4);
  expect(await figure('roomcast_signal_messages_out_total')).toBeGreaterThan(4);
  expect(await figure('roomcast_signal_event_delay_seconds_count')).toBeGreaterThan(0);
  expect(await metrics()).not.toContain('metric-ann');
  again.client.close();
});

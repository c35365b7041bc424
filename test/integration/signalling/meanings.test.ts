import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLOSE } from '../../../src/signalling/close-codes.ts';
import { makeFlv } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import {
  APP,
  Meeting,
  type MeetingGateway,
  OTHER_APP,
  reasonsOf,
  refused,
  usersAre,
  usersOf,
  MEETING_WAIT_MS as WAIT_MS,
} from '../../support/meeting.ts';
import { makeTestDir } from '../../support/roomcast.ts';

const GRACE_SECONDS = 4;
const OF_APP = `?sdkAppId=${APP}`;

describe('the meanings, at two gateways', () => {
  let meeting: Meeting;
  let east: MeetingGateway;
  let west: MeetingGateway;
  let clip: string;

  beforeAll(async () => {
    meeting = await Meeting.open(2, { ROOMCAST_LOST_USER_GRACE_SECONDS: String(GRACE_SECONDS) });
    [east, west] = meeting.gateways as [MeetingGateway, MeetingGateway];
    const dir = await makeTestDir('meanings');
    clip = await makeFlv({ dir, name: 'camera', seconds: 2, size: '320x180', fps: 15 });
  });

  afterAll(() => meeting?.close());

  it('entering a room that does not exist creates it, and who creates it owns it', async () => {
    const room = meeting.newRoom();
    const ann = await meeting.member(east, 'c-ann', room);
    const bob = await meeting.member(west, 'c-bob', room);
    expect(bob.client.room).toMatchObject({ room, ownerUserId: 'c-ann' });
    await usersAre(ann, 'c-ann', 'c-bob');
    await usersAre(bob, 'c-ann', 'c-bob');
  });

  it('no user can close a room; it is closed when all have left, and the next one is a new room', async () => {
    const room = meeting.newRoom();
    const ann = await meeting.member(east, 'x-ann', room);
    const bob = await meeting.member(west, 'x-bob', room);
    await ann.client.request('leave', {});
    await usersAre(bob, 'x-bob');
    expect(reasonsOf(bob)).toEqual(['x-ann: normal']);
    await bob.client.request('leave', {});
    await bob.client.request('enter', { room });
    expect(bob.client.room).toMatchObject({ ownerUserId: 'x-bob', members: [{ order: 1 }] });
  });

  it('a user is in one room at a time and enters another only after leaving the first', async () => {
    const ann = await meeting.member(east, 'o-ann');
    const other = meeting.newRoom();
    expect(await refused(ann.client.request('enter', { room: other }))).toBe('conflict');
    await ann.client.request('leave', {});
    await ann.client.request('enter', { room: other });
    expect(ann.client.room?.room).toEqual(other);
  });

  it('a room of a number and one of the same digits as text are two rooms', async () => {
    const room = meeting.newRoom();
    const ann = await meeting.member(east, 'd-ann', room);
    const bob = await meeting.user(east, 'd-bob');
    await bob.client.request('enter', { room: { kind: 'string', value: String(room.value) } });
    expect(usersOf(bob)).toEqual(['d-bob']);
    expect(usersOf(ann)).toEqual(['d-ann']);
  });

  it('Alice and alice are one user, shown as first written: the second device kicks the first', async () => {
    const room = meeting.newRoom();
    const watcher = await meeting.member(west, 'a-watcher', room);
    const first = await meeting.member(east, 'Alice', room);
    await usersAre(watcher, 'a-watcher', 'Alice');
    const second = await meeting.user(west, 'alice');
    expect(await first.told('kicked')).toEqual({ type: 'kicked', reason: 'another-device' });
    await eventually(() => first.ended.length > 0, WAIT_MS);
    expect(first.ended[0]?.code).toBe(CLOSE.anotherDevice);
    await second.client.request('enter', { room });
    await usersAre(watcher, 'a-watcher', 'Alice');
    expect(reasonsOf(watcher)).toEqual([]);
    await second.client.request('leave', {});
    await usersAre(watcher, 'a-watcher');
    expect(reasonsOf(watcher)).toEqual(['Alice: normal']);
  });

  it('a second device that enters another room takes its user out of the first', async () => {
    const room = meeting.newRoom();
    const watcher = await meeting.member(west, 's-watcher', room);
    await meeting.member(east, 's-ann', room);
    await usersAre(watcher, 's-watcher', 's-ann');
    const second = await meeting.member(west, 's-ann');
    await usersAre(watcher, 's-watcher');
    // Its first device is lost since the kick, or not known to be yet.
    expect(reasonsOf(watcher)).toEqual([expect.stringMatching(/^s-ann: (another-device|moved)$/)]);
    expect(usersOf(second)).toEqual(['s-ann']);
  });

  it('a user lost without a leave is removed when its grace is over', async () => {
    const room = meeting.newRoom();
    const ann = await meeting.member(east, 'l-ann', room);
    const bob = await meeting.member(west, 'l-bob', room);
    await usersAre(ann, 'l-ann', 'l-bob');
    bob.client.close();
    await usersAre(ann, 'l-ann', 'l-bob (lost)');
    await usersAre(ann, 'l-ann');
    expect(reasonsOf(ann)).toEqual(['l-bob: timeout']);
  });

  it('a user who comes back within its grace goes on in the room with what it missed', async () => {
    const room = meeting.newRoom();
    const ann = await meeting.member(east, 'b-ann', room);
    const bob = await meeting.member(west, 'b-bob', room);
    bob.cut();
    await ann.client.request('media', { audio: true, video: false, screen: false });
    await usersAre(bob, 'b-ann', 'b-bob');
    await eventually(() => bob.client.room?.seq === ann.client.room?.seq && bob.client.isOnline, WAIT_MS);
    expect(bob.client.room).toEqual(ann.client.room);
    expect(reasonsOf(ann)).toEqual([]);
  });

  it('nothing of one app is seen or touched from another: rooms, users, streams, lists', async () => {
    const room = meeting.newRoom();
    const ann = await meeting.member(east, 'i-ann', room);
    const double = await meeting.user(east, 'i-ann', { appId: OTHER_APP });
    await double.client.request('enter', { room });
    expect(usersOf(double)).toEqual(['i-ann']);
    await double.client.request('media', { audio: true, video: true, screen: true });
    const { streamId } = await ann.client.request('publish', { kind: 'main' });
    expect(await refused(double.client.request('play', { streamId }))).toBe('not-found');
    await double.client.request('leave', {});
    await ann.client.request('media', { audio: false, video: true, screen: false });
    await eventually(() => ann.client.room?.members[0]?.media.video, WAIT_MS);
    const heard = ann.pushes.flatMap((push) => (push.type === 'event' ? [push.event.body.type] : []));
    expect(heard).toEqual(['member-changed']);
    expect(ann.ended).toEqual([]);
  });

  it('who publishes over RTMP and came by WebSocket is one user, whose leave ends the stream', async () => {
    const room = meeting.newRoom();
    const watcher = await meeting.member(west, 'p-watcher', room);
    const ann = await meeting.member(east, 'p-ann', room);
    const publisher = await meeting.publishClip(ann, 'p-ann', clip);
    const annOf = () => watcher.client.room?.members.find(({ userId }) => userId === 'p-ann');
    await eventually(() => annOf()?.streams.length === 1, WAIT_MS);
    expect(usersOf(watcher)).toEqual(['p-watcher', 'p-ann']);
    const streamId = annOf()?.streams[0]?.streamId ?? '';
    const { flv } = await watcher.client.request('play', { streamId });
    const response = await fetch(flv, { signal: AbortSignal.timeout(WAIT_MS) });
    expect(response.status).toBe(200);
    await response.body?.cancel();
    expect(await refused(watcher.client.request('play', { streamId: `${APP}_1_p-ann_main` }))).toBe(
      'not-found',
    );
    ann.client.close();
    await new Promise((resolve) => setTimeout(resolve, GRACE_SECONDS * 1000));
    expect(usersOf(watcher)).toEqual(['p-watcher', 'p-ann']);
    const again = await meeting.user(east, 'p-ann');
    await again.client.request('enter', { room });
    await again.client.request('leave', {});
    await usersAre(watcher, 'p-watcher');
    await eventually(() => publisher.child.exitCode !== null, WAIT_MS);
  });

  it('audience cannot publish: not by RTMP either, and an anchor that becomes audience is off the air', async () => {
    const room = meeting.newRoom();
    const ann = await meeting.member(east, 'u-ann', room);
    await meeting.publishClip(ann, 'u-ann', clip);
    await eventually(() => ann.client.room?.members[0]?.streams.length === 1, WAIT_MS);
    const { rtmpUrl } = await ann.client.request('publish', { kind: 'main' });
    await ann.client.request('switchRole', { role: 'audience' });
    await eventually(() => ann.client.room?.members[0]?.streams.length === 0, WAIT_MS);
    expect(await refused(ann.client.request('publish', { kind: 'main' }))).toBe('forbidden');
    const again = meeting.publishClipTo(`${rtmpUrl}&usersig=${meeting.sigOf('u-ann')}`, clip);
    await eventually(() => again.child.exitCode !== null, WAIT_MS);
    expect(ann.client.room?.members).toMatchObject([{ userId: 'u-ann', role: 'audience', streams: [] }]);
  });

  it('publishing by RTMP creates the room, owns it, and ends it with the last who leaves', async () => {
    const room = meeting.newRoom();
    const ann = await meeting.publish(west, 'v-ann', room);
    expect(ann.outcome).toBe('publishes');
    const bob = await meeting.member(east, 'v-bob', room);
    expect(bob.client.room?.ownerUserId).toBe('v-ann');
    expect(usersOf(bob)).toEqual(['v-ann', 'v-bob']);
    ann.stop();
    await usersAre(bob, 'v-bob');
    expect(reasonsOf(bob)).toEqual(['v-ann: normal']);
    expect(bob.client.room?.ownerUserId).toBe('v-ann');
    await bob.client.request('leave', {});
    const next = await meeting.publish(east, 'v-eve', room);
    await bob.client.request('enter', { room });
    expect(bob.client.room).toMatchObject({ ownerUserId: 'v-eve' });
    next.stop();
    await usersAre(bob, 'v-bob');
  });

  it('who publishes by RTMP is in one room at a time too, at whatever gateway and however it came', async () => {
    const [room, other] = [meeting.newRoom(), meeting.newRoom()];
    const inRoom = `the user is in room ${room.value}; leave it first`;
    const camera = await meeting.publish(east, 'w-ann', room);
    const screen = await meeting.publish(west, 'W-ANN', room, { kind: 'aux' });
    expect([camera.outcome, screen.outcome]).toEqual(['publishes', 'publishes']);
    expect((await meeting.publish(west, 'w-ann', other)).outcome).toBe(inRoom);
    const device = await meeting.user(west, 'w-ann');
    expect(await refused(device.client.request('enter', { room: other }))).toBe('conflict');
    await device.client.request('enter', { room });
    // One user of two streams and a device, shown as first written.
    const [member, ...more] = device.client.room?.members ?? [];
    expect([member?.userId, member?.streams.map(({ kind }) => kind).sort(), more]).toEqual([
      ...['w-ann', ['aux', 'main'], []],
    ]);
    await device.client.request('leave', {});
    await eventually(() => camera.isClosed() && screen.isClosed(), WAIT_MS);
    const moved = await meeting.publish(east, 'w-ann', other);
    expect(moved.outcome).toBe('publishes');
    moved.stop();
  });

  it('the same stream published by RTMP from a second place ends the first, and its user stays who it is', async () => {
    const room = meeting.newRoom();
    const watcher = await meeting.member(east, 'y-watcher', room);
    const first = await meeting.publish(east, 'Y-Ann', room);
    const isOn = () => watcher.client.room?.members[1]?.streams.length === 1;
    await eventually(isOn, WAIT_MS);
    const second = await meeting.publish(west, 'y-ann', room);
    expect(second.outcome).toBe('publishes');
    await eventually(() => first.isClosed(), WAIT_MS);
    const third = await meeting.publish(west, 'Y-ANN', room);
    await eventually(() => second.isClosed(), WAIT_MS);
    expect(third.isClosed()).toBe(false);
    await eventually(isOn, WAIT_MS);
    expect(usersOf(watcher)).toEqual(['y-watcher', 'Y-Ann']);
    expect(reasonsOf(watcher)).toEqual([]);
    third.stop();
    await usersAre(watcher, 'y-watcher');
  });

  it('who is lost over RTMP is removed after the grace, and who publishes within it was never gone', async () => {
    const room = meeting.newRoom();
    const watcher = await meeting.member(east, 'z-watcher', room);
    (await meeting.publish(west, 'z-ann', room)).cut();
    await usersAre(watcher, 'z-watcher', 'z-ann (lost)');
    const back = await meeting.publish(east, 'z-ann', room);
    await usersAre(watcher, 'z-watcher', 'z-ann');
    expect(reasonsOf(watcher)).toEqual([]);
    back.cut();
    await usersAre(watcher, 'z-watcher', 'z-ann (lost)');
    await usersAre(watcher, 'z-watcher');
    expect(reasonsOf(watcher)).toEqual(['z-ann: timeout']);
  });

  it('a room whose users were all lost closes after the same grace', async () => {
    const room = meeting.newRoom();
    const ann = await meeting.member(east, 'q-ann', room);
    const bob = await meeting.publish(west, 'q-bob', room);
    await usersAre(ann, 'q-ann', 'q-bob');
    ann.client.close();
    bob.cut();
    const listed = async () =>
      (await meeting.operate<{ room: number }[]>(east, 'GET', '/rooms')).map((one) => one.room);
    expect(await listed()).toContain(room.value);
    await eventually(async () => !(await listed()).includes(room.value), WAIT_MS);
    const eve = await meeting.member(west, 'q-eve', room);
    expect(eve.client.room).toMatchObject({ ownerUserId: 'q-eve', members: [{ order: 1 }] });
  });

  it('the same user, room and stream of two apps over RTMP are two of everything', async () => {
    const room = meeting.newRoom();
    const text = { kind: 'string', value: String(room.value) } as const;
    const ann = await meeting.member(east, 'j-watcher', room);
    const mine = await meeting.publish(east, 'j-ann', room);
    const theirs = await meeting.publish(east, 'j-ann', room, { appId: OTHER_APP });
    expect((await meeting.publish(east, 'j-text', text)).outcome).toBe('publishes');
    await usersAre(ann, 'j-watcher', 'j-ann');
    theirs.stop();
    await meeting.operate(west, 'POST', `/rooms/${room.value}/remove?sdkAppId=${APP}`, {
      userIds: ['j-ann'],
    });
    await usersAre(ann, 'j-watcher');
    expect(reasonsOf(ann)).toEqual(['j-ann: removed']);
    await eventually(() => mine.isClosed(), WAIT_MS);
    const heard = ann.pushes.flatMap((push) => (push.type === 'event' ? [push.event.body.type] : []));
    expect(heard).toEqual(['member-entered', 'member-left']);
  });

  it('the server dismisses a room: everybody in it is told why and out, over WebSocket and RTMP', async () => {
    const room = meeting.newRoom();
    const ann = await meeting.member(east, 'dm-ann', room);
    const bob = await meeting.publish(west, 'dm-bob', room);
    const elsewhere = await meeting.member(west, 'dm-else');
    await usersAre(ann, 'dm-ann', 'dm-bob');
    await meeting.operate(west, 'DELETE', `/rooms/${room.value}${OF_APP}`);
    expect(await ann.told('kicked')).toEqual({ type: 'kicked', reason: 'dismissed' });
    await eventually(() => ann.ended.length > 0 && bob.isClosed(), WAIT_MS);
    expect(ann.ended[0]).toMatchObject({ code: CLOSE.removed, reason: 'dismissed' });
    expect(elsewhere.client.isOnline).toBe(true);
    const again = await meeting.member(west, 'dm-ann', room);
    expect(again.client.room).toMatchObject({ ownerUserId: 'dm-ann', members: [{ order: 1 }] });
  });

  it('the server removes a user: it is told why and out, the others stay, and it may enter again', async () => {
    const room = meeting.newRoom();
    const ann = await meeting.member(east, 'rm-ann', room);
    const bob = await meeting.member(west, 'rm-bob', room);
    const camera = await meeting.publish(east, 'rm-bob', room);
    await eventually(() => ann.client.room?.members[1]?.streams.length === 1, WAIT_MS);
    await meeting.operate(east, 'POST', `/rooms/${room.value}/remove${OF_APP}`, { userIds: ['RM-BOB'] });
    expect(await bob.told('kicked')).toEqual({ type: 'kicked', reason: 'removed' });
    await eventually(() => bob.ended.length > 0 && camera.isClosed(), WAIT_MS);
    expect(bob.ended[0]).toMatchObject({ code: CLOSE.removed, reason: 'removed' });
    await usersAre(ann, 'rm-ann');
    expect(reasonsOf(ann)).toEqual(['rm-bob: removed']);
    await meeting.member(west, 'rm-bob', room);
    await usersAre(ann, 'rm-ann', 'rm-bob');
  });

  it('the server blocks audio, video or both of a user: all are told, and who is blocked whole is told not to publish', async () => {
    const room = meeting.newRoom();
    const ann = await meeting.member(east, 'bl-ann', room);
    const bob = await meeting.member(west, 'bl-bob', room);
    const block = (audio: boolean, video: boolean) =>
      meeting.operate(west, 'PUT', `/rooms/${room.value}/users/BL-ANN/blocked${OF_APP}`, { audio, video });
    for (const blocked of [
      { audio: true, video: false },
      { audio: false, video: true },
      { audio: true, video: true },
    ]) {
      await block(blocked.audio, blocked.video);
      for (const { client } of [ann, bob]) {
        await eventually(() => {
          expect(client.room?.members[0]?.blocked).toEqual(blocked);
          return true;
        }, WAIT_MS);
      }
    }
    expect(await refused(ann.client.request('publish', { kind: 'main' }))).toBe('forbidden');
    await block(false, false);
    await ann.client.request('publish', { kind: 'main' });
    expect(ann.ended).toEqual([]);
  });

  it('groups are independent of rooms: who is in none writes, and who leaves or is removed from one stays', async () => {
    const room = meeting.newRoom();
    const ann = await meeting.user(east, 'g-ann');
    const bob = await meeting.member(west, 'g-bob', room);
    const { groupId } = await ann.client.request('group.create', { name: 'Crew', historySize: 3 });
    await bob.client.request('group.join', { groupId });
    const say = (one: typeof ann, text: string) => one.client.request('group.send', { groupId, text });
    const textsOf = (one: typeof ann) =>
      one.pushes.flatMap((push) =>
        push.type === 'group' && push.event.type === 'message' ? [push.event.text] : [],
      );
    await say(ann, 'in no room');
    await bob.client.request('leave', {});
    await say(bob, 'left the room');
    await bob.client.request('enter', { room: meeting.newRoom() });
    await say(bob, 'in another room');
    // The end of its room's session is not the end of its membership.
    const number = bob.client.room?.room.value;
    await meeting.operate(east, 'DELETE', `/rooms/${number}${OF_APP}`);
    await eventually(() => bob.ended.length > 0, WAIT_MS);
    await say(ann, 'bob is away');
    const back = await meeting.user(east, 'g-bob');
    await say(back, 'bob is back');
    const all = ['in no room', 'left the room', 'in another room', 'bob is away', 'bob is back'];
    await eventually(() => textsOf(ann).length === all.length, WAIT_MS);
    expect(textsOf(ann)).toEqual(all);
    expect((await ann.client.request('group.members', { groupId })).members).toEqual(['g-ann', 'g-bob']);
    expect(ann.client.room).toBeNull();
    const historyOf = async (count?: number) =>
      (await back.client.request('group.history', { groupId, ...(count && { count }) })).messages.map(
        ({ text }) => text,
      );
    expect(await historyOf()).toEqual(all.slice(-3));
    expect(await historyOf(2)).toEqual(all.slice(-2));
    // Of another app nobody knows that group, or touches it by its id.
    const double = await meeting.user(west, 'g-ann', { appId: OTHER_APP });
    expect(await refused(double.client.request('group.join', { groupId }))).toBe('not-found');
    await double.client.request('group.create', { groupId });
    await double.client.request('group.leave', { groupId });
    expect(await historyOf()).toEqual(all.slice(-3));
    await ann.client.request('group.leave', { groupId });
    expect(await refused(say(ann, 'not any more'))).toBe('forbidden');
    await say(back, 'alone');
    await back.client.request('group.leave', { groupId });
    expect(await refused(back.client.request('group.join', { groupId }))).toBe('not-found');
  });

  it('a gateway that died takes the presence of its users with it', async () => {
    const room = meeting.newRoom();
    const ann = await meeting.member(east, 'f-ann', room);
    const bob = await meeting.member(west, 'f-bob', room);
    const camera = await meeting.publish(west, 'f-eve', room);
    expect(camera.outcome).toBe('publishes');
    await usersAre(ann, 'f-ann', 'f-bob', 'f-eve');
    bob.client.on('offline', () => bob.client.close());
    await west.end('SIGKILL');
    await usersAre(ann, 'f-ann');
    expect(reasonsOf(ann)).toHaveLength(2);
  });
});

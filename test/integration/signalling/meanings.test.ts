import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toGatewayError } from '../../../src/domain/errors.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { signUserSig } from '../../../src/identity/user-sig.ts';
import { CLOSE } from '../../../src/signalling/close-codes.ts';
import { makeFlv } from '../../support/clip.ts';
import { Cluster, type Role } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { type Publisher, startPublisher } from '../../support/publisher.ts';
import { makeTestDir, type RunningRoomcast } from '../../support/roomcast.ts';
import { logIn, type TestClient } from '../../support/signal-rig.ts';

const APP = 1400000001;
const OTHER_APP = 1400000002;
const KEYS: Record<number, string> = { [APP]: 'a'.repeat(64), [OTHER_APP]: 'b'.repeat(64) };
const WAIT_MS = 60_000;
const GRACE_SECONDS = 3;

function sigOf(appId: number, userId: string): string {
  const secretKey = new Secret(KEYS[appId] ?? '');
  return signUserSig({ secretKey, sdkAppId: appId, userId, expireSeconds: 600, nowMs: Date.now() });
}

const refused = (asked: Promise<unknown>) =>
  asked.then(
    () => 'it was done',
    (error: unknown) => toGatewayError(error).code,
  );

/** Of each user of the client's room: how it is written, and whether it is lost. */
function usersOf({ client }: TestClient): string[] {
  return (client.room?.members ?? []).map(({ userId, isLost }) => userId + (isLost ? ' (lost)' : ''));
}

function reasonsOf({ pushes }: TestClient): string[] {
  return pushes.flatMap((push) =>
    push.type === 'event' && push.event.body.type === 'member-left'
      ? [`${push.event.body.userId}: ${push.event.body.reason}`]
      : [],
  );
}

describe('the meanings, at two gateways', () => {
  const opened: TestClient[] = [];
  const publishers: Publisher[] = [];
  let cluster: Cluster;
  let east: RunningRoomcast & Role;
  let west: RunningRoomcast & Role;
  let clip: string;
  let nextRoom = 100;

  beforeAll(async () => {
    const dataDir = await makeTestDir('apps');
    const app = (sdkAppId: number) => ({
      sdkAppId,
      name: `app ${sdkAppId}`,
      secretKey: KEYS[sdkAppId],
      apiKeys: [],
    });
    await mkdir(dataDir, { recursive: true });
    const apps = { apps: [app(APP), app(OTHER_APP)], adminToken: 'a token of this test only' };
    await writeFile(path.join(dataDir, 'apps.json'), JSON.stringify(apps), { mode: 0o600 });
    cluster = await Cluster.open({ ROOMCAST_LOST_USER_GRACE_SECONDS: String(GRACE_SECONDS) });
    east = await cluster.startGateway(dataDir);
    west = await cluster.startGateway();
    clip = await makeFlv({ dir: dataDir, name: 'camera', seconds: 2, size: '320x180', fps: 15 });
  });

  afterAll(async () => {
    for (const { client } of opened) client.close();
    await Promise.all(publishers.map((publisher) => publisher.kill()));
    await cluster.close();
  });

  const newRoom = () => {
    nextRoom += 1;
    return { kind: 'number', value: nextRoom } as const;
  };

  async function user(gateway: RunningRoomcast, name: string, appId = APP): Promise<TestClient> {
    const url = `${gateway.http.replace('http', 'ws')}/ws`;
    const made = await logIn(url, { user: name, appId, userSig: () => sigOf(appId, name) });
    opened.push(made);
    return made;
  }

  async function member(gateway: RunningRoomcast, name: string, room = newRoom()): Promise<TestClient> {
    const made = await user(gateway, name);
    await made.client.request('enter', { room });
    return made;
  }

  /** Publishes as the server told this member to. */
  async function publish({ client }: TestClient, name: string): Promise<Publisher> {
    const { rtmpUrl } = await client.request('publish', { kind: 'main' });
    const publisher = startPublisher(`${rtmpUrl}&usersig=${sigOf(APP, name)}`, clip);
    publishers.push(publisher);
    return publisher;
  }

  const usersAre = (client: TestClient, ...users: string[]) =>
    eventually(() => usersOf(client).join() === users.join(), WAIT_MS);

  it('entering a room that does not exist creates it, and who creates it owns it', async () => {
    const room = newRoom();
    const ann = await member(east, 'c-ann', room);
    const bob = await member(west, 'c-bob', room);
    expect(bob.client.room).toMatchObject({ room, ownerUserId: 'c-ann' });
    await usersAre(ann, 'c-ann', 'c-bob');
    await usersAre(bob, 'c-ann', 'c-bob');
  });

  it('no user can close a room; it is closed when all have left, and the next one is a new room', async () => {
    const room = newRoom();
    const ann = await member(east, 'x-ann', room);
    const bob = await member(west, 'x-bob', room);
    await ann.client.request('leave', {});
    await usersAre(bob, 'x-bob');
    expect(reasonsOf(bob)).toEqual(['x-ann: normal']);
    await bob.client.request('leave', {});
    await bob.client.request('enter', { room });
    expect(bob.client.room).toMatchObject({ ownerUserId: 'x-bob', members: [{ order: 1 }] });
  });

  it('a user is in one room at a time and enters another only after leaving the first', async () => {
    const ann = await member(east, 'o-ann');
    const other = newRoom();
    expect(await refused(ann.client.request('enter', { room: other }))).toBe('conflict');
    await ann.client.request('leave', {});
    await ann.client.request('enter', { room: other });
    expect(ann.client.room?.room).toEqual(other);
  });

  it('a room of a number and one of the same digits as text are two rooms', async () => {
    const room = newRoom();
    const ann = await member(east, 'd-ann', room);
    const bob = await user(east, 'd-bob');
    await bob.client.request('enter', { room: { kind: 'string', value: String(room.value) } });
    expect(usersOf(bob)).toEqual(['d-bob']);
    expect(usersOf(ann)).toEqual(['d-ann']);
  });

  it('Alice and alice are one user, shown as first written: the second device kicks the first', async () => {
    const room = newRoom();
    const watcher = await member(west, 'a-watcher', room);
    const first = await member(east, 'Alice', room);
    await usersAre(watcher, 'a-watcher', 'Alice');
    const second = await user(west, 'alice');
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
    const room = newRoom();
    const watcher = await member(west, 's-watcher', room);
    await member(east, 's-ann', room);
    await usersAre(watcher, 's-watcher', 's-ann');
    const second = await member(west, 's-ann');
    await usersAre(watcher, 's-watcher');
    // Its first device is lost since the kick, or not known to be yet.
    expect(reasonsOf(watcher)).toEqual([expect.stringMatching(/^s-ann: (another-device|moved)$/)]);
    expect(usersOf(second)).toEqual(['s-ann']);
  });

  it('a user lost without a leave is removed when its grace is over', async () => {
    const room = newRoom();
    const ann = await member(east, 'l-ann', room);
    const bob = await member(west, 'l-bob', room);
    await usersAre(ann, 'l-ann', 'l-bob');
    bob.client.close();
    await usersAre(ann, 'l-ann', 'l-bob (lost)');
    await usersAre(ann, 'l-ann');
    expect(reasonsOf(ann)).toEqual(['l-bob: timeout']);
  });

  it('a user who comes back within its grace goes on in the room with what it missed', async () => {
    const room = newRoom();
    const ann = await member(east, 'b-ann', room);
    const bob = await member(west, 'b-bob', room);
    bob.cut();
    await ann.client.request('media', { audio: true, video: false, screen: false });
    await usersAre(bob, 'b-ann', 'b-bob');
    await eventually(() => bob.client.room?.seq === ann.client.room?.seq && bob.client.isOnline, WAIT_MS);
    expect(bob.client.room).toEqual(ann.client.room);
    expect(reasonsOf(ann)).toEqual([]);
  });

  it('nothing of one app is seen or touched from another: rooms, users, streams, lists', async () => {
    const room = newRoom();
    const ann = await member(east, 'i-ann', room);
    const double = await user(east, 'i-ann', OTHER_APP);
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
    const room = newRoom();
    const watcher = await member(west, 'p-watcher', room);
    const ann = await member(east, 'p-ann', room);
    const publisher = await publish(ann, 'p-ann');
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
    const again = await user(east, 'p-ann');
    await again.client.request('enter', { room });
    await again.client.request('leave', {});
    await usersAre(watcher, 'p-watcher');
    await eventually(() => publisher.child.exitCode !== null, WAIT_MS);
  });

  it('audience cannot publish: not by RTMP either, and an anchor that becomes audience is off the air', async () => {
    const room = newRoom();
    const ann = await member(east, 'u-ann', room);
    await publish(ann, 'u-ann');
    await eventually(() => ann.client.room?.members[0]?.streams.length === 1, WAIT_MS);
    const { rtmpUrl } = await ann.client.request('publish', { kind: 'main' });
    await ann.client.request('switchRole', { role: 'audience' });
    await eventually(() => ann.client.room?.members[0]?.streams.length === 0, WAIT_MS);
    expect(await refused(ann.client.request('publish', { kind: 'main' }))).toBe('forbidden');
    const again = startPublisher(`${rtmpUrl}&usersig=${sigOf(APP, 'u-ann')}`, clip);
    publishers.push(again);
    await eventually(() => again.child.exitCode !== null, WAIT_MS);
    expect(ann.client.room?.members).toMatchObject([{ userId: 'u-ann', role: 'audience', streams: [] }]);
  });

  it('a gateway that died takes the presence of its users with it', async () => {
    const room = newRoom();
    const ann = await member(east, 'f-ann', room);
    const bob = await member(west, 'f-bob', room);
    await usersAre(ann, 'f-ann', 'f-bob');
    bob.client.on('offline', () => bob.client.close());
    await west.end('SIGKILL');
    await usersAre(ann, 'f-ann');
    expect(reasonsOf(ann)).toHaveLength(1);
  });
});

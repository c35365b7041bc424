import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseStringRoom } from '../../../src/domain/ids.ts';
import { makeCameraClip } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import { watchFlv } from '../../support/flv-watch.ts';
import { APP_ID, HubRig, OTHER_APP_ID, ticket, userSig } from '../../support/hub-rig.ts';
import { type Publisher, startPublisher } from '../../support/publisher.ts';
import { RawRtmp } from '../../support/raw-rtmp.ts';

const ALICE = `${APP_ID}_1001_alice_main`;

let dir: string;
let clip: string;
let rig: HubRig;
const running: Publisher[] = [];

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'roomcast-hub-'));
  clip = await makeCameraClip({ dir, name: 'clip', colour: '0x3060c0', toneHz: 440 });
});
afterAll(() => rm(dir, { recursive: true, force: true }));
beforeEach(async () => {
  rig = await HubRig.open();
});
afterEach(async () => {
  for (const publisher of running.splice(0)) {
    publisher.thaw();
    await publisher.kill();
  }
  await rig.close();
});

function publish(url: string): Publisher {
  const publisher = startPublisher(url, clip);
  running.push(publisher);
  return publisher;
}

async function publishLive(url: string, streamId: string): Promise<Publisher> {
  const publisher = publish(url);
  await eventually(() => rig.hub.isLive(streamId));
  return publisher;
}

describe('a publisher with a good UserSig', () => {
  test('is on the air in an integer room, and leaves by stopping', async () => {
    const publisher = await publishLive(rig.publishUrl({ user: 'Alice' }), ALICE);
    expect(rig.events).toMatchObject([{ type: 'published', userId: 'Alice', streamId: ALICE, kind: 'main' }]);
    // FFmpeg takes its leave only once it is under way.
    const viewer = watchFlv(`${rig.http}/live/${ALICE}.flv?ticket=${ticket('play', ALICE)}`);
    await eventually(() => viewer.tags.length > 10);
    viewer.close();
    await publisher.stop();
    await eventually(() => rig.events.length === 2);
    expect(rig.events[1]).toMatchObject({ type: 'unpublished', clean: true, streamId: ALICE });
  });

  test('is lost, not gone, when it dies without a word', async () => {
    const publisher = await publishLive(rig.publishUrl({ user: 'alice' }), ALICE);
    await publisher.kill();
    await eventually(() => rig.events.length === 2);
    expect(rig.events[1]).toMatchObject({ type: 'unpublished', clean: false });
  });

  test('has a string room apart from the integer room of the same digits, and a screen apart', async () => {
    const room = parseStringRoom('1001');
    await publishLive(rig.publishUrl({ user: 'alice', room }), `${APP_ID}_~31001_alice_main`);
    await publishLive(rig.publishUrl({ user: 'alice', room, kind: 'aux' }), `${APP_ID}_~31001_alice_aux`);
    expect(rig.hub.isLive(ALICE)).toBe(false);
  });

  test('may be in a room with every character a string room can have', async () => {
    const room = parseStringRoom('a b!#$%&()+-:;<=.>?@[]^_{}|~,');
    publish(rig.publishUrl({ user: 'alice', room }));
    await eventually(() => rig.events.length === 1);
    expect(rig.events[0]).toMatchObject({ type: 'published', room });
  });

  test('takes its own stream over at once, and its viewers stay', async () => {
    const first = await publishLive(rig.publishUrl({ user: 'alice' }), ALICE);
    const viewer = watchFlv(`${rig.http}/live/${ALICE}.flv?ticket=${ticket('play', ALICE)}`);
    await eventually(() => viewer.tags.length > 10);
    publish(rig.publishUrl({ user: 'ALICE' }));
    await eventually(() => rig.events.length === 2);
    await eventually(() => first.child.exitCode !== null);
    const before = viewer.tags.length;
    await eventually(() => viewer.tags.length > before + 30);
    expect(viewer.isOver()).toBe(false);
    expect(rig.events.map((event) => event.type)).toEqual(['published', 'published']);
    viewer.close();
  });

  test('is dropped when it is half open', async () => {
    const publisher = await publishLive(rig.publishUrl({ user: 'alice' }), ALICE);
    const frozenAt = Date.now();
    publisher.freeze();
    await eventually(() => rig.events.length === 2);
    expect(Date.now() - frozenAt).toBeGreaterThan(8_000);
    expect(rig.events[1]).toMatchObject({ type: 'unpublished', clean: false });
  });
});

describe('a publisher that may not publish', () => {
  const good = () => userSig({ user: 'bob' });
  const query = (user: string, sig: string, more = '') =>
    `sdkappid=${APP_ID}&userid=${encodeURIComponent(user)}&usersig=${sig}${more}`;
  const integer = '&use_number_room_id=1';
  const digits = userSig({ user: '12345' });
  const spaced = userSig({ user: 'bo b' });

  test.each([
    [
      'a wrong UserSig',
      `1001?${query('bob', `${good().slice(0, -12)}AAAAAAAAAAAA`, integer)}`,
      'sig-malformed',
    ],
    ['no UserSig', `1001?sdkappid=${APP_ID}&userid=bob${integer}`, 'sig-malformed'],
    ["another user's UserSig", `1001?${query('carol', good(), integer)}`, 'sig-mismatch'],
    [
      "another app's UserSig",
      `1001?${query('bob', userSig({ user: 'bob', appId: OTHER_APP_ID }), integer)}`,
      'sig-mismatch',
    ],
    [
      'an expired UserSig',
      `1001?${query('bob', userSig({ user: 'bob', expireSeconds: -1 }), integer)}`,
      'sig-expired',
    ],
    ['an unknown app', `1001?sdkappid=7&userid=bob&usersig=${good()}${integer}`, 'bad-app-id'],
    ['a user id of digits only', `1001?${query('12345', digits, integer)}`, 'bad-user-id'],
    ['a user id with other characters', `1001?${query('bo b', spaced, integer)}`, 'bad-user-id'],
    ['room 0', `0?${query('bob', good(), integer)}`, 'bad-room-id'],
    ['room 4294967296', `4294967296?${query('bob', good(), integer)}`, 'bad-room-id'],
    ['text as an integer room', `studio?${query('bob', good(), integer)}`, 'bad-room-id'],
  ])('with %s is refused within a second, and nobody notices', async (_why, key, code) => {
    await publishLive(rig.publishUrl({ user: 'alice' }), ALICE);
    const viewer = watchFlv(`${rig.http}/live/${ALICE}.flv?ticket=${ticket('play', ALICE)}`);
    await eventually(() => viewer.tags.length > 10);
    const refused = await RawRtmp.connected(rig.hub.port);
    const startedAt = Date.now();
    refused.command('publish', null, key, 'live');
    await refused.until('NetStream.Publish.Denied');
    await eventually(() => rig.logLines.some((line) => line.code === code));
    expect(Date.now() - startedAt).toBeLessThan(1_000);
    await refused.closed;
    expect(rig.logLines.find((line) => line.code === code)?.msg).toContain('publish refused');
    expect(rig.events).toHaveLength(1);
    expect(rig.hub.streams().map((stream) => stream.streamId)).toEqual([ALICE]);
    const before = viewer.tags.length;
    await eventually(() => viewer.tags.length > before + 30);
    viewer.close();
  });

  test('under the name of a mix is refused, also while that mix is not on the air', async () => {
    rig.agents.add('studio');
    const refused = publish(rig.publishUrl({ user: 'studio' }));
    await eventually(() => refused.child.exitCode !== null);
    expect(rig.logLines.find((line) => line.code === 'conflict')?.msg).toContain('publish refused');
    expect(rig.events).toEqual([]);
    await publishLive(rig.publishUrl({ user: 'alice' }), ALICE);
  });

  test('leaves no signature in the logs', async () => {
    const sig = userSig({ user: 'bob', expireSeconds: -1 });
    publish(`${rig.rtmp}/push/1001?${query('bob', sig, integer)}`);
    await eventually(() => rig.logLines.some((line) => line.code === 'sig-expired'));
    expect(JSON.stringify(rig.logLines)).not.toContain(sig.slice(10, 60));
  });
});

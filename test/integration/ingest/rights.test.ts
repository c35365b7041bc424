import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_APP_SETTINGS } from '../../../src/config/app.ts';
import { parseIntegerRoom } from '../../../src/domain/ids.ts';
import { type PublishUrlRequest, publishUrl } from '../../../src/domain/publish-request.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { ALL_RIGHTS, RIGHTS } from '../../../src/domain/ticket-rights.ts';
import { signPrivateMapKey } from '../../../src/identity/private-map-key.ts';
import { signTicket, type TicketClaims } from '../../../src/identity/tickets.ts';
import { signUserSig } from '../../../src/identity/user-sig.ts';
import { makeCameraClip } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import { watchFlv } from '../../support/flv-watch.ts';
import {
  overFlv,
  overPlaylist,
  overRtmp,
  overSegment,
  overWebSocket,
  type Player,
  segmentUrls,
} from '../../support/players.ts';
import { type Publisher, startPublisher } from '../../support/publisher.ts';
import { RawRtmp } from '../../support/raw-rtmp.ts';
import { makeTestDir, type RunningRoomcast, startRoomcast } from '../../support/roomcast.ts';

const ONE = 1_400_000_001;
const OTHER = 1_400_000_002;
const ROOM = parseIntegerRoom('1001');
const ANN = `${ONE}_1001_ann_main`;
const ANN_OF_OTHER = `${OTHER}_1001_ann_main`;
const MIX = `${ONE}_1001_mix_main`;
const WAIT_MS = 60_000;

const secret = new Secret('a cluster secret of this test');
const keys = new Map([
  [ONE, new Secret('1'.repeat(64))],
  [OTHER, new Secret('2'.repeat(64))],
]);
/** Every token that was made: none may stand in a log. */
const tokens: string[] = [];

let roomcast: RunningRoomcast;
let clip: string;
let bob: Publisher;
const running: Publisher[] = [];

function remember(token: string): string {
  tokens.push(token);
  return token;
}

function sigOf(appId: number, userId: string, key = keys.get(appId)): string {
  const request = { sdkAppId: appId, userId, expireSeconds: 600, nowMs: Date.now() };
  return remember(signUserSig({ ...request, secretKey: key ?? secret }));
}

function ticket(stream: string, change: Partial<TicketClaims> = {}, key = secret): string {
  const expires = Math.floor(Date.now() / 1000) + 600;
  return `?ticket=${remember(signTicket(key, { use: 'play', stream, expires, ...change }))}`;
}

function member(appId: number, userId: string, userSig = sigOf(appId, userId)): string {
  return `?${new URLSearchParams({ sdkappid: String(appId), userid: userId, usersig: userSig })}`;
}

/** A PrivateMapKey of the first app. */
function keyOf(userId: string, rights: number, seconds = 600): string {
  const user = { secretKey: keys.get(ONE) ?? secret, sdkAppId: ONE, userId, room: ROOM, rights };
  return remember(signPrivateMapKey({ ...user, expireSeconds: seconds, nowMs: Date.now() - 1000 }));
}

function memberWith(privateMapKey: string): string {
  return `${member(ONE, 'bob')}&private_map_key=${privateMapKey}`;
}

function publish(appId: number, userId: string): Publisher {
  const request = { appId, room: ROOM, userId, userSig: sigOf(appId, userId), kind: 'main' as const };
  return start(publishUrl({ ...request, rtmpUrl: roomcast.rtmp }).url);
}

function start(url: string): Publisher {
  const publisher = startPublisher(url, clip);
  running.push(publisher);
  return publisher;
}

async function changeApp(settings: object): Promise<void> {
  const answer = await fetch(`${roomcast.http}/api/v1/apps/${ONE}`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${roomcast.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(settings),
  });
  expect(answer.status, await answer.text()).toBe(200);
}

const segmentOf = (stream: string) => async () =>
  (await segmentUrls(roomcast, stream, ticket(stream)))[1] ?? '';

beforeAll(async () => {
  const dataDir = await makeTestDir('playback-rights');
  clip = await makeCameraClip({ dir: dataDir, name: 'clip', colour: '0x3060c0', toneHz: 440 });
  const apps = [ONE, OTHER].map((sdkAppId) => ({
    ...DEFAULT_APP_SETTINGS,
    sdkAppId,
    name: 'test',
    secretKey: keys.get(sdkAppId)?.reveal(),
    apiKeys: [],
  }));
  await writeFile(path.join(dataDir, 'apps.json'), JSON.stringify({ apps, adminToken: 't'.repeat(32) }), {
    mode: 0o600,
  });
  roomcast = await startRoomcast({ dataDir, env: { ROOMCAST_CLUSTER_SECRET: secret.reveal() } });
  publish(ONE, 'ann');
  bob = publish(ONE, 'bob');
  publish(OTHER, 'ann');
  const mixTicket = { use: 'publish', task: 'mix-1', epoch: 1 } as const;
  start(`${roomcast.rtmp}/internal/${MIX}${ticket(MIX, mixTicket)}`);
  for (const stream of [ANN, MIX, ANN_OF_OTHER]) {
    await eventually(async () => (await segmentUrls(roomcast, stream, ticket(stream))).length > 2, WAIT_MS);
  }
  await eventually(async () => (await overFlv(roomcast, ANN, member(ONE, 'bob'))) === 'plays', WAIT_MS);
}, 4 * WAIT_MS);

afterAll(async () => {
  for (const publisher of running) await publisher.kill();
  await roomcast?.stop();
});

/** Over HTTP the refusal is a status, over RTMP it is always the same. */
const PLAYERS: readonly [string, (stream: string) => Player, (status: string) => string][] = [
  ['RTMP', () => overRtmp, () => 'NetStream.Play.Failed'],
  ['HTTP-FLV', () => overFlv, (status) => status],
  ['WebSocket-FLV', () => overWebSocket, (status) => status],
  ['an HLS playlist', () => overPlaylist, (status) => status],
  ['an HLS segment', (stream) => overSegment(segmentOf(stream)), (status) => status],
];

describe.each(PLAYERS)('over %s', (_protocol, playerOf, refusal) => {
  const play = (stream: string, query: string) => playerOf(stream)(roomcast, stream, query);
  const past = () => Math.floor(Date.now() / 1000) - 1;
  const tampered = () => {
    const good = ticket(ANN);
    return good.slice(0, -1) + (good.endsWith('A') ? 'B' : 'A');
  };

  test.each<[string, () => string, string]>([
    ['nothing', () => '', '403'],
    ['an empty ticket', () => '?ticket=', '403'],
    ['a ticket for another stream', () => ticket(`${ONE}_1001_bob_main`), '403'],
    ['a ticket for the screen of the same user', () => ticket(`${ONE}_1001_ann_aux`), '403'],
    ['a ticket of another app for the same names', () => ticket(ANN_OF_OTHER), '403'],
    ['a ticket that has expired', () => ticket(ANN, { expires: past() }), '403'],
    ['a ticket with its last character changed', tampered, '403'],
    ['a ticket with something behind it', () => `${ticket(ANN)}.x`, '403'],
    ["a worker's ticket", () => ticket(ANN, { use: 'read', task: 't', epoch: 1 }), '403'],
    ['a ticket of another cluster', () => ticket(ANN, {}, new Secret('another')), '403'],
    ['the UserSig of a user who is not in the room', () => member(ONE, 'eve'), '403'],
    ['the UserSig of the user of that name in another app', () => member(OTHER, 'ann'), '403'],
    ['a UserSig that another app signed', () => member(ONE, 'bob', sigOf(OTHER, 'bob')), '401'],
    ["another user's UserSig", () => member(ONE, 'bob', sigOf(ONE, 'ann')), '401'],
    ['a user without an app', () => '?userid=bob&usersig=x', '400'],
  ])('a raw stream is not played with %s', async (_what, query, status) => {
    expect(await play(ANN, query())).toBe(refusal(status));
  });

  test('a raw stream is played with its ticket, and by who is in the room with a UserSig', async () => {
    expect(await play(ANN, ticket(ANN))).toBe('plays');
    expect(await play(ANN, member(ONE, 'bob'))).toBe('plays');
    expect(await play(ANN, member(ONE, 'BOB', sigOf(ONE, 'Bob')))).toBe('plays');
    expect(await play(ANN_OF_OTHER, ticket(ANN_OF_OTHER))).toBe('plays');
    expect(await play(ANN_OF_OTHER, member(OTHER, 'ann'))).toBe('plays');
  });

  test('a member plays what its PrivateMapKey lets it receive, and needs one when the app says so', async () => {
    const { receiveAudio, receiveVideo, receiveScreen, enter } = RIGHTS;
    const whole = enter | receiveAudio | receiveVideo;
    const playWith = (rights: number, seconds?: number) =>
      play(ANN, memberWith(keyOf('bob', rights, seconds)));
    for (const isRequired of [false, true]) {
      if (isRequired) await changeApp({ privateMapKeyRequired: true });
      expect(await playWith(whole)).toBe('plays');
      expect(await playWith(ALL_RIGHTS & ~receiveVideo)).toBe(refusal('403'));
      expect(await playWith(ALL_RIGHTS & ~receiveAudio)).toBe(refusal('403'));
      expect(await playWith(enter | receiveScreen)).toBe(refusal('403'));
      expect(await playWith(whole, 0)).toBe(refusal('403'));
      expect(await play(ANN, memberWith(keyOf('ann', whole)))).toBe(refusal('403'));
      expect(await play(ANN, member(ONE, 'bob'))).toBe(isRequired ? refusal('403') : 'plays');
    }
    expect(await play(ANN, ticket(ANN))).toBe('plays');
    await changeApp({ privateMapKeyRequired: null });
  });

  test("a mix follows the app's playback setting, which an operator changes while it is watched", async () => {
    expect(await play(MIX, '')).toBe('plays');
    await changeApp({ playback: 'token' });
    expect(await play(MIX, '')).toBe(refusal('403'));
    expect(await play(MIX, member(ONE, 'bob'))).toBe(refusal('403'));
    expect(await play(MIX, ticket(ANN))).toBe(refusal('403'));
    expect(await play(MIX, ticket(MIX))).toBe('plays');
    await changeApp({ playback: null });
    expect(await play(MIX, '')).toBe('plays');
  });
});

describe('while a stream is watched', () => {
  test(
    'an expired ticket gets no further segment, and what plays already goes on',
    async () => {
      const query = ticket(ANN, { expires: Math.floor(Date.now() / 1000) + 15 });
      const viewer = watchFlv(`${roomcast.http}/live/${ANN}.flv${query}`);
      const files = await segmentUrls(roomcast, ANN, query);
      expect(files.every((url) => url.endsWith(query))).toBe(true);
      expect(await Promise.all(files.map(async (url) => (await fetch(url)).status))).toEqual(
        files.map(() => 200),
      );
      await eventually(async () => (await fetch(files[0] ?? '')).status === 403, WAIT_MS);
      expect(await overPlaylist(roomcast, ANN, query)).toBe('403');
      for (const url of files) expect((await fetch(url)).status).toBe(403);
      const before = viewer.tags.length;
      await eventually(() => viewer.tags.length > before + 30, WAIT_MS);
      expect(viewer.isOver()).toBe(false);
      viewer.close();
    },
    WAIT_MS,
  );

  test(
    'who leaves the room gets no further segment',
    async () => {
      const query = member(ONE, 'bob');
      const files = await segmentUrls(roomcast, ANN, query);
      expect(files.every((url) => url.includes('userid=bob'))).toBe(true);
      expect((await fetch(files[1] ?? '')).status).toBe(200);
      await bob.stop();
      await eventually(async () => (await fetch(files[0] ?? '')).status === 403, WAIT_MS);
      expect(await overPlaylist(roomcast, ANN, query)).toBe('403');
    },
    2 * WAIT_MS,
  );
});

describe('publishing over RTMP', () => {
  const requestOf = (userId: string, change: Partial<PublishUrlRequest> = {}) => ({
    ...{ appId: ONE, room: ROOM, userId, userSig: sigOf(ONE, userId), kind: 'main' as const },
    rtmpUrl: roomcast.rtmp,
    ...change,
  });

  /** `publishes`, or the sentence of the refusal. */
  async function attempt(userId: string, sentence: string, change: Partial<PublishUrlRequest> = {}) {
    const client = await RawRtmp.connected(Number(new URL(roomcast.rtmp).port));
    client.command('publish', null, publishUrl(requestOf(userId, change)).obsKey, 'live');
    const said = await client.untilOneOf(['NetStream.Publish.Start', sentence]);
    client.destroy();
    return said === sentence ? sentence : 'publishes';
  }

  test('a PrivateMapKey is required from the next connection on when the app says so', async () => {
    expect(await attempt('dora', 'refused')).toBe('publishes');
    await changeApp({ privateMapKeyRequired: true });
    const sentence = 'this app asks for a PrivateMapKey, and none was given';
    expect(await attempt('dora', sentence)).toBe(sentence);
    const room = 'the PrivateMapKey is for another room';
    const elsewhere = { room: parseIntegerRoom('1002'), privateMapKey: keyOf('dora', 255) };
    expect(await attempt('dora', room, elsewhere)).toBe(room);
    const past = 'the PrivateMapKey has expired';
    expect(await attempt('dora', past, { privateMapKey: keyOf('dora', 255, 0) })).toBe(past);
    const bits = 'the PrivateMapKey does not allow to send audio or video';
    expect(await attempt('dora', bits, { privateMapKey: keyOf('dora', 42) })).toBe(bits);
    expect(await attempt('dora', 'refused', { privateMapKey: keyOf('dora', 255) })).toBe('publishes');
    expect(await overFlv(roomcast, ANN, ticket(ANN))).toBe('plays');
  });

  test(
    'what the PrivateMapKey does not allow to send reaches nobody',
    async () => {
      const stream = `${ONE}_1001_cleo_main`;
      start(publishUrl(requestOf('cleo', { privateMapKey: keyOf('cleo', 1 + 2 + 4) })).url);
      await eventually(async () => (await overFlv(roomcast, stream, ticket(stream))) === 'plays', WAIT_MS);
      const viewer = watchFlv(`${roomcast.http}/live/${stream}.flv${ticket(stream)}`);
      await eventually(() => viewer.tags.filter(({ type }) => type === 8).length > 100, WAIT_MS);
      viewer.close();
      expect(viewer.tags.filter(({ type }) => type === 9)).toEqual([]);
    },
    WAIT_MS,
  );

  test('the AccountType is checked when it is sent', async () => {
    await changeApp({ privateMapKeyRequired: null });
    const sentence = 'the account type is not the one of this app';
    expect(await attempt('dora', sentence, { accountType: 7 })).toBe(sentence);
    expect(await attempt('dora', sentence, { accountType: 0 })).toBe('publishes');
  });

  test('no ticket, PrivateMapKey or UserSig stands in the logs', () => {
    expect(tokens.length).toBeGreaterThan(100);
    const logs = roomcast.logs();
    expect(logs.length).toBeGreaterThan(1000);
    expect(tokens.filter((token) => logs.includes(token))).toEqual([]);
  });
});

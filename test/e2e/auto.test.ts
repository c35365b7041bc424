import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type NginxRtmp, startNginxRtmp } from '../../src/demo/nginx-rtmp.ts';
import { eventually } from '../support/eventually.ts';
import {
  colourDistance,
  lastPicture,
  lastSound,
  meanColour,
  probeFile,
  toneLevel,
} from '../support/media-checks.ts';
import { type Publisher, startPublisher } from '../support/publisher.ts';
import { makeTestDir, type RunningRoomcast, startRoomcast } from '../support/roomcast.ts';
import {
  cliJson,
  GUESTS,
  type Guest,
  type ListedRecording,
  type ListedRelay,
  Studio,
} from '../support/studio.ts';

const MIXED = 1_400_000_001;
const COPIED = 1_400_000_002;
const SIZE = { width: 320, height: 180 };
const WAIT_MS = 60_000;
const COLOUR_TOLERANCE = 45;
const TONE_PRESENT = 0.02;

type Auto<T> = T & { readonly auto: boolean };

let nginx: NginxRtmp;
let roomcast: RunningRoomcast;
let studio: Studio;
const publishers: Publisher[] = [];

beforeAll(async () => {
  nginx = await startNginxRtmp({ applications: [{ name: 'live', record: true }] });
  const app = { apiKeys: [], secretKey: 'k'.repeat(64) };
  const mixed = {
    ...{ ...app, sdkAppId: MIXED, name: 'mixed' },
    autoRelay: {
      ...{ of: 'mix', to: [nginx.rtmpUrl('live', 'mix-{roomId}')], layout: 'grid', rooms: ['6*'] },
      ...{ size: `${SIZE.width}x${SIZE.height}`, fps: 15, bitrateKbps: 300, maxIdleSeconds: 5 },
    },
    autoRecord: { mode: 'mixed', maxIdleSeconds: 5 },
  };
  const copied = {
    ...{ ...app, sdkAppId: COPIED, name: 'copied' },
    autoRelay: { of: 'stream', to: [nginx.rtmpUrl('live', '{roomId}-{userId}')], maxIdleSeconds: 5 },
    autoRecord: { mode: 'single', formats: ['mp4'], maxIdleSeconds: 5 },
  };
  const dataDir = await makeTestDir('auto');
  const apps = JSON.stringify({ apps: [mixed, copied], adminToken: 't'.repeat(32) });
  await writeFile(path.join(dataDir, 'apps.json'), apps, { mode: 0o600 });
  studio = await Studio.open([GUESTS.red, GUESTS.green]);
  roomcast = await startRoomcast({ dataDir });
});

afterAll(async () => {
  await Promise.all(publishers.map((publisher) => publisher.kill()));
  await studio?.close();
  await roomcast?.stop();
  await nginx?.stop();
});

async function publish(guest: Guest, app: number, ...room: readonly string[]): Promise<void> {
  const args = ['publish-url', '--user', guest.userId, '--app', String(app), '--room', ...room];
  const { url } = await cliJson<{ url: string }>(roomcast, ...args);
  publishers.push(startPublisher(url, studio.clipOf(guest)));
}

async function recordedAtNginx(key: string): Promise<string> {
  const names = (await readdir(nginx.recordingDir)).filter((name) =>
    name.startsWith(`${encodeURIComponent(key)}-`),
  );
  expect(names, key).toHaveLength(1);
  return path.join(nginx.recordingDir, names[0] ?? '');
}

async function isSeen(file: string, guest: Guest, atSeconds?: number): Promise<boolean> {
  const picture = await lastPicture(file, SIZE.width, SIZE.height, atSeconds);
  const seen = meanColour(picture, { x: 0, y: 0, ...SIZE });
  return colourDistance(seen, guest.colour) < COLOUR_TOLERANCE;
}

async function isHeard(file: string, guest: Guest): Promise<boolean> {
  return toneLevel(await lastSound(file, 1), guest.toneHz) > TONE_PRESENT;
}

/** At the end of a mix nobody is there any more. */
async function wasSeen(file: string, guest: Guest, durationMs: number): Promise<boolean> {
  for (let second = 1; second <= durationMs / 1000; second += 1) {
    if (await isSeen(file, guest, second)) return true;
  }
  return false;
}

const KEYS = ['mix-61', 'a%20b-green'] as const;

it('a room goes on the air and on disk with its first publisher, without any command', async () => {
  await publish(GUESTS.red, MIXED, '61');
  await publish(GUESTS.green, COPIED, 'a b', '--string-room');
  for (const key of KEYS)
    await eventually(async () => (await nginx.publishSessions('live', key)) > 0, WAIT_MS);
  const [mix, copy] = KEYS;
  const ofMix = await recordedAtNginx(mix);
  await eventually(async () => isSeen(ofMix, GUESTS.red), WAIT_MS, 1000);
  await eventually(async () => isHeard(ofMix, GUESTS.red), WAIT_MS, 1000);
  const ofCopy = await recordedAtNginx(copy);
  await eventually(async () => (await probeFile(ofCopy)).durationMs > 1000, WAIT_MS, 500);

  const relays = await cliJson<Auto<ListedRelay>[]>(roomcast, 'relay', 'list');
  expect(relays.map(({ auto, streamId }) => [auto, streamId]).sort()).toEqual([
    [true, `${MIXED}_61_mix_auto_main`],
    [true, `${COPIED}_a~20b_green_main`],
  ]);
  expect((await roomcast.cli(['relay', 'list'])).stdout).toMatch(/room 61: running \(auto\)/);
  await eventually(async () => {
    const recordings = await cliJson<Auto<ListedRecording>[]>(roomcast, 'record', 'list');
    expect(recordings.map(({ auto, state }) => [auto, state])).toEqual([
      [true, 'recording'],
      [true, 'recording'],
    ]);
    return true;
  }, WAIT_MS);
});

it('and off it, each once, when nobody published for MaxIdleTime', async () => {
  await Promise.all(publishers.map((publisher) => publisher.stop()));
  const recordings = await eventually(
    async () => {
      const listed = await cliJson<ListedRecording[]>(roomcast, 'record', 'list');
      return listed.every(({ state }) => state === 'ready') && listed;
    },
    WAIT_MS,
    500,
  );
  expect(recordings.map(({ room, files }) => [room, files.map(({ userId }) => userId)])).toEqual(
    expect.arrayContaining([
      [61, ['']],
      ['a b', ['green']],
    ]),
  );
  expect(recordings).toHaveLength(2);
  for (const { room, files } of recordings) {
    const [file] = files;
    expect(file?.verdict.playable).toBe(true);
    const guest = room === 61 ? GUESTS.red : GUESTS.green;
    expect(await wasSeen(file?.path ?? '', guest, file?.durationMs ?? 0), guest.userId).toBe(true);
  }
  await eventually(async () => {
    const relays = await cliJson<ListedRelay[]>(roomcast, 'relay', 'list');
    expect(relays.map(({ state }) => state)).toEqual(['ended', 'ended']);
    return true;
  }, WAIT_MS);
  for (const key of KEYS) {
    const sessions = await nginx.sessionTimes('live', key);
    expect(sessions, key).toHaveLength(1);
    expect(sessions[0]?.endedAt, key).not.toBeNull();
  }
});

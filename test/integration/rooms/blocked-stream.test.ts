import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TAG_AUDIO, TAG_VIDEO } from '../../../src/media/flv/tag.ts';
import { makeFlv } from '../../support/clip.ts';
import { Cluster } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { type FlvWatch, watchFlv } from '../../support/flv-watch.ts';
import {
  colourDistance,
  lastPicture,
  lastSound,
  meanColour,
  type Rgb,
  toneLevel,
  trackTimes,
} from '../../support/media-checks.ts';
import { type Publisher, startPublisher } from '../../support/publisher.ts';
import { makeTestDir, type RunningRoomcast } from '../../support/roomcast.ts';
import { cliJson } from '../../support/studio.ts';

const ROOM = '61';
const WAIT_MS = 60_000;
const TONE_HZ = 440;
const TONE = 0.02;
const SILENCE = 0.002;
const RED: Rgb = [200, 30, 30];
/** FFmpeg's Y, U and V of 128. */
const GREY: Rgb = [130, 130, 130];
const MAX_DISTANCE = 40;
const [WIDTH, HEIGHT] = [160, 90];

interface Urls {
  readonly flv: string;
  readonly rtmp: string;
  readonly hls: string;
}

let cluster: Cluster;
/** Has the stream. */
let home: RunningRoomcast;
let other: RunningRoomcast;
let dir: string;
let publisher: Publisher;
let viewer: FlvWatch;
let raw: Urls;

beforeAll(async () => {
  dir = await makeTestDir('blocked');
  await mkdir(dir, { recursive: true });
  cluster = await Cluster.open();
  [home, other] = await Promise.all([cluster.startGateway(), cluster.startGateway(), cluster.startWorker()]);
  const picture = `color=c=0xc81e1e:size=${WIDTH}x${HEIGHT}:rate=15`;
  const clip = await makeFlv({ dir, name: 'red', seconds: 4, fps: 15, gop: 15, picture, toneHz: TONE_HZ });
  const room = ['--room', ROOM];
  const { url } = await cliJson<{ url: string }>(home, 'publish-url', ...room, '--user', 'red');
  publisher = startPublisher(url, clip);
  const stream = `${home.app.sdkAppId}_${ROOM}_red_main`;
  raw = await cliJson<Urls>(home, 'play-url', stream);
  await eventually(async () => (await published()).length === 1, WAIT_MS);
  viewer = watchFlv(raw.flv);
});

afterAll(async () => {
  viewer?.close();
  await publisher?.kill();
  await cluster?.close();
  if (dir) await rm(dir, { recursive: true, force: true });
});

/** What is heard and seen at the end of so many seconds of a stream, decoded as they come. */
async function seen(name: string, url: string, seconds: number): Promise<{ tone: number; colour: Rgb }> {
  const file = path.join(dir, `${name}.mkv`);
  const output = ['-t', `${seconds}`, '-c:v', 'ffv1', '-c:a', 'pcm_s16le', file];
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-y', '-i', url, ...output]);
  const box = { x: 0, y: 0, width: WIDTH, height: HEIGHT };
  const sound = await lastSound(file, 1);
  expect(sound.length).toBeGreaterThan(10_000);
  return {
    tone: toneLevel(sound, TONE_HZ),
    colour: meanColour(await lastPicture(file, WIDTH, HEIGHT), box),
  };
}

async function published(): Promise<readonly object[]> {
  const rooms = await cliJson<{ users: { streams: object[] }[] }[]>(other, 'rooms');
  return rooms[0]?.users[0]?.streams ?? [];
}

/** The newest segment of a playlist, with the init segment it needs, as a file. */
async function lastSegment(playlist: string): Promise<string> {
  const get = async (name: string) => {
    const answer = await fetch(new URL(name, playlist));
    if (answer.status !== 200) throw new Error(`HLS answered ${answer.status}`);
    return Buffer.from(await answer.arrayBuffer());
  };
  const lines = (await get(playlist)).toString().trim().split('\n');
  const init = lines.findLast((line) => line.startsWith('#EXT-X-MAP'))?.split('"')[1] ?? '';
  const file = path.join(dir, 'segment.mp4');
  await writeFile(file, Buffer.concat([await get(init), await get(lines.at(-1) ?? '')]));
  return file;
}

interface Expected {
  readonly heard: boolean;
  readonly seen: boolean;
}

function check(what: { tone: number; colour: Rgb }, expected: Expected): void {
  if (expected.heard) expect(what.tone).toBeGreaterThan(TONE);
  else expect(what.tone).toBeLessThan(SILENCE);
  const far = colourDistance(what.colour, RED);
  if (expected.seen) expect(far).toBeLessThan(MAX_DISTANCE);
  else expect(far).toBeGreaterThan(2 * MAX_DISTANCE);
}

/** Who joins gets at most the kept second from before; playlists are some seconds behind. */
async function everywhere(expected: Expected): Promise<void> {
  const ways = {
    flv: () => seen('flv', raw.flv, 3),
    rtmp: () => seen('rtmp', raw.rtmp, 3),
    hls: async () => seen('hls', await lastSegment(raw.hls), 1),
  };
  const looks = Object.values(ways).map(async (look) => {
    const colour = await eventually(async () => {
      const now = await look();

      check(now, expected);
      return now.colour;
    }, WAIT_MS);
    if (!expected.seen) expect(colourDistance(colour, GREY)).toBeLessThan(MAX_DISTANCE);
  });
  await Promise.all(looks);
}

const block = (...what: string[]) => cliJson<object>(other, ...what, '--room', ROOM, '--user', 'red');

it('a blocked user is neither heard nor seen wherever the stream is watched, stays on the air, and is back when freed', async () => {
  const before = await published();
  await everywhere({ heard: true, seen: true });

  expect(await block('block', '--audio')).toEqual({ audio: true, video: false });
  await everywhere({ heard: false, seen: true });

  expect(await block('block')).toEqual({ audio: true, video: true });
  await everywhere({ heard: false, seen: false });

  expect(await block('unblock')).toEqual({ audio: false, video: false });
  await everywhere({ heard: true, seen: true });

  // The publisher's connection is the one of the beginning, and so is the viewer's: no frame is missing in either track.
  expect(await published()).toEqual(before);
  expect(viewer.isOver()).toBe(false);
  for (const track of [TAG_AUDIO, TAG_VIDEO] as const) {
    const { largestGapMs, wentBack } = trackTimes(viewer.tags, track);
    expect(wentBack).toEqual([]);
    expect(largestGapMs).toBeLessThan(300);
  }
});

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createFlvParser } from '../../../src/media/flv/parser.ts';
import { MARK_END, MARK_LIVE, MARK_START, streamMark } from '../../../src/media/flv/script.ts';
import { type FlvTag, isKeyFrame, isSequenceHeader } from '../../../src/media/flv/tag.ts';
import { makeCameraClip } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import { type FlvWatch, watchFlv } from '../../support/flv-watch.ts';
import { APP_ID, HubRig, ticket } from '../../support/hub-rig.ts';
import { type Publisher, startPublisher } from '../../support/publisher.ts';

const ALICE = `${APP_ID}_1001_alice_main`;
const MIX = `${APP_ID}_1001_mix_abc_main`;

let dir: string;
let clip: string;
let rig: HubRig;
const running: Publisher[] = [];

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'roomcast-play-'));
  clip = await makeCameraClip({ dir, name: 'clip', colour: '0x3060c0', toneHz: 440 });
});
afterAll(() => rm(dir, { recursive: true, force: true }));
beforeEach(async () => {
  rig = await HubRig.open({ lingerMs: 1500 });
});
afterEach(async () => {
  for (const publisher of running.splice(0)) await publisher.kill();
  await rig.close();
});

async function publish(url: string, streamId: string): Promise<Publisher> {
  const publisher = startPublisher(url, clip);
  running.push(publisher);
  await eventually(() => rig.hub.isLive(streamId));
  return publisher;
}

function mixUrl(epoch: number): string {
  return `${rig.rtmp}/internal/${MIX}?ticket=${ticket('publish', MIX, { task: 'mix-1', epoch })}`;
}

function flvUrl(stream: string, playTicket = ''): string {
  return `${rig.http}/live/${stream}.flv${playTicket === '' ? '' : `?ticket=${playTicket}`}`;
}

function readAsWorker(epoch: number, task = 'push-1', more = ''): FlvWatch {
  const read = ticket('read', ALICE, { task, epoch });
  return watchFlv(`${rig.http}/internal/flv/${ALICE}?ticket=${read}${more}`);
}

function marks(tags: readonly FlvTag[]): string[] {
  return tags.flatMap((tag) => streamMark(tag) ?? []);
}

async function probe(url: string): Promise<string[]> {
  const show = ['-v', 'error', '-show_entries', 'stream=codec_name', '-of', 'csv=p=0'];
  const { stdout } = await promisify(execFile)('ffprobe', [...show, url], { timeout: 15_000 });
  return stdout.trim().split('\n').sort();
}

describe('a viewer', () => {
  test('plays a mix without a ticket, over RTMP and HTTP', async () => {
    await publish(mixUrl(1), MIX);
    expect(await probe(`${rig.rtmp}/live/${MIX}`)).toEqual(['aac', 'h264']);
    expect(await probe(flvUrl(MIX))).toEqual(['aac', 'h264']);
    await eventually(() => rig.hub.streams().every((stream) => stream.viewers === 0));
  });

  test('plays a raw stream with a ticket only', async () => {
    await publish(rig.publishUrl({ user: 'alice' }), ALICE);
    const good = ticket('play', ALICE);
    expect(await probe(`${rig.rtmp}/live/${ALICE}?ticket=${good}`)).toEqual(['aac', 'h264']);
    expect((await fetch(flvUrl(ALICE))).status).toBe(403);
    expect((await fetch(flvUrl(ALICE, ticket('play', MIX)))).status).toBe(403);
    expect((await fetch(flvUrl(ALICE, ticket('read', ALICE)))).status).toBe(403);
    await expect(probe(`${rig.rtmp}/live/${ALICE}`)).rejects.toThrow();
  });

  test('hears 404 for what is not on the air', async () => {
    for (const file of [`${MIX}.flv`, 'nonsense.flv', `${MIX}.txt`, '%00.flv']) {
      expect((await fetch(`${rig.http}/live/${file}`)).status, file).toBe(404);
    }
    await expect(probe(`${rig.rtmp}/live/${MIX}`)).rejects.toThrow();
  });

  test('begins with headers and a key frame', async () => {
    await publish(mixUrl(1), MIX);
    const viewer = watchFlv(flvUrl(MIX));
    const media = await eventually(() => {
      const tags = viewer.tags.filter((tag) => tag.type !== 18);
      return tags.length > 20 && tags;
    });
    viewer.close();
    expect(media.slice(0, 2).every(isSequenceHeader)).toBe(true);
    expect(
      media
        .filter((tag) => tag.type === 9)
        .slice(1)
        .findIndex(isKeyFrame),
    ).toBe(0);
    expect(marks(viewer.tags)).toEqual([]);
  });

  test('is ended some time after the stream, unless it comes back', async () => {
    const first = await publish(mixUrl(1), MIX);
    const viewer = watchFlv(flvUrl(MIX));
    await eventually(() => viewer.tags.length > 10);
    await first.stop();
    const second = await publish(mixUrl(2), MIX);
    const before = viewer.tags.length;
    await eventually(() => viewer.tags.length > before + 10);
    await second.stop();
    expect(viewer.isOver()).toBe(false);
    await eventually(() => viewer.isOver(), 5_000);
    expect(viewer.status()).toBe(200);
  });

  test('plays over a WebSocket', async () => {
    await publish(mixUrl(1), MIX);
    const tags: FlvTag[] = [];
    const parser = createFlvParser({ onTag: (tag) => tags.push(tag) });
    const socket = new WebSocket(flvUrl(MIX).replace('http', 'ws'));
    socket.on('message', (data: Buffer) => parser.push(data));
    await eventually(() => tags.some(isKeyFrame) && tags.length > 30);
    socket.terminate();
    await eventually(() => rig.hub.streams().every((stream) => stream.viewers === 0));
    const refused = new WebSocket(`ws://127.0.0.1:${rig.httpPort}/live/${ALICE}.flv`);
    const failed = await new Promise<Error>((resolve) => refused.once('error', resolve));
    expect(failed.message).toContain('404');
  });
});

describe('a worker that reads', () => {
  test('waits for the stream, is told what is live, and stays through publishers', async () => {
    const reader = readAsWorker(1);
    await eventually(() => marks(reader.tags).length === 1);
    const first = await publish(rig.publishUrl({ user: 'alice' }), ALICE);
    await eventually(() => reader.tags.some(isKeyFrame));
    await first.stop();
    await publish(rig.publishUrl({ user: 'alice' }), ALICE);
    await eventually(() => marks(reader.tags).length === 4);
    expect(marks(reader.tags)).toEqual([MARK_LIVE, MARK_START, MARK_END, MARK_START]);
    reader.close();
  });

  test('gets the kept GOP before the mark and the rest behind it', async () => {
    await publish(rig.publishUrl({ user: 'alice' }), ALICE);
    const early = readAsWorker(1);
    await eventually(() => early.tags.filter(isKeyFrame).length >= 2);
    const reader = readAsWorker(1, 'push-2');
    await eventually(() => marks(reader.tags).length === 1);
    const at = reader.tags.findIndex((tag) => streamMark(tag) === MARK_LIVE);
    const kept = reader.tags.slice(0, at);
    expect(kept.filter(isSequenceHeader)).toHaveLength(2);
    expect(kept.filter(isKeyFrame)).toHaveLength(1);
    early.close();
    reader.close();
  });

  test('in steps, gets every tag that another gets at once, in order and as it is', async () => {
    const atOnce = readAsWorker(1, 'mix-1');
    const inSteps = readAsWorker(1, 'push-1', '&merge=100');
    await eventually(() => marks(inSteps.tags).length === 1 && marks(atOnce.tags).length === 1);
    const publisher = await publish(rig.publishUrl({ user: 'alice' }), ALICE);
    await eventually(() => atOnce.tags.filter(isKeyFrame).length >= 2);
    const joining = readAsWorker(1, 'push-2', '&merge=350');
    await eventually(() => joining.tags.some(isKeyFrame));
    await publisher.stop();
    const isWhole = (reader: FlvWatch) => marks(reader.tags).at(-1) === MARK_END;
    await eventually(() => isWhole(atOnce) && isWhole(inSteps) && isWhole(joining));
    expect(inSteps.tags).toEqual(atOnce.tags);
    const kept = joining.tags.findIndex((tag) => streamMark(tag) === MARK_LIVE);
    const rest = joining.tags.slice(kept + 1);
    expect(rest).toEqual(atOnce.tags.slice(-rest.length));
    for (const reader of [atOnce, inSteps, joining]) reader.close();
  });

  test('is ended by a higher epoch of its task, and a lower one is refused for good', async () => {
    await publish(rig.publishUrl({ user: 'alice' }), ALICE);
    const old = readAsWorker(5);
    const other = readAsWorker(1, 'record-1');
    await eventually(() => old.tags.length > 5 && other.tags.length > 5);
    const next = readAsWorker(6);
    await eventually(() => old.isOver());
    await eventually(() => next.tags.length > 5);
    const late = readAsWorker(5);
    await eventually(() => late.status() === 409);
    next.close();
    const later = readAsWorker(5);
    await eventually(() => later.status() === 409);
    expect(other.isOver()).toBe(false);
    other.close();
  });

  test.each([
    ['no ticket', ''],
    ["a viewer's ticket", ticket('play', ALICE)],
    ['a ticket without a task', ticket('read', ALICE)],
    ["another stream's ticket", ticket('read', MIX, { task: 't', epoch: 1 })],
  ])('is refused with %s', async (_what, bad) => {
    expect((await fetch(`${rig.http}/internal/flv/${ALICE}?ticket=${bad}`)).status).toBe(403);
  });
});

describe('a worker that publishes a mix', () => {
  test('takes it over with a higher epoch, and is refused with a lower one', async () => {
    const first = await publish(mixUrl(5), MIX);
    const second = startPublisher(mixUrl(6), clip);
    running.push(second);
    await eventually(() => first.child.exitCode !== null);
    const late = startPublisher(mixUrl(5), clip);
    running.push(late);
    await eventually(() => late.child.exitCode !== null);
    expect(rig.logLines.find((line) => line.code === 'fenced')?.msg).toContain('publish refused');
    expect(second.child.exitCode).toBeNull();
    expect(rig.events).toEqual([]);
  });

  test('with the same epoch replaces itself', async () => {
    const first = await publish(mixUrl(5), MIX);
    running.push(startPublisher(mixUrl(5), clip));
    await eventually(() => first.child.exitCode !== null);
    expect(rig.hub.isLive(MIX)).toBe(true);
  });

  test('keeps its name from users, and comes with a ticket only', async () => {
    const mix = await publish(mixUrl(5), MIX);
    const user = startPublisher(rig.publishUrl({ user: 'mix_abc' }), clip);
    running.push(user);
    await eventually(() => user.child.exitCode !== null);
    const stranger = startPublisher(`${rig.rtmp}/internal/${ALICE}?ticket=x.y`, clip);
    running.push(stranger);
    await eventually(() => stranger.child.exitCode !== null);
    expect(rig.logLines.flatMap((line) => line.code ?? [])).toEqual(['conflict', 'ticket-invalid']);
    expect(mix.child.exitCode).toBeNull();
  });
});

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHttpServer } from '../../../src/api/http-server.ts';
import { registerHlsRoutes } from '../../../src/api/playback/hls.ts';
import { createHlsStore, type HlsStore } from '../../../src/api/playback/hls-store.ts';
import { GatewayError } from '../../../src/domain/errors.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { signTicket, verifyTicket } from '../../../src/identity/tickets.ts';
import { type FlvTag, isKeyFrame, isMedia, TAG_AUDIO, TAG_VIDEO } from '../../../src/media/flv/tag.ts';
import { createHlsUploader } from '../../../src/media/hls/hls-uploader.ts';
import { createSegmenter, type HlsSegment } from '../../../src/media/hls/segmenter.ts';
import { type FlvSpec, makeFlv, readFlv } from '../../support/clip.ts';
import { makeEnhancedClip } from '../../support/enhanced.ts';
import { eventually } from '../../support/eventually.ts';
import { decodeErrors, probe } from '../../support/media-checks.ts';

const run = promisify(execFile);
const log = pino({ level: 'silent' });
const STREAM = '1400000001_1001_mix-1_main';
const SECRET = new Secret('cluster');
const WALL = 1_700_000_000_000;

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'roomcast-hls-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

interface Made {
  readonly inits: Buffer[];
  readonly segments: HlsSegment[];
}

async function segmentTags(tags: readonly FlvTag[]): Promise<Made> {
  const made: Made = { inits: [], segments: [] };
  const segmenter = createSegmenter({
    log,
    onInit: (data) => made.inits.push(data),
    onSegment: (segment) => made.segments.push(segment),
    onError: (error) => {
      throw error;
    },
  });
  segmenter.streamStarted();
  for (const tag of tags) segmenter.take(tag, { arrivalMs: WALL + tag.timestamp, cached: false });
  await segmenter.end();
  return made;
}

const CLIPS: readonly (Omit<FlvSpec, 'dir'> & { says: string; lengths: readonly number[] })[] = [
  { name: 'two', says: 'one GOP of 2 s each', seconds: 8, lengths: [2000, 2000, 2000] },
  { name: 'one', says: 'two GOPs of 1 s each', seconds: 6, gop: 25, lengths: [2000, 2000] },
  { name: 'eight', says: 'one GOP of 8 s each', seconds: 20, gop: 200, lengths: [8000, 8000] },
  {
    name: 'b',
    says: 'B-frames, GOP 2 s',
    seconds: 8,
    gop: 60,
    fps: 30,
    bFrames: 2,
    lengths: [2000, 2000, 2000],
  },
  { name: 'picture', says: 'a picture alone', seconds: 6, audio: false, lengths: [2000, 2000] },
];

describe('HLS segments', () => {
  it('hold H.265 by enhanced RTMP and decode cleanly in a row, with every frame', async () => {
    const picture = 'testsrc2=size=320x180:rate=30';
    const tags = await makeEnhancedClip({ codec: 'hvc1', picture, toneHz: 440, seconds: 6, bFrames: 2 });
    const { inits, segments } = await segmentTags(tags);
    expect(inits).toHaveLength(1);
    expect(inits[0]?.includes('hvc1')).toBe(true);
    expect(segments).toHaveLength(3);
    const file = path.join(dir, 'row.mp4');
    await writeFile(file, Buffer.concat([...inits, ...segments.map((segment) => segment.data)]));
    expect(await decodeErrors(file)).toBe('');
    const found = await probe(file);
    expect(found.streams.find((stream) => stream.codec === 'hevc')?.frames).toBe(180);
  });

  for (const clip of CLIPS) {
    it(`hold ${clip.says} and decode cleanly in a row, with every frame`, async () => {
      const tags = await readFlv(await makeFlv({ ...clip, dir }));
      const { inits, segments } = await segmentTags(tags);

      expect(inits).toHaveLength(1);
      const lengths = segments.slice(0, -1).map((segment) => segment.durationMs);
      expect(lengths).toHaveLength(clip.lengths.length);
      for (const [index, length] of clip.lengths.entries()) {
        expect(Math.abs((lengths[index] ?? 0) - length)).toBeLessThanOrEqual(2);
      }
      const file = path.join(dir, 'row.mp4');
      await writeFile(file, Buffer.concat([...inits, ...segments.map((segment) => segment.data)]));
      expect(await decodeErrors(file)).toBe('');
      const found = await probe(file);
      const frames = (codec: string) => found.streams.find((stream) => stream.codec === codec)?.frames ?? 0;
      const fromKey = tags.slice(Math.max(0, tags.findIndex(isKeyFrame))).filter(isMedia);
      expect(frames('h264')).toBe(fromKey.filter((tag) => tag.type === TAG_VIDEO).length);
      expect(frames('aac')).toBe(fromKey.filter((tag) => tag.type === TAG_AUDIO).length);
    });
  }

  it('can each be decoded with nothing but the init segment', async () => {
    const tags = await readFlv(await makeFlv({ dir, name: 'each', seconds: 6, bFrames: 2 }));
    const { inits, segments } = await segmentTags(tags);
    for (const [index, segment] of segments.entries()) {
      const file = path.join(dir, `${index}.mp4`);
      await writeFile(file, Buffer.concat([...inits, segment.data]));
      expect(await decodeErrors(file)).toBe('');
    }
  });

  it('of sound alone are 2 s long', async () => {
    const tags = await readFlv(await makeFlv({ dir, name: 'sound', seconds: 7, video: false }));
    const { inits, segments } = await segmentTags(tags);
    expect(segments.length).toBeGreaterThanOrEqual(3);
    for (const { durationMs } of segments.slice(0, -1)) expect(Math.abs(durationMs - 2000)).toBeLessThan(120);
    const file = path.join(dir, 'row.mp4');
    await writeFile(file, Buffer.concat([...inits, ...segments.map((segment) => segment.data)]));
    expect(await decodeErrors(file)).toBe('');
  });

  it('tell when their first frame was live', async () => {
    const tags = await readFlv(await makeFlv({ dir, name: 'when', seconds: 5 }));
    const { segments } = await segmentTags(tags);
    const firstKeyMs = tags.find(isKeyFrame)?.timestamp ?? Number.NaN;
    const expected = [0, 2000, 4000].map((ms) => WALL + firstKeyMs + ms);
    expect(segments.map((segment) => segment.programTimeMs)).toEqual(expected);
  });

  it('begin with an init segment of their own after the stream was away', async () => {
    const tags = await readFlv(await makeFlv({ dir, name: 'away', seconds: 3 }));
    const later = tags.map((tag) => ({ ...tag, timestamp: tag.timestamp + 20_000 }));
    const { inits, segments } = await segmentTags([...tags, ...later]);
    expect(inits).toHaveLength(2);
    expect(segments.reduce((sum, segment) => sum + segment.durationMs, 0)).toBeLessThan(6500);
  });
});

interface Gateway {
  readonly url: string;
  readonly store: HlsStore;
  readonly wanted: string[];
  close(): Promise<void>;
}

async function startGateway(options: { port?: number; firstSegmentMs?: number } = {}): Promise<Gateway> {
  const store = createHlsStore({ log });
  const wanted: string[] = [];
  const app: FastifyInstance = createHttpServer({ log });
  registerHlsRoutes(app, {
    store,
    firstSegmentMs: options.firstSegmentMs ?? 10_000,
    markWanted: async (streamId) => {
      wanted.push(streamId);
    },
    authorisePlay: async (stream, proof) => {
      if (stream !== STREAM) throw new GatewayError('not-found', 'the stream is not on the air');
      const ticket = proof.type === 'ticket' ? proof.ticket : null;
      if (ticket !== null) verifyTicket(SECRET, ticket, { use: 'play', stream, nowMs: Date.now() });
      return stream;
    },
    verifyWorker: (stream, ticket) => {
      const { epoch } = verifyTicket(SECRET, ticket, { use: 'hls', stream, nowMs: Date.now() });
      return { epoch: epoch ?? 0 };
    },
  });
  await app.listen({ host: '127.0.0.1', port: options.port ?? 0 });
  const { port } = app.server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    store,
    wanted,
    async close() {
      store.close();
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

function hlsTicket(epoch: number): string {
  const expires = Math.floor(Date.now() / 1000) + 60;
  return signTicket(SECRET, { use: 'hls', stream: STREAM, task: `hls-${STREAM}`, epoch, expires });
}

function uploaderTo(url: () => string, epoch: number, onFenced: () => void = () => undefined) {
  return createHlsUploader({
    address: async () => `${url()}/internal/hls/${STREAM}`,
    ticket: () => hlsTicket(epoch),
    log,
    onFenced,
  });
}

describe('HLS over HTTP', () => {
  let gateway: Gateway;
  beforeEach(async () => {
    gateway = await startGateway();
  });
  afterEach(async () => {
    await gateway.close();
  });

  it('is played by FFmpeg with the ticket on every request', async () => {
    const tags = await readFlv(await makeFlv({ dir, name: 'play', seconds: 8, bFrames: 2 }));
    const { inits, segments } = await segmentTags(tags);
    const uploader = uploaderTo(() => gateway.url, 5);
    uploader.init(inits[0] ?? Buffer.alloc(0));
    for (const segment of segments) uploader.segment(segment);
    await eventually(() => uploader.stored === segments.length);
    const expires = Math.floor(Date.now() / 1000) + 60;
    const ticket = signTicket(SECRET, { use: 'play', stream: STREAM, expires });
    const url = `${gateway.url}/hls/${STREAM}/index.m3u8?ticket=${ticket}`;

    const { stdout, stderr } = await run('ffmpeg', [
      ...['-v', 'warning', '-live_start_index', '0', '-t', '6', '-i', url],
      ...['-map', '0:v', '-map', '0:a', '-f', 'framemd5', '-'],
    ]);

    expect(stderr).toBe('');
    const rows = stdout.split('\n').filter((line) => /^\d/.test(line));
    expect(rows.filter((line) => line.startsWith('0')).length).toBeGreaterThanOrEqual(145);
    expect(rows.filter((line) => line.startsWith('1')).length).toBeGreaterThan(270);
    expect(gateway.wanted).toContain(STREAM);
    await uploader.stop();
  });

  it('lets the first viewer wait for the first segment', async () => {
    const waiting = fetch(`${gateway.url}/hls/${STREAM}/index.m3u8`);
    await eventually(() => gateway.wanted.length === 1);
    const uploader = uploaderTo(() => gateway.url, 5);
    uploader.init(Buffer.from('init'));
    uploader.segment({ data: Buffer.from('media'), durationMs: 2000, programTimeMs: WALL });
    const response = await waiting;
    expect(response.status).toBe(200);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('content-type')).toContain('application/vnd.apple.mpegurl');
    expect(await response.text()).toMatch(/#EXTINF:2\.000,\n\d+\.m4s\n/);
    await uploader.stop();
  });

  it('answers 503 with a time to come back when no segment comes', async () => {
    const impatient = await startGateway({ firstSegmentMs: 50 });
    const response = await fetch(`${impatient.url}/hls/${STREAM}/index.m3u8`);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('2');
    await impatient.close();
  });

  it('refuses unknown streams, bad tickets, and uploads without a ticket before their body is read', async () => {
    expect((await fetch(`${gateway.url}/hls/other/index.m3u8`)).status).toBe(404);
    expect((await fetch(`${gateway.url}/hls/${STREAM}/index.m3u8?ticket=x`)).status).toBe(403);
    expect((await fetch(`${gateway.url}/hls/${STREAM}/1.m4s`)).status).toBe(404);
    const upload = (query: string, name = 'init') =>
      fetch(`${gateway.url}/internal/hls/${STREAM}/${name}?${query}`, { method: 'PUT', body: 'x' });
    expect((await upload('')).status).toBe(403);
    expect((await upload(`ticket=${hlsTicket(1)}`, 'segment')).status).toBe(400);
    expect((await upload(`ticket=${hlsTicket(1)}`, 'other')).status).toBe(404);
    expect(gateway.store.streams).toBe(0);
  });

  it('ends the worker with the lower epoch', async () => {
    const newer = uploaderTo(() => gateway.url, 9);
    newer.init(Buffer.from('new'));
    await eventually(() => gateway.store.bytes > 0);
    let fenced = false;
    const older = uploaderTo(
      () => gateway.url,
      8,
      () => {
        fenced = true;
      },
    );
    older.init(Buffer.from('old'));
    await eventually(() => fenced);
    await Promise.all([newer.stop(), older.stop()]);
  });

  it('goes on with a gateway that was restarted', async () => {
    const uploader = uploaderTo(() => gateway.url, 5);
    uploader.init(Buffer.from('init'));
    uploader.segment({ data: Buffer.from('first'), durationMs: 2000, programTimeMs: WALL });
    await eventually(() => uploader.stored === 1);
    await gateway.close();
    const { port } = new URL(gateway.url);
    uploader.segment({ data: Buffer.from('second'), durationMs: 2000, programTimeMs: WALL + 2000 });
    gateway = await startGateway({ port: Number(port) });
    await eventually(() => uploader.stored === 2);
    expect(gateway.store.playlist(STREAM, '')).toContain('#EXT-X-MAP');
    await uploader.stop();
  });
});

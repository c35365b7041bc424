import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createHlsJob } from '../../../jobs/hls.ts';
import type { JobContext } from '../../../jobs/job-context.ts';
import { registerHlsRoutes } from '../../../src/api/playback/hls.ts';
import { createHlsStore, type HlsStore } from '../../../src/api/playback/hls-store.ts';
import type { JobStatus } from '../../../src/domain/job.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { verifyTicket } from '../../../src/identity/tickets.ts';
import { makeFlv, readFlv } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import { decodeErrors } from '../../support/media-checks.ts';
import { OneStreamHub } from './one-stream-hub.ts';

const log = pino({ level: 'silent' });
const SECRET = new Secret('cluster');
const STREAM = '1400000001_1001_anna_main';

let dir: string;
let hub: OneStreamHub;
let store: HlsStore;
let statuses: JobStatus[];

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'roomcast-hls-job-'));
  const tags = await readFlv(await makeFlv({ dir, name: 'clip', seconds: 60, bFrames: 2 }));
  hub = new OneStreamHub({ tags, streamId: STREAM, secret: SECRET });
  store = createHlsStore({ log });
  statuses = [];
  registerHlsRoutes(hub.app, {
    store,
    markWanted: async () => undefined,
    authorisePlay: async (stream) => stream,
    verifyWorker: (stream, ticket) => {
      const claims = verifyTicket(SECRET, ticket, { use: 'hls', stream, nowMs: Date.now() });
      return { epoch: claims.epoch ?? 0 };
    },
  });
  await hub.listen();
});
afterEach(async () => {
  store.close();
  await hub.close();
  await rm(dir, { recursive: true, force: true });
});

function context(epoch: number, signal: AbortSignal): JobContext {
  const gateway = { gatewayId: 'g', internalHttp: hub.url, internalRtmp: '', publicHttp: '', publicRtmp: '' };
  return {
    job: { kind: 'hls', id: STREAM },
    epoch,
    clusterSecret: SECRET,
    dataDir: dir,
    log,
    facts: {
      getTask: async () => null,
      getRoom: async () => null,
      locateRoom: async () => gateway,
      locateStream: async () => gateway,
      watchRoom: () => () => undefined,
      saveRecording: async () => undefined,
      requestJob: async () => undefined,
    },
    signal,
    leftBehind: null,
    emit: () => undefined,
    tellApp: () => undefined,
    report: (status) => {
      statuses.push(status);
    },
    leave: () => undefined,
    onUpdate: () => () => undefined,
  };
}

it('makes a live playlist of a hub stream until it is stopped, a newer run taking over from an older one', async () => {
  const first = new AbortController();
  const second = new AbortController();
  const older = createHlsJob()(context(1, first.signal));
  const playlist = `${hub.url}/hls/${STREAM}/index.m3u8`;
  expect((await fetch(playlist)).status).toBe(200);
  await eventually(() => statuses.some((status) => status.kind === 'hls' && status.segments >= 1));

  const newer = createHlsJob()(context(2, second.signal));
  expect(await older).toEqual({ result: 'fenced' });
  const text = await eventually(async () => {
    const body = await (await fetch(playlist)).text();
    return body.includes('#EXT-X-DISCONTINUITY\n') && body;
  });
  expect(text).toContain('#EXT-X-TARGETDURATION:2\n');
  // FFmpeg hands a second init segment to the demuxer it has, and says so.
  const complaints = (await decodeErrors(playlist, ['-live_start_index', '-1', '-t', '3'])).split('\n');
  expect(complaints.filter((line) => line !== '' && !line.includes('duplicated MOOV'))).toEqual([]);

  second.abort('stopped');
  expect(await newer).toEqual({ result: 'stopped' });
}, 60_000);

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Redis } from 'ioredis';
import pino from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createHttpServer } from '../../../src/api/http-server.ts';
import { registerOperatorRoutes } from '../../../src/api/operator/register.ts';
import type { Apps } from '../../../src/config/app.ts';
import type { RoomFacts } from '../../../src/domain/room.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { unseal } from '../../../src/identity/seal.ts';
import { verifyTicket } from '../../../src/identity/tickets.ts';
import { createRedis, waitUntilReady } from '../../../src/queue/redis.ts';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../../src/redis/embedded-redis.ts';
import {
  createStatusWriter,
  readFailures,
  readStatuses,
  saveFailure,
} from '../../../src/tasks/job-status.ts';
import { createRecordings } from '../../../src/tasks/recordings.ts';
import { createTaskStore, type TaskStore } from '../../../src/tasks/task-store.ts';

const APP_ID = 1_400_000_001;
const TOKEN = 'an-admin-token-of-tests';
const KEY = 'very-secret-stream-key';
const TO = `rtmp://127.0.0.1:1999/live/${KEY}`;
const SHOWN = 'rtmp://127.0.0.1:1999/live/****';

const clusterSecret = new Secret('a cluster secret of tests');
const apps: Apps = {
  apps: [
    { sdkAppId: APP_ID, name: 'one', secretKey: new Secret('k'.repeat(64)), apiKeys: [], playback: 'public' },
  ],
  adminToken: new Secret(TOKEN),
};
const log = pino({ level: 'silent' });

let dir: string;
let server: EmbeddedRedis;
let redis: Redis;
let app: FastifyInstance;
let tasks: TaskStore;
let rooms: RoomFacts[] = [];

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'roomcast-api-'));
  server = await startEmbeddedRedis(dir, log);
  await server.firstReady;
  redis = createRedis(server.url, { purpose: 'facts', log });
  await waitUntilReady(redis);
  tasks = createTaskStore(redis);
  app = createHttpServer({ log });
  registerOperatorRoutes(app, {
    apps,
    clusterSecret,
    tasks,
    rooms: { list: async () => rooms },
    statuses: { all: () => readStatuses(redis) },
    failures: { all: () => readFailures(redis) },
    recordings: createRecordings(redis),
    publicUrls: () => ({ http: 'http://live.test:8080', rtmp: 'rtmp://live.test:1935' }),
    now: Date.now,
  });
  await app.ready();
});

afterAll(async () => {
  await app.close();
  redis.disconnect();
  await server.stop(5000);
  await rm(dir, { recursive: true, force: true });
});

beforeEach(async () => {
  rooms = [];
  await redis.flushall();
});

interface Answer {
  readonly status: number;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects is its type
  readonly json: any;
}

async function ask(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  url: string,
  body?: object,
  token: string | null = TOKEN,
): Promise<Answer> {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const answer = await app.inject({
    method,
    url: `/api/v1${url}`,
    headers,
    ...(body ? { payload: body } : {}),
  });
  return { status: answer.statusCode, text: answer.body, json: JSON.parse(answer.body) };
}

async function startRelay(body: object = {}): Promise<string> {
  const { status, json, text } = await ask('POST', '/relays', { room: 7, targets: [TO], ...body });
  expect(status, text).toBe(201);
  return json.taskId as string;
}

describe('the door', () => {
  it.each([null, 'wrong', `${TOKEN}x`])('refuses the token %j with 401 and does nothing', async (token) => {
    const { status, json } = await ask('POST', '/relays', { room: 7, targets: [TO] }, token);
    expect(status).toBe(401);
    expect(json).toEqual({ error: { code: 'unauthorized', message: expect.any(String) } });
    expect(await tasks.list()).toEqual([]);
  });

  it('answers what is not there with 404 and what is no JSON with 400, in the same envelope', async () => {
    expect(await ask('GET', '/nothing')).toMatchObject({
      status: 404,
      json: { error: { code: 'not-found' } },
    });
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const broken = await app.inject({ method: 'POST', url: '/api/v1/relays', headers, payload: '{"room":' });
    expect(broken.statusCode).toBe(400);
    expect(broken.json()).toMatchObject({ error: { code: 'bad-request' } });
    const payload = JSON.stringify({ room: 'x'.repeat(70_000) });
    const large = await app.inject({ method: 'POST', url: '/api/v1/relays', headers, payload });
    expect(large.statusCode).toBe(413);
    expect(large.json()).toMatchObject({ error: { code: 'too-large' } });
  });

  it('describes every route without a token', async () => {
    const { status, json } = await ask('GET', '/openapi.json', undefined, null);
    expect(status).toBe(200);
    expect(Object.keys(json.paths).sort()).toEqual([
      '/recordings',
      '/recordings/{id}',
      '/relays',
      '/relays/{id}',
      '/relays/{id}/retry',
      '/rooms',
      '/streams/{id}/play-url',
    ]);
  });
});

describe('starting a relay', () => {
  it('stores the task with its key sealed, and shows it with its key hidden', async () => {
    const { status, json } = await ask('POST', '/relays', { room: 7, targets: [TO] });
    expect(status).toBe(201);
    const agent = `mix_${json.taskId.slice(0, 8)}`;
    expect(json.streamId).toBe(`${APP_ID}_7_${agent}_main`);
    const listed = await ask('GET', '/relays');
    const target = {
      url: SHOWN,
      state: 'idle',
      attempt: 0,
      nextRetryAt: null,
      lastError: null,
      bytes: 0,
    };
    expect(listed.json).toEqual([
      { taskId: json.taskId, room: 7, state: 'waiting', streamId: json.streamId, targets: [target] },
    ]);
    expect((await ask('GET', `/relays/${json.taskId}`)).json).toEqual({
      ...listed.json[0],
      error: null,
    });
    const mix = { kind: 'mix', id: json.taskId } as const;
    await saveFailure(redis, mix, { code: 'tool-missing', message: 'there is no ffmpeg', at: 1, epoch: 5 });
    expect((await ask('GET', `/relays/${json.taskId}`)).json.error).toBe('there is no ffmpeg');
    const stored = JSON.stringify(await redis.hgetall('roomcast:tasks'));
    expect(stored).not.toContain(KEY);
    const task = await tasks.get(json.taskId);
    const sealed = task?.kind === 'relay' ? (task.targets[0]?.sealedUrl ?? '') : '';
    expect(unseal(clusterSecret, sealed).reveal()).toBe(TO);
  });

  it('keeps integer room 7 and string room "7" apart', async () => {
    await startRelay({ room: 7 });
    await startRelay({ room: '7' });
    const { json } = await ask('GET', '/relays');
    expect(json.map((relay: { room: unknown }) => relay.room)).toEqual([7, '7']);
    expect(json[0].streamId).not.toBe(json[1].streamId);
  });

  it.each<[string, object]>([
    ['room 0', { room: 0 }],
    ['room 4294967296', { room: 4_294_967_296 }],
    ['a room of 65 characters', { room: 'x'.repeat(65) }],
    ['a room with a slash', { room: 'a/b' }],
    ['no target', { targets: [] }],
    ['21 targets', { targets: Array.from({ length: 21 }, (_, n) => `${TO}${n}`) }],
    ['a URL that is none', { targets: ['http://127.0.0.1/live/x'] }],
    ['the same URL twice', { targets: [TO, TO] }],
    ['an odd width', { video: { width: 641 } }],
    ['a height of 1922', { video: { height: 1922 } }],
    ['61 frames a second', { video: { fps: 61 } }],
    ['9 kbps', { video: { bitrateKbps: 9 } }],
    ['an unknown field', { colour: 'red' }],
    ['an unknown app', { sdkAppId: 5 }],
    ['an agent of digits only', { agentUserId: '123' }],
    ['a copy with a layout', { single: { userId: 'ann' }, layout: 'grid' }],
  ])('refuses %s in one sentence and stores nothing', async (_what, body) => {
    const { status, json, text } = await ask('POST', '/relays', { room: 7, targets: [TO], ...body });
    expect([400, 409]).toContain(status);
    expect(json.error.message.split('\n')).toHaveLength(1);
    expect(text).not.toContain(KEY);
    expect(await tasks.list()).toEqual([]);
  });

  it('refuses an agent that somebody in the room is', async () => {
    const facts = {
      appId: APP_ID,
      room: { kind: 'number', value: 7 },
      createdAt: 1,
      ownerUserId: 'ann',
      gatewayId: 'g',
      users: [{ userId: 'ann', order: 1, enteredAt: 1, lostAt: null, gatewayId: 'g', streams: [] }],
    };
    await redis.hset('roomcast:rooms', `${APP_ID}/7`, JSON.stringify(facts));
    const { status, json } = await ask('POST', '/relays', { room: 7, targets: [TO], agentUserId: 'Ann' });
    expect(status).toBe(409);
    expect(json.error.code).toBe('conflict');
  });
});

describe('a running relay', () => {
  it('shows what its workers report', async () => {
    const taskId = await startRelay();
    const writer = createStatusWriter({ redis, job: { kind: 'push', id: taskId }, workerId: 'w', epoch: 1 });
    const task = await tasks.get(taskId);
    const targetId = task?.kind === 'relay' ? (task.targets[0]?.id ?? '') : '';
    const lastError = { code: 'connection-refused', message: 'nobody listens there', at: 5 };
    writer.report({
      kind: 'push',
      source: 'waiting',
      targets: [
        {
          targetId,
          url: SHOWN,
          state: 'backing-off',
          attempt: 4,
          nextRetryAt: 77,
          lastError,
          bytes: 12,
          lagMs: 0,
          droppedFrames: 0,
          connectedAt: null,
          sessions: 0,
        },
      ],
    });
    await writer.rewrite();
    const { json } = await ask('GET', `/relays/${taskId}`);
    expect(json.targets).toEqual([
      { url: SHOWN, state: 'backing-off', attempt: 4, nextRetryAt: 77, lastError, bytes: 12 },
    ]);
    await writer.close();
  });

  it('gains and loses targets while the others keep their identity', async () => {
    const taskId = await startRelay();
    const before = await tasks.get(taskId);
    const added = await ask('PATCH', `/relays/${taskId}`, { add: [`${TO}2`] });
    expect(added).toMatchObject({ status: 200, json: { taskId } });
    const after = await tasks.get(taskId);
    if (before?.kind !== 'relay' || after?.kind !== 'relay') throw new Error('not stored');
    expect(after.targets[0]).toEqual(before.targets[0]);
    expect(after.targets).toHaveLength(2);
    expect(after.revision).toBeGreaterThan(before.revision);
    expect((await ask('PATCH', `/relays/${taskId}`, { remove: [TO] })).status).toBe(200);
    const left = await tasks.get(taskId);
    expect(left?.kind === 'relay' && left.targets).toEqual([after.targets[1]]);
  });

  it.each<[string, object, number]>([
    ['nothing', {}, 400],
    ['a target it has', { add: [TO] }, 409],
    ['a target it does not have', { remove: [`${TO}-other`] }, 404],
    ['its last target', { remove: [TO] }, 400],
    ['a layout that does not exist', { layout: 'circle' }, 400],
    ['a main user of the grid', { main: 'ann' }, 400],
    [
      'a custom layout larger than the canvas',
      { layout: { mode: 'custom', cells: [{ x: 1000, y: 0, width: 640, height: 360 }] } },
      400,
    ],
    ['a layout and a target it has', { layout: 'floating', add: [TO] }, 409],
  ])('is not changed by %s', async (_what, body, expected) => {
    const taskId = await startRelay();
    const before = await tasks.get(taskId);
    expect((await ask('PATCH', `/relays/${taskId}`, body)).status).toBe(expected);
    expect(await tasks.get(taskId)).toEqual(before);
  });

  it('changes its layout and main user, and keeps its targets', async () => {
    const taskId = await startRelay({ layout: 'floating', main: 'ann' });
    const layoutOf = async () => {
      const task = await tasks.get(taskId);
      return task?.source.type === 'mix' ? task.source.programme.layout : null;
    };
    expect(await layoutOf()).toEqual({ mode: 'floating', main: { userId: 'ann' } });
    expect((await ask('PATCH', `/relays/${taskId}`, { layout: 'share' })).status).toBe(200);
    expect(await layoutOf()).toEqual({ mode: 'share', main: { userId: 'ann' } });
    expect((await ask('PATCH', `/relays/${taskId}`, { main: 'bob' })).status).toBe(200);
    expect(await layoutOf()).toEqual({ mode: 'share', main: { userId: 'bob' } });
    const cell = { x: 0, y: 0, width: 640, height: 360, source: { userId: 'ann' } };
    const custom = { mode: 'custom', cells: [cell] };
    expect((await ask('PATCH', `/relays/${taskId}`, { layout: custom })).status).toBe(200);
    expect(await layoutOf()).toEqual({
      mode: 'custom',
      cells: [{ ...cell, source: { userId: 'ann', stream: 'main' } }],
    });
    expect(await tasks.get(taskId)).toMatchObject({ kind: 'relay', targets: [{ shownUrl: SHOWN }] });
  });

  it('that copies one stream has no layout', async () => {
    const taskId = await startRelay({ single: { userId: 'ann' } });
    expect((await ask('PATCH', `/relays/${taskId}`, { layout: 'grid' })).status).toBe(400);
  });

  it('is told to connect a target now, by its whole URL or as it is shown', async () => {
    const taskId = await startRelay();
    expect((await ask('POST', `/relays/${taskId}/retry`, { url: TO })).status).toBe(200);
    expect((await ask('POST', `/relays/${taskId}/retry`, { url: SHOWN })).status).toBe(200);
    const task = await tasks.get(taskId);
    const relay = task?.kind === 'relay' ? task : null;
    expect(relay?.retryNonce).toEqual({ [relay?.targets[0]?.id ?? '']: 2 });
  });

  it('wants the whole URL where two are shown alike', async () => {
    const taskId = await startRelay({ targets: [TO, `${TO}2`] });
    expect((await ask('POST', `/relays/${taskId}/retry`, { url: SHOWN })).status).toBe(409);
    expect((await ask('POST', `/relays/${taskId}/retry`, { url: TO })).status).toBe(200);
  });

  it('stops once; later changes are refused, and it stays in the list for an hour', async () => {
    const taskId = await startRelay();
    expect(await ask('DELETE', `/relays/${taskId}`)).toMatchObject({ status: 200, json: { taskId } });
    expect(await ask('DELETE', `/relays/${taskId}`)).toMatchObject({ status: 200, json: { taskId } });
    expect(await tasks.get(taskId)).toMatchObject({ endReason: 'stopped' });
    expect((await ask('PATCH', `/relays/${taskId}`, { add: [`${TO}2`] })).status).toBe(409);
    expect((await ask('GET', '/relays')).json).toMatchObject([{ taskId, state: 'ended' }]);
  });

  it.each(['GET', 'DELETE'] as const)('%s of an unknown one is 404', async (method) => {
    expect((await ask(method, '/relays/nosuchtask')).status).toBe(404);
  });
});

describe('recordings', () => {
  it('share the mix of a relay, and one can be scheduled', async () => {
    const relayId = await startRelay();
    const startAt = Date.now() + 60_000;
    const { status, json } = await ask('POST', '/recordings', { room: 7, startAt, durationMs: 90_000 });
    expect(status).toBe(201);
    expect(await tasks.get(json.taskId)).toMatchObject({
      kind: 'record',
      source: { type: 'mix', mixTaskId: relayId },
      startAt,
      durationMs: 90_000,
    });
    const listed = await ask('GET', '/recordings');
    expect(listed.json).toEqual([{ taskId: json.taskId, room: 7, state: 'scheduled', files: [] }]);
    expect((await ask('GET', '/relays')).json).toHaveLength(1);
  });

  it('say why they do not run, until a later run does', async () => {
    const { json } = await ask('POST', '/recordings', { room: '8', single: { userId: 'Ann' } });
    const job = { kind: 'record', id: json.taskId } as const;
    const error = async () => (await ask('GET', `/recordings/${json.taskId}`)).json.error;
    await saveFailure(redis, job, { code: 'disk', message: 'the disk is full', at: 1, epoch: 5 });
    expect(await error()).toBe('the disk is full');
    const writer = createStatusWriter({ redis, job, workerId: 'w', epoch: 6 });
    writer.report({ kind: 'record', state: 'waiting', startedAt: null, mediaMs: 0, bytes: 0, gaps: 0 });
    await writer.rewrite();
    expect(await error()).toBeNull();
    await writer.close();
  });

  it('show their files when they are ready', async () => {
    const { json } = await ask('POST', '/recordings', { room: '7', single: { userId: 'Ann' } });
    const file = {
      path: '/data/a.mp4',
      userId: 'Ann',
      durationMs: 1000,
      bytes: 5,
      verdict: { playable: true, gaps: 0, secondsLost: 0 },
    };
    const result = {
      taskId: json.taskId,
      state: 'ready',
      onAirMs: 1000,
      files: [file],
      error: null,
    } as const;
    await createRecordings(redis).save('here', result);
    expect((await ask('DELETE', `/recordings/${json.taskId}`)).status).toBe(200);
    expect((await ask('GET', `/recordings/${json.taskId}`)).json).toEqual({
      taskId: json.taskId,
      room: '7',
      state: 'ready',
      files: [file],
      onAirMs: 1000,
      error: null,
    });
  });

  it.each<[string, object]>([
    ['a start in the past', { startAt: 1000 }],
    ['a length of a millisecond', { durationMs: 1 }],
    ['a format of a later version', { formats: ['hls'] }],
    ['a user of digits only', { single: { userId: '123' } }],
  ])('refuse %s and store nothing', async (_what, body) => {
    expect((await ask('POST', '/recordings', { room: 7, ...body })).status).toBe(400);
    expect(await tasks.list()).toEqual([]);
  });

  it('are not relays', async () => {
    const { json } = await ask('POST', '/recordings', { room: 7 });
    expect((await ask('DELETE', `/relays/${json.taskId}`)).status).toBe(404);
    expect(await tasks.get(json.taskId)).toMatchObject({ endedAt: null });
  });
});

describe('rooms and streams', () => {
  it('lists rooms with their users and streams', async () => {
    const stream = { streamId: `${APP_ID}_7_ann_main`, kind: 'main', publishedAt: 3 } as const;
    rooms = [
      {
        appId: APP_ID,
        room: { kind: 'number', value: 7 },
        createdAt: 1,
        ownerUserId: 'ann',
        gatewayId: 'g',
        users: [{ userId: 'Ann', order: 1, enteredAt: 2, lostAt: null, gatewayId: 'g', streams: [stream] }],
      },
    ];
    expect((await ask('GET', '/rooms')).json).toEqual([
      {
        sdkAppId: APP_ID,
        room: 7,
        createdAt: 1,
        users: [{ userId: 'Ann', enteredAt: 2, lostAt: null, streams: [stream] }],
      },
    ]);
    const taskId = await startRelay();
    expect((await ask('GET', `/relays/${taskId}`)).json.state).toBe('starting');
  });

  it('gives URLs with a ticket that is good for that stream for a day', async () => {
    const stream = `${APP_ID}_7_ann_main`;
    const { json } = await ask('GET', `/streams/${stream}/play-url`);
    const ticket = new URL(json.flv).searchParams.get('ticket') ?? '';
    const nowMs = Date.now() + 23 * 3_600_000;
    expect(verifyTicket(clusterSecret, ticket, { use: 'play', stream, nowMs })).toMatchObject({ stream });
    expect(json).toMatchObject({
      streamId: stream,
      rtmp: `rtmp://live.test:1935/live/${stream}?ticket=${ticket}`,
      flv: `http://live.test:8080/live/${stream}.flv?ticket=${ticket}`,
      hls: `http://live.test:8080/hls/${stream}/index.m3u8?ticket=${ticket}`,
    });
  });

  it.each([
    ['not-a-stream', 400],
    ['5_7_ann_main', 404],
  ])('gives none for %s', async (stream, expected) => {
    expect((await ask('GET', `/streams/${stream}/play-url`)).status).toBe(expected);
  });
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Redis } from 'ioredis';
import pino from 'pino';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { createHttpServer } from '../../src/api/http-server.ts';
import { registerOperatorRoutes } from '../../src/api/operator/register.ts';
import { type Apps, DEFAULT_APP_SETTINGS } from '../../src/config/app.ts';
import { LiveApps } from '../../src/config/live-apps.ts';
import type { RoomFacts } from '../../src/domain/room.ts';
import { Secret } from '../../src/domain/secret.ts';
import { checkDestination } from '../../src/media/push/preflight.ts';
import { type Announcements, createAnnouncements } from '../../src/queue/announcements.ts';
import { createRedis, waitUntilReady } from '../../src/queue/redis.ts';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/redis/embedded-redis.ts';
import { RoomRegistry } from '../../src/rooms/registry.ts';
import { RoomStore } from '../../src/rooms/room-store.ts';
import { readFailures, readStatuses } from '../../src/tasks/job-status.ts';
import { createRecordings } from '../../src/tasks/recordings.ts';
import { followEvents, readMixEvents, readPushEvents } from '../../src/tasks/task-events.ts';
import { createTaskStore, type TaskStore } from '../../src/tasks/task-store.ts';
import { listWorkers } from '../../src/tasks/worker-facts.ts';

export const APP_ID = 1_400_000_001;
export const TOKEN = 'an-admin-token-of-tests';
export const KEY = 'very-secret-stream-key';
export const TO = `rtmp://127.0.0.1:1999/live/${KEY}`;
export const SHOWN = 'rtmp://127.0.0.1:1999/live/****';

export const clusterSecret = new Secret('a cluster secret of tests');
const apps: Apps = {
  apps: [
    {
      ...DEFAULT_APP_SETTINGS,
      sdkAppId: APP_ID,
      name: 'one',
      secretKey: new Secret('k'.repeat(64)),
      apiKeys: [],
      accountType: 0,
    },
  ],
  adminToken: new Secret(TOKEN),
};
const log = pino({ level: 'silent' });

let dir: string;
let server: EmbeddedRedis;
export let redis: Redis;
export let app: FastifyInstance;
export let tasks: TaskStore;
let registry: RoomRegistry;
let announcements: Announcements;
let liveApps: LiveApps;
let rooms: readonly RoomFacts[] = [];

/** Every test of the file gets the operator API on an empty, real Redis. */
export function useOperatorApi(): void {
  beforeAll(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'roomcast-api-'));
    server = await startEmbeddedRedis(dir, log);
    await server.firstReady;
    redis = createRedis(server.url, { purpose: 'facts', log });
    await waitUntilReady(redis);
    tasks = createTaskStore(redis);
    announcements = createAnnouncements(createRedis(server.url, { purpose: 'subscriber', log }), log);
    const store = new RoomStore({ redis, gatewayId: 'g' });
    registry = new RoomRegistry({ redis, announcements, store, gatewayId: 'g', graceMs: 30_000, log });
    liveApps = new LiveApps({ apps, redis, announcements, log });
    app = createHttpServer({ log });
    registerOperatorRoutes(app, {
      apps: liveApps,
      clusterSecret,
      tasks,
      rooms: {
        list: async () => rooms,
        setBlocked: (user, blocked) => registry.setBlocked(user, blocked),
        dismiss: (appId, room) => registry.dismiss(appId, room),
        removeUsers: (appId, room, userIds) => registry.removeUsers(appId, room, userIds),
      },
      statuses: { all: () => readStatuses(redis) },
      failures: { all: () => readFailures(redis) },
      workers: { list: () => listWorkers(redis) },
      recordings: createRecordings(redis),
      events: {
        ofMix: (mixTaskId) => readMixEvents(redis, mixTaskId),
        ofPush: (taskId) => readPushEvents(redis, taskId),
        hear: followEvents(announcements).hear,
      },
      checkDestination: (url) => checkDestination(url.reveal()),
      publicUrls: () => ({ http: 'http://live.test:8080', rtmp: 'rtmp://live.test:1935' }),
      findHome: async () => null,
      now: Date.now,
    });
    await app.ready();
  });

  afterAll(async () => {
    await app.close();
    await registry.close();
    liveApps.stop();
    announcements.close();
    redis.disconnect();
    await server.stop(5000);
    await rm(dir, { recursive: true, force: true });
  });

  beforeEach(async () => {
    rooms = [];
    await redis.flushall();
  });
}

/** What the API hears of rooms, until the end of the test. */
export function showRooms(facts: readonly RoomFacts[]): void {
  rooms = facts;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects is its type
  readonly json: any;
}

/** One request under /api/v1, with the admin token unless another is given. */
export async function ask(
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
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

/** Starts a relay of room 7 to TO; its task id. */
export async function startRelay(body: object = {}): Promise<string> {
  const { status, json, text } = await ask('POST', '/relays', { room: 7, targets: [TO], ...body });
  expect(status, text).toBe(201);
  return json.taskId as string;
}

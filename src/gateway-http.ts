import type { FastifyInstance } from 'fastify';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { registerHealthRoutes } from './api/health.ts';
import { registerMetricsRoute } from './api/metrics/routes.ts';
import type { SharedFacts } from './api/metrics/shared-metrics.ts';
import { registerOperatorRoutes } from './api/operator/register.ts';
import { registerFlvRoutes } from './api/playback/flv.ts';
import { registerHlsRoutes } from './api/playback/hls.ts';
import { createHlsStore } from './api/playback/hls-store.ts';
import { createWsFlv } from './api/playback/ws-flv.ts';
import { attachUpgrades, refuseUpgrade } from './api/upgrades.ts';
import { readCallbackFigures } from './callbacks/outbox.ts';
import type { Addresses } from './config/addresses.ts';
import { type Apps, callbackApps } from './config/app.ts';
import type { Config } from './config/config.ts';
import type { LiveApps } from './config/live-apps.ts';
import type { PublicUrls } from './domain/playback-urls.ts';
import type { Secret } from './domain/secret.ts';
import { createGroups } from './groups/groups.ts';
import { verifyTicket } from './identity/tickets.ts';
import type { Hub } from './ingest/hub.ts';
import { checkDestination } from './media/push/preflight.ts';
import { createTrust } from './media/rtmp/trust.ts';
import type { Announcements } from './queue/announcements.ts';
import { reach } from './queue/redis.ts';
import { markHlsWanted } from './rooms/hls-wanted.ts';
import type { LateRegistry } from './rooms/late-registry.ts';
import { readRooms } from './rooms/room-facts.ts';
import { findElsewhere, findStreamHome } from './rooms/stream-home.ts';
import { createSignalling, type Signalling } from './signalling/signalling.ts';
import type { Closers } from './supervisor/closers.ts';
import type { Supervised } from './supervisor/supervised.ts';
import type { Agents } from './tasks/agents.ts';
import { readFailures, readStatuses } from './tasks/job-status.ts';
import { createRecordings } from './tasks/recordings.ts';
import { type EventEar, readMixEvents, readPushEvents } from './tasks/task-events.ts';
import { createTaskStore } from './tasks/task-store.ts';
import { listWorkers } from './tasks/worker-facts.ts';

/** Commands wait a little longer than that for an answer. */
const CHECK_MS = 12_000;

export interface HttpParts {
  readonly config: Config;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly closers: Closers;
  /** Null: this gateway is a process of its own. */
  readonly supervised: Supervised | null;
  readonly redis: Redis;
  readonly announcements: Announcements;
  readonly clusterSecret: Secret;
  readonly apps: LiveApps;
  readonly agents: Agents;
  readonly hub: Hub;
  readonly rooms: LateRegistry;
  readonly ear: EventEar;
  /** Those of the ports that are open: not before the server listens. */
  readonly addresses: () => Addresses;
}

/** Everything one gateway answers over HTTP: health, metrics, playback and the operator API. */
export function registerRoutes(app: FastifyInstance, parts: HttpParts): void {
  const { supervised, redis, apps, hub } = parts;
  registerHealthRoutes(app, {
    redis: () => redis.status === 'ready',
    hub: () => hub.port > 0,
    http: () => app.server.listening,
    ...(supervised === null ? {} : { worker: () => supervised.workerReady() }),
  });
  const signalling = openSignalling(parts);
  registerMetricsRoute(app, {
    readShared: () => readSharedFacts(redis, apps),
    streams: () => hub.streams(),
    signals: () => signalling.view(),
  });
  registerPlayback(app, parts, signalling);
  registerOperator(app, parts);
}

function publicUrlsOf({ addresses }: HttpParts): PublicUrls {
  const { publicHttp: http, publicRtmp: rtmp } = addresses();
  return { http, rtmp };
}

function registerPlayback(app: FastifyInstance, parts: HttpParts, signalling: Signalling): void {
  const { redis, clusterSecret, hub, closers, log } = parts;
  const own = () => publicUrlsOf(parts);
  const elsewhere = (stream: string) => findElsewhere(redis, stream, own());
  registerFlvRoutes(app, { hub, findElsewhere: elsewhere });
  const wsFlv = createWsFlv({ hub });
  closers.add('websockets', () => wsFlv.close());
  const upgrades = attachUpgrades(app.server, [
    wsFlv.handle,
    (request, socket, head) => signalling.upgrade(request, socket, head, refuseUpgrade),
  ]);
  closers.add('upgrades', () => upgrades.close());
  const store = createHlsStore({ log: log.child({ part: 'hls' }) });
  closers.add('hls', () => store.close());
  registerHlsRoutes(app, {
    store,
    markWanted: (streamId) => markHlsWanted(redis, streamId, Date.now()),
    findElsewhere: elsewhere,
    authorisePlay: (stream, proof) => hub.authorisePlay(stream, proof),
    verifyWorker: (stream, ticket) => ({
      epoch: verifyTicket(clusterSecret, ticket, { use: 'hls', stream, nowMs: Date.now() }).epoch ?? 0,
    }),
  });
}

/** Users over WebSocket; `rooms` answers once the registry is there. */
function openSignalling(parts: HttpParts): Signalling {
  const { redis, announcements, rooms, apps, agents, clusterSecret, config, closers } = parts;
  const groups = createGroups({ redis, announcements, log: parts.log.child({ part: 'groups' }) });
  closers.add('groups', () => groups.close());
  const signalling = createSignalling({
    ...{ redis, announcements, groups, apps, clusterSecret },
    registry: rooms,
    isAgent: agents.has,
    graceMs: config.lostUserGraceSeconds * 1000,
    publicUrls: () => publicUrlsOf(parts),
    log: parts.log.child({ part: 'signalling' }),
  });
  closers.add('signalling', () => signalling.close());
  return signalling;
}

function registerOperator(app: FastifyInstance, parts: HttpParts): void {
  const { config, signal, redis, clusterSecret, apps, rooms, ear } = parts;
  const trust = createTrust(config.caFile);
  registerOperatorRoutes(app, {
    apps,
    tasks: createTaskStore(redis),
    rooms: {
      list: () => reach(() => readRooms(redis)),
      setBlocked: rooms.setBlocked,
      dismiss: rooms.dismiss,
      removeUsers: rooms.removeUsers,
    },
    statuses: { all: () => readStatuses(redis) },
    failures: { all: () => readFailures(redis) },
    workers: { list: () => listWorkers(redis) },
    recordings: createRecordings(redis),
    events: {
      ofMix: (mixTaskId) => readMixEvents(redis, mixTaskId),
      ofPush: (taskId) => readPushEvents(redis, taskId),
      hear: (listener) => ear.hear(listener),
    },
    checkDestination: (url) => checkDestination(url.reveal(), { trust, signal, deadlineMs: CHECK_MS }),
    clusterSecret,
    publicUrls: () => publicUrlsOf(parts),
    findHome: (stream) => findStreamHome(redis, stream),
    now: Date.now,
  });
}

async function readSharedFacts(redis: Redis, apps: Apps): Promise<SharedFacts> {
  const callbackAppIds = callbackApps(apps).addresses.map(({ appId }) => appId);
  const [tasks, statuses, rooms, workers, callbacks] = await Promise.all([
    createTaskStore(redis).listRunning(),
    readStatuses(redis),
    reach(() => readRooms(redis)),
    listWorkers(redis),
    readCallbackFigures(redis, callbackAppIds),
  ]);
  return { tasks, statuses, rooms, workers, callbacks };
}

import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import type { FastifyInstance } from 'fastify';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { createHttpServer } from './api/http-server.ts';
import { createRoomOutbox } from './callbacks/room-outbox.ts';
import { type Addresses, addressesOf } from './config/addresses.ts';
import { type Apps, callbackApps } from './config/app.ts';
import { type LoadedApps, loadOrCreateApps } from './config/apps.ts';
import { loadClusterSecret } from './config/cluster-secret.ts';
import type { Config } from './config/config.ts';
import { lockDataDir, ROLE_END_MS } from './config/data-dir.ts';
import { requireRedisUrl } from './config/env.ts';
import { LiveApps } from './config/live-apps.ts';
import { removeRunFile, writeRunFile } from './config/run-file.ts';
import { loadClusterApps } from './config/shared-apps.ts';
import { GatewayError } from './domain/errors.ts';
import type { GatewayFacts } from './domain/room.ts';
import type { Secret } from './domain/secret.ts';
import { startDuties } from './gateway-duties.ts';
import { registerRoutes } from './gateway-http.ts';
import { createHub, type Hub } from './ingest/hub.ts';
import { createAnnouncements } from './queue/announcements.ts';
import { createRedis, waitUntilReady } from './queue/redis.ts';
import { evictSentence } from './rooms/evictions.ts';
import { gatewayIdOf, startHeartbeat } from './rooms/gateway-facts.ts';
import { LateRegistry } from './rooms/late-registry.ts';
import { createMemberCheck } from './rooms/members.ts';
import { RoomRegistry } from './rooms/registry.ts';
import { RoomStore } from './rooms/room-store.ts';
import { Closers } from './supervisor/closers.ts';
import type { GatewayReady } from './supervisor/messages.ts';
import type { ParentLink } from './supervisor/parent-link.ts';
import { followSupervisor, type Supervised } from './supervisor/supervised.ts';
import { untilAborted } from './supervisor/until-aborted.ts';
import { followAgents } from './tasks/agents.ts';
import { followEvents } from './tasks/task-events.ts';
import { createTaskStore } from './tasks/task-store.ts';

export interface GatewayOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly parent: ParentLink | null;
  /** It serves; `firstApps` is there when this was the first start on this data dir. */
  readonly onReady: (facts: GatewayReady, firstApps: Apps | null) => void;
}

/** Runs one gateway until the signal; throws one sentence when a port is taken or a setting does not fit. */
export async function runGateway(options: GatewayOptions): Promise<void> {
  const closers = new Closers(options.log);
  try {
    await bringUp(options, closers);
    await untilAborted(options.signal);
    options.log.info({ reason: String(options.signal.reason) }, 'ending');
  } finally {
    await closers.closeAll();
  }
}

async function bringUp(options: GatewayOptions, closers: Closers): Promise<void> {
  const { config, log, signal, parent } = options;
  const redisUrl = requireRedisUrl(config);
  const supervised = parent === null ? null : await followSupervisor(parent);
  // Under a supervisor its predecessor may still be ending: that one's supervisor was killed.
  const part = { part: 'gateway', waitMs: ROLE_END_MS } as const;
  const lock = await lockDataDir(config.dataDir, supervised === null ? {} : part);
  closers.add('data dir', () => lock.release());
  const clusterSecret = await loadClusterSecret(config);
  const redis = createRedis(redisUrl, { purpose: 'facts', log });
  closers.add('redis', () => redis.disconnect());
  const loaded = await loadApps({ ...options, supervised, redis, clusterSecret });
  if (loaded === null || signal.aborted) return;
  const parts: Parts = { ...options, closers, supervised, redis, redisUrl, clusterSecret, apps: loaded.apps };
  const facts = await serve(parts);
  if (supervised === null) {
    closers.add('run file', () => removeRunFile(config.dataDir));
    const { http, rtmp, localHttp } = facts;
    await writeRunFile(config.dataDir, { ready: true, http, rtmp, localHttp, pid: process.pid });
  }
  parent?.send(facts);
  options.onReady(facts, loaded.created ? loaded.apps : null);
}

interface Parts extends GatewayOptions {
  readonly closers: Closers;
  readonly supervised: Supervised | null;
  readonly redis: Redis;
  readonly redisUrl: Secret;
  readonly clusterSecret: Secret;
  readonly apps: Apps;
}

async function loadApps(
  parts: Pick<Parts, 'config' | 'log' | 'signal' | 'supervised' | 'redis' | 'clusterSecret'>,
): Promise<LoadedApps | null> {
  const { dataDir } = parts.config;
  // The supervisor made the file and told of it: with a Redis of its own nobody shares apps.
  if (parts.supervised?.embeddedRedis) return { ...(await loadOrCreateApps(dataDir)), created: false };
  const redisAnswers = (withinMs: number) =>
    waitUntilReady(parts.redis, withinMs).then(
      () => true,
      () => false, // it rejects for this reason alone
    );
  return loadClusterApps({ ...parts, dataDir, redisAnswers });
}

/** Opens the ports, wires what answers on them, and lets the others know. */
async function serve(parts: Parts): Promise<GatewayReady> {
  const { config, log, closers, clusterSecret, redis, redisUrl } = parts;
  const announcements = createAnnouncements(createRedis(redisUrl, { purpose: 'subscriber', log }), log);
  closers.add('announcements', () => announcements.close());
  const apps = new LiveApps({ apps: parts.apps, redis, announcements, log: log.child({ part: 'apps' }) });
  closers.add('apps', () => apps.stop());
  await apps.read();
  const agents = followAgents({ redis, tasks: createTaskStore(redis), announcements, log });
  closers.add('agents', () => agents.stop());
  const ear = followEvents(announcements);
  closers.add('events', () => ear.stop());
  const rooms = new LateRegistry();
  // Added before the hub and so closed after it: the hub's end leaves its users lost, which is still written.
  closers.add('rooms', () => rooms.close());
  const hub = await createHub({
    bind: config.bind,
    port: config.rtmp.port,
    apps,
    clusterSecret,
    log: log.child({ part: 'hub' }),
    onEvent: rooms.apply,
    admit: rooms.admitPublish,
    isAgent: agents.has,
    blockOf: rooms.blockOf,
    isMember: createMemberCheck(redis),
  }).catch((error: unknown) => explainListen(error, 'ROOMCAST_RTMP_PORT', config.rtmp.port));
  closers.add('hub', () => hub.close());
  const app = createHttpServer({ log: log.child({ part: 'http' }) });
  closers.add('http', () => app.close());
  const addresses = () => currentAddresses(parts, app, hub);
  registerRoutes(app, { ...parts, announcements, apps, agents, hub, rooms, ear, addresses });
  await app
    .listen({ host: config.bind, port: config.http.port })
    .catch((error: unknown) => explainListen(error, 'ROOMCAST_HTTP_PORT', config.http.port));
  const facts = toGatewayFacts(addresses());
  const { gatewayId } = facts;
  const outbox = createRoomOutbox(callbackApps(apps).addresses);
  const store = new RoomStore({ redis, gatewayId, outbox });
  const registry = new RoomRegistry({
    ...{ redis, announcements, store, gatewayId },
    graceMs: config.lostUserGraceSeconds * 1000,
    log: log.child({ part: 'rooms' }),
  });
  rooms.open(registry);
  endEvicted(rooms, hub);
  const heartbeat = startHeartbeat({ redis, facts, log });
  closers.add('heartbeat', () => heartbeat.stop());
  startDuties({ ...parts, gatewayId, store, announcements });
  return readyFacts(addresses(), httpPortOf(app), hub.port);
}

/** Ends RTMP publishers that the registry wants out, wherever that was decided. */
function endEvicted(rooms: LateRegistry, hub: Hub): void {
  rooms.onEvict((evicted) => {
    if ('streamId' in evicted) hub.closeStream(evicted.streamId, evictSentence(evicted.reason));
  });
}

function httpPortOf(app: FastifyInstance): number {
  return (app.server.address() as AddressInfo).port;
}

function currentAddresses(parts: Parts, app: FastifyInstance, hub: Hub): Addresses {
  return addressesOf({
    config: parts.config,
    httpPort: httpPortOf(app),
    rtmpPort: hub.port,
    hostName: hostname(),
    onlyLocalWorkers: parts.supervised?.embeddedRedis ?? false,
  });
}

function toGatewayFacts(addresses: Addresses): GatewayFacts {
  const { internalHttp, internalRtmp, publicHttp, publicRtmp } = addresses;
  const { hostname: host, port } = new URL(internalRtmp);
  return { gatewayId: gatewayIdOf(host, Number(port)), internalHttp, internalRtmp, publicHttp, publicRtmp };
}

function readyFacts(addresses: Addresses, httpPort: number, rtmpPort: number): GatewayReady {
  const { publicHttp: http, publicRtmp: rtmp, localHttp } = addresses;
  return { type: 'ready', http, rtmp, localHttp, httpPort, rtmpPort };
}

function explainListen(error: unknown, name: string, port: number): never {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EADDRINUSE') {
    throw new GatewayError('conflict', `port ${port} is in use by another program: stop it or set ${name}`, {
      cause: error,
    });
  }
  if (code === 'EACCES') {
    throw new GatewayError('forbidden', `port ${port} may not be opened by this user: set ${name}`, {
      cause: error,
    });
  }
  if (code === 'EADDRNOTAVAIL') {
    throw new GatewayError('bad-config', 'ROOMCAST_BIND is no address of this machine', { cause: error });
  }
  throw error;
}

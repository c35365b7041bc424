import type { Logger } from 'pino';
import type { Apps } from './config/app.ts';
import { loadOrCreateApps } from './config/apps.ts';
import { loadClusterSecret } from './config/cluster-secret.ts';
import type { Config } from './config/config.ts';
import { lockDataDir } from './config/data-dir.ts';
import { toEnvironment } from './config/env.ts';
import { removeRunFile, writeRunFile } from './config/run-file.ts';
import { type EmbeddedRedis, startEmbeddedRedis } from './redis/embedded-redis.ts';
import { type ChildLoop, runChildLoop } from './supervisor/child-loop.ts';
import { type GatewayReady, parseGatewayReady, type ToGateway } from './supervisor/messages.ts';
import { type RoleProcess, startRoleProcess } from './supervisor/role-process.ts';
import { untilAborted } from './supervisor/until-aborted.ts';

const BACKOFF = { minBackoffMs: 200, maxBackoffMs: 5000 };
/** Together below the 10 s in which everything has to be gone. */
const GRACE = { workerMs: 6800, gatewayMs: 1400, redisMs: 1200 };

export interface AllInOneOptions {
  readonly config: Config;
  /** Path of the built src/main, which the children run too. */
  readonly script: string;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
  /** Everything is up; `firstApps` is there when this was the first start on this data dir. */
  readonly onReady: (facts: GatewayReady, firstApps: Apps | null) => void;
  readonly signal: AbortSignal;
  readonly hurry: AbortSignal;
}

/** Runs Redis, one gateway and one worker until the signal, then ends them in order; throws when they do not come up. */
export async function runAllInOne(options: AllInOneOptions): Promise<void> {
  const { config, log, signal, hurry } = options;
  const lock = await lockDataDir(config.dataDir);
  const started: Started = { redis: null, gateway: null, worker: null };
  const killAll = () => {
    started.worker?.kill();
    started.gateway?.kill();
  };
  hurry.addEventListener('abort', killAll);
  const bringingUp = bringUp(options, started);
  try {
    await Promise.race([bringingUp, untilAborted(signal)]);
    await untilAborted(signal);
    log.info({ reason: String(signal.reason) }, 'ending');
  } finally {
    await removeRunFile(config.dataDir);
    await stopAll(started, hurry);
    // When asked to end in the middle of it: it stops waiting by now, and what it started last is stopped too.
    await bringingUp.catch(() => undefined);
    await stopAll(started, hurry);
    await removeRunFile(config.dataDir);
    hurry.removeEventListener('abort', killAll);
    await lock.release();
  }
}

async function stopAll(started: Started, hurry: AbortSignal): Promise<void> {
  await started.worker?.stop(hurry.aborted ? 0 : GRACE.workerMs);
  await started.gateway?.stop(hurry.aborted ? 0 : GRACE.gatewayMs);
  await started.redis?.stop(GRACE.redisMs);
}

interface Started {
  redis: EmbeddedRedis | null;
  gateway: ChildLoop | null;
  worker: ChildLoop | null;
}

async function bringUp(options: AllInOneOptions, started: Started): Promise<void> {
  const { config, log, signal } = options;
  const embedded = config.redisUrl === null;
  const clusterSecret = await loadClusterSecret(config);
  const first = embedded ? await loadOrCreateApps(config.dataDir) : null;
  signal.throwIfAborted();
  if (embedded) {
    started.redis = await startEmbeddedRedis(config.dataDir, log);
    signal.throwIfAborted();
    await started.redis.firstReady;
  }
  signal.throwIfAborted();
  const redisUrl = started.redis?.url ?? config.redisUrl;
  const roles = createRoles({ ...options, config: { ...config, redisUrl, clusterSecret } }, embedded);
  started.gateway = roles.runGateway();
  started.worker = roles.runWorker();
  await Promise.all([started.gateway.firstReady, started.worker.firstReady]);
  const facts = roles.gatewayFacts();
  if (signal.aborted || facts === null) return;
  await writeRunFile(config.dataDir, {
    ready: true,
    http: facts.http,
    rtmp: facts.rtmp,
    localHttp: facts.localHttp,
    pid: process.pid,
  });
  options.onReady(facts, first?.created ? first.apps : null);
}

interface Roles {
  runGateway(): ChildLoop;
  runWorker(): ChildLoop;
  gatewayFacts(): GatewayReady | null;
}

/** The two children that tell of each other through us: the gateway is ready only while its worker is. */
function createRoles(options: AllInOneOptions, embedded: boolean): Roles {
  const { log, script } = options;
  let facts: GatewayReady | null = null;
  let workerReady = false;
  let gateway: RoleProcess | null = null;

  const childEnv = (): NodeJS.ProcessEnv => {
    const foreign = Object.entries(options.env).filter(([name]) => !name.startsWith('ROOMCAST_'));
    // A gateway that comes back has to be where its publishers and viewers look for it.
    const http = { port: facts?.httpPort ?? options.config.http.port };
    const rtmp = { port: facts?.rtmpPort ?? options.config.rtmp.port };
    return { ...Object.fromEntries(foreign), ...toEnvironment({ ...options.config, http, rtmp }) };
  };
  const tellGateway = (message: ToGateway) => gateway?.send(message);
  const startGateway = () => {
    const onMessage = (message: unknown) => {
      facts = parseGatewayReady(message) ?? facts;
    };
    gateway = startRoleProcess({ script, role: 'gateway', env: childEnv(), onMessage });
    tellGateway({ type: 'hello', redis: embedded ? 'embedded' : 'external', workerReady });
    return gateway;
  };
  const startWorker = () =>
    startRoleProcess({ script, role: 'worker', env: childEnv(), onMessage: () => undefined });
  const onWorkerChange = (up: boolean) => {
    workerReady = up;
    tellGateway({ type: 'worker', ready: up });
  };

  return {
    runGateway: () => runChildLoop({ name: 'gateway', start: startGateway, log, ...BACKOFF }),
    runWorker: () =>
      runChildLoop({ name: 'worker', start: startWorker, log, onChange: onWorkerChange, ...BACKOFF }),
    gatewayFacts: () => facts,
  };
}

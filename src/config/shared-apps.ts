import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { GatewayError } from '../domain/errors.ts';
import { Secret } from '../domain/secret.ts';
import { seal, unseal } from '../identity/seal.ts';
import { appsPath, type LoadedApps, makeAppsText, parseApps, readAppsText } from './apps.ts';
import { createOnce } from './atomic-file.ts';

const KEY = 'roomcast:apps';
const REDIS_PATIENCE_MS = 3_000;

export interface SharedAppsOptions {
  readonly redis: Redis;
  readonly clusterSecret: Secret;
  readonly dataDir: string;
  readonly log: Logger;
}

/**
 * The apps of a cluster: the first apps.json is kept in Redis, sealed, and everybody uses that one; who has
 * no file of its own gets it as one, so that commands run on that machine too. Throws `bad-config` when the
 * stored apps were sealed under another cluster secret.
 */
export async function loadOrShareApps(options: SharedAppsOptions): Promise<LoadedApps> {
  const { redis, clusterSecret, dataDir, log } = options;
  const local = await readAppsText(dataDir);
  if (local !== null) parseApps(local, appsPath(dataDir));
  const first = await redis.set(KEY, seal(clusterSecret, new Secret(local ?? makeAppsText())), 'NX');
  const sealed = await redis.get(KEY);
  if (sealed === null)
    throw new GatewayError('redis-away', 'the apps shared in Redis went away while they were read');
  const text = open(clusterSecret, sealed);
  if (local === null) await createOnce(appsPath(dataDir), text);
  else if (local !== text) {
    log.warn(
      { file: appsPath(dataDir), redisKey: KEY },
      'apps.json differs from the apps shared in Redis, which are used',
    );
  }
  return {
    apps: parseApps(text, `the apps shared in Redis (${KEY})`),
    created: local === null && first === 'OK',
  };
}

export interface ClusterAppsOptions extends SharedAppsOptions {
  /** Resolves with false when Redis did not answer within that many ms. */
  readonly redisAnswers: (withinMs: number) => Promise<boolean>;
  readonly signal: AbortSignal;
}

/**
 * The apps of a cluster, also while Redis is away: then a machine with an apps.json of its own begins with
 * that, and one without waits. null when asked to end while it waited.
 */
export async function loadClusterApps(options: ClusterAppsOptions): Promise<LoadedApps | null> {
  const { dataDir, log, signal } = options;
  while (!signal.aborted) {
    if (await options.redisAnswers(REDIS_PATIENCE_MS)) return loadOrShareApps(options);
    const local = await readAppsText(dataDir);
    if (local !== null) {
      log.warn({ file: appsPath(dataDir) }, 'Redis is away: beginning with the apps.json of this machine');
      return { apps: parseApps(local, appsPath(dataDir)), created: false };
    }
    log.warn('Redis is away and there is no apps.json here: waiting for the shared apps');
  }
  return null;
}

function open(clusterSecret: Secret, sealed: string): string {
  try {
    return unseal(clusterSecret, sealed).reveal();
  } catch (cause) {
    const message =
      'the apps shared in Redis were sealed under another ROOMCAST_CLUSTER_SECRET: set the same one';
    throw new GatewayError('bad-config', message, { cause });
  }
}

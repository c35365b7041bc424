import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { replaceFile } from '../config/atomic-file.ts';
import { GatewayError } from '../domain/errors.ts';
import { Secret } from '../domain/secret.ts';
import { type ChildLoop, runChildLoop } from '../supervisor/child-loop.ts';
import { freeLoopbackPort, listensOnLoopback } from '../supervisor/loopback.ts';
import { startRedisProcess } from './redis-process.ts';

const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5000;
/** The shell of supervisor/kept-child.ts kills a server that does not end after 8 s. */
const PREDECESSOR_MS = 10_000;
const PREDECESSOR_POLL_MS = 50;

export interface EmbeddedRedis extends ChildLoop {
  /** Holds the password; the port stays the same for as long as this object lives. */
  readonly url: Secret;
}

/** Runs a redis-server of our own on a free loopback port, its append-only file in <data dir>/redis. */
export async function startEmbeddedRedis(dataDir: string, log: Logger): Promise<EmbeddedRedis> {
  const dir = join(dataDir, 'redis');
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const configPath = join(dir, 'redis.conf');
  await waitForPredecessor(configPath);
  const port = await freeLoopbackPort();
  const password = randomBytes(24).toString('hex');
  await replaceFile(configPath, redisConfig({ dir, port, password }));
  const loop = runChildLoop({
    name: 'redis',
    start: () => startRedisProcess({ configPath, port, password, log }),
    log,
    minBackoffMs: MIN_BACKOFF_MS,
    maxBackoffMs: MAX_BACKOFF_MS,
  });
  return { ...loop, url: new Secret(`redis://:${password}@127.0.0.1:${port}`) };
}

/**
 * Two servers on one append-only file would ruin it: one whose supervisor was killed may still be writing.
 * It closes its port after its last write.
 */
async function waitForPredecessor(configPath: string): Promise<void> {
  const port = await readPort(configPath);
  const deadline = Date.now() + PREDECESSOR_MS;
  while (port !== null && (await listensOnLoopback(port))) {
    if (Date.now() >= deadline) {
      throw new GatewayError('conflict', `an earlier redis-server still runs on ${configPath}: end it first`);
    }
    await delay(PREDECESSOR_POLL_MS);
  }
}

async function readPort(configPath: string): Promise<number | null> {
  try {
    const found = /^port (\d+)$/m.exec(await readFile(configPath, 'utf8'))?.[1];
    return found === undefined ? null : Number(found);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export interface RedisConfigOptions {
  readonly dir: string;
  readonly port: number;
  readonly password: string;
}

/** Text of redis.conf; the password is there and not in argv, where anybody could read it. */
export function redisConfig(options: RedisConfigOptions): string {
  return [
    'bind 127.0.0.1',
    `port ${options.port}`,
    'protected-mode yes',
    `requirepass ${options.password}`,
    'daemonize no',
    'loglevel warning',
    // Redis logs to stdout, which nobody reads: what it says when it cannot start goes there too.
    `logfile "${options.dir}/redis.log"`,
    `dir "${options.dir}"`,
    'appendonly yes',
    'appendfsync everysec',
    'aof-load-truncated yes',
    'save ""',
    // BullMQ needs every key kept.
    'maxmemory-policy noeviction',
    '',
  ].join('\n');
}

import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { replaceFile } from '../config/atomic-file.ts';
import { Secret } from '../domain/secret.ts';
import { type ChildLoop, runChildLoop } from '../supervisor/child-loop.ts';
import { startRedisProcess } from './redis-process.ts';

const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5000;

export interface EmbeddedRedis extends ChildLoop {
  /** Holds the password; the port stays the same for as long as this object lives. */
  readonly url: Secret;
}

/** Runs a redis-server of our own on a free loopback port, its append-only file in <data dir>/redis. */
export async function startEmbeddedRedis(dataDir: string, log: Logger): Promise<EmbeddedRedis> {
  const dir = join(dataDir, 'redis');
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const port = await freeLoopbackPort();
  const password = randomBytes(24).toString('hex');
  const configPath = join(dir, 'redis.conf');
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

/** The kernel's choice; between this and Redis' own bind nobody else is likely to get it. */
async function freeLoopbackPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

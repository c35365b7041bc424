import { mkdir, stat, unlink } from 'node:fs/promises';
import { createConnection, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { GatewayError } from '../domain/errors.ts';

const ASK_MS = 1000;
const RETRY_MS = 100;
/** A role whose supervisor was killed ends in order within this time. */
export const ROLE_END_MS = 12_000;

/** The hold on a data dir; it ends with its process, however that ends. */
export interface DataDirLock {
  release(): Promise<void>;
}

/** Makes the data dir, closed to others, when it is not there. */
export async function makeDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new GatewayError('disk', `the data dir cannot be made: ${why}`, { blame: 'system', cause });
  }
}

export interface LockOptions {
  /** One lock per part: the roles under a supervisor have their own beside the supervisor's. */
  readonly part?: 'gateway' | 'worker';
  /** How long to wait for the holder to end; at once by default. */
  readonly waitMs?: number;
}

/**
 * Makes sure that no other process works on this data dir; throws `conflict` naming the one that does.
 * The lock is a listening socket: the kernel drops it with its process, so no lock is ever stale.
 */
export async function lockDataDir(dataDir: string, options: LockOptions = {}): Promise<DataDirLock> {
  await makeDataDir(dataDir);
  const address = await lockAddress(dataDir, options.part ?? 'all');
  const deadline = Date.now() + (options.waitMs ?? 0);
  for (;;) {
    const server = await acquire(address);
    if (server !== null) return { release: () => new Promise((resolve) => server.close(() => resolve())) };
    if (Date.now() >= deadline) break;
    await delay(RETRY_MS);
  }
  const pid = await askHolder(address);
  throw new GatewayError('conflict', `the data dir ${dataDir} is in use by process ${pid ?? 'unknown'}`, {
    retry: 'later',
  });
}

async function acquire(address: string): Promise<Server | null> {
  const server = await tryListen(address);
  if (server !== null || process.platform === 'linux' || (await askHolder(address)) !== null) return server;
  // A socket file without a listener is what a killed holder leaves where there are no abstract sockets.
  await unlink(address);
  return tryListen(address);
}

async function lockAddress(dataDir: string, part: string): Promise<string> {
  if (process.platform !== 'linux') return join(dataDir, `lock-${part}`);
  const { dev, ino } = await stat(dataDir);
  return `\0roomcast-data-dir-${dev}-${ino}-${part}`;
}

function tryListen(address: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.end(String(process.pid));
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    server.listen(address, () => resolve(server.unref()));
  });
}

/** Process id of whoever listens, or null when nobody answers. */
function askHolder(address: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createConnection(address);
    let answer = '';
    socket.setTimeout(ASK_MS, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('utf8');
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(answer === '' ? null : answer));
  });
}

import { mkdir, stat, unlink } from 'node:fs/promises';
import { createConnection, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { GatewayError } from '../domain/errors.ts';

const ASK_MS = 1000;

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

/**
 * Makes sure that no other process works on this data dir; throws `conflict` naming the one that does.
 * The lock is a listening socket: the kernel drops it with its process, so no lock is ever stale.
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  await makeDataDir(dataDir);
  const address = await lockAddress(dataDir);
  let server = await tryListen(address);
  if (server === null && process.platform !== 'linux' && (await askHolder(address)) === null) {
    // A socket file without a listener is what a killed holder leaves where there are no abstract sockets.
    await unlink(address);
    server = await tryListen(address);
  }
  if (server === null) {
    const pid = await askHolder(address);
    throw new GatewayError('conflict', `the data dir ${dataDir} is in use by process ${pid ?? 'unknown'}`, {
      retry: 'later',
    });
  }
  const held = server;
  return { release: () => new Promise((resolve) => held.close(() => resolve())) };
}

async function lockAddress(dataDir: string): Promise<string> {
  if (process.platform !== 'linux') return join(dataDir, 'lock');
  const { dev, ino } = await stat(dataDir);
  return `\0roomcast-data-dir-${dev}-${ino}`;
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

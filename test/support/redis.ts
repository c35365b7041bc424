import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { freeLoopbackPort } from '../../src/supervisor/loopback.ts';
import { eventually } from './eventually.ts';

/** A redis-server of a test's own, with an append-only file in a temporary folder. */
export interface TestRedis {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Since it was last started. */
  uptimeMs(): number;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port after kill(), without its data if so asked. */
  restart(options?: { readonly keepData: boolean }): Promise<void>;
}

async function answers(port: number): Promise<boolean> {
  const client = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => null });
  client.on('error', () => undefined); // a refused connection is what the caller polls for
  try {
    await client.connect();
    return (await client.ping()) === 'PONG';
  } catch {
    return false;
  } finally {
    client.disconnect();
  }
}

export async function startRedis(): Promise<TestRedis> {
  const port = await freeLoopbackPort();
  let dir = await mkdtemp(path.join(tmpdir(), 'roomcast-redis-'));
  let child: ChildProcess;
  let startedAt = 0;

  async function start(): Promise<void> {
    const args = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      dir,
      '--save',
      '',
      '--appendonly',
      'yes',
    ];
    child = spawn('redis-server', [...args, '--appendfsync', 'everysec'], { stdio: 'ignore' });
    await eventually(() => answers(port));
    startedAt = performance.now();
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return child.pid ?? 0;
    },
    uptimeMs: () => performance.now() - startedAt,
    async stop() {
      await end('SIGKILL');
      await rm(dir, { recursive: true, force: true });
    },
    kill: () => end('SIGKILL'),
    async restart({ keepData } = { keepData: true }) {
      if (!keepData) {
        await rm(dir, { recursive: true, force: true });
        dir = await mkdtemp(path.join(tmpdir(), 'roomcast-redis-'));
      }
      await start();
    },
  };
}

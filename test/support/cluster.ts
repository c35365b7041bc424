import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from './eventually.ts';
import { startRedis, type TestRedis } from './redis.ts';
import { MAIN, makeTestDir, type RunningRoomcast, runCli, type TestApp, testEnv } from './roomcast.ts';

/** Of all gateways and workers of a cluster. */
export const CLUSTER_SECRET = 'the same secret for all of them';
const READY_MS = 60_000;

/** One gateway or worker process with a data dir of its own. */
export interface Role {
  readonly pid: number;
  readonly dataDir: string;
  logs(): string;
  signal(signal: NodeJS.Signals): void;
  /** Sends the signal; resolves with the exit code once it is gone (null: it died of the signal). */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

interface Ready {
  readonly http?: string;
  readonly rtmp?: string;
}

/** One Redis and any number of gateway and worker processes that share it. */
export class Cluster {
  readonly redis: TestRedis;
  readonly #env: Readonly<Record<string, string>>;
  readonly #children = new Set<ChildProcess>();

  private constructor(redis: TestRedis, env: Readonly<Record<string, string>>) {
    this.redis = redis;
    this.#env = env;
  }

  /** With settings of all its gateways and workers. */
  static async open(env: Readonly<Record<string, string>> = {}): Promise<Cluster> {
    return new Cluster(await startRedis(), env);
  }

  /** A gateway, as the helpers for a whole roomcast take it. */
  async startGateway(dataDir?: string): Promise<RunningRoomcast & Role> {
    const { role, ready, env } = await this.#start('gateway', dataDir);
    const text = await readFile(path.join(role.dataDir, 'apps.json'), 'utf8');
    const { apps, adminToken } = JSON.parse(text) as { apps: [TestApp, ...TestApp[]]; adminToken: string };
    return {
      ...role,
      http: ready.http ?? '',
      rtmp: ready.rtmp ?? '',
      adminToken,
      app: apps[0],
      cli: (args, input = '') => runCli(args, env, { input }),
      stop: () => role.end('SIGTERM'),
      kill: async () => {
        await role.end('SIGKILL');
      },
      childPids: () => [],
    };
  }

  /** With a data dir it had before, or another way to the Redis of all. */
  async startWorker(dataDir?: string, redisUrl?: string): Promise<Role> {
    return (await this.#start('worker', dataDir, redisUrl)).role;
  }

  /** Dead workers' leases may be taken once Redis has been there for 3 s. */
  async redisIsSteady(): Promise<void> {
    await eventually(() => this.redis.uptimeMs() > 4_000, 10_000);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#children].map((child) => endChild(child, 'SIGKILL')));
    await this.redis.stop();
  }

  async #start(name: 'gateway' | 'worker', given?: string, redisUrl = this.redis.url) {
    const dataDir = given ?? (await makeTestDir(name));
    const env = testEnv(dataDir, {
      ROOMCAST_REDIS_URL: redisUrl,
      ROOMCAST_CLUSTER_SECRET: CLUSTER_SECRET,
      ...this.#env,
    });
    const child = spawn(process.execPath, [MAIN, name, '--json'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#children.add(child);
    let logs = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      logs += text;
    });
    const lines = createInterface({ input: child.stdout });
    const line = once(lines, 'line', { signal: AbortSignal.timeout(READY_MS) }) as Promise<[string]>;
    const [text] = await line.catch(() => {
      throw new Error(`the ${name} did not get ready:\n${logs}`);
    });
    const role: Role = {
      pid: child.pid ?? 0,
      dataDir,
      logs: () => logs,
      signal: (signal) => void child.kill(signal),
      end: (signal) => endChild(child, signal),
    };
    return { role, ready: JSON.parse(text) as Ready, env };
  }
}

async function endChild(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const gone = once(child, 'exit') as Promise<[number | null]>;
  child.kill('SIGCONT'); // a stopped process hears nothing else but SIGKILL
  child.kill(signal);
  const [code] = await gone;
  return code;
}

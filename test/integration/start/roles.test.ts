import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../../src/redis/embedded-redis.ts';
import { eventually } from '../../support/eventually.ts';
import { descendants, findDescendant, survivors } from '../../support/process-tree.ts';
import { makeTestDir, runCli, testEnv } from '../../support/roomcast.ts';

const MAIN = path.resolve(import.meta.dirname, '../../../dist/src/main.js');
const CLUSTER = { ROOMCAST_CLUSTER_SECRET: 'the same secret for all of them' };
let redis: EmbeddedRedis;
const children: ChildProcess[] = [];

beforeEach(async () => {
  redis = await startEmbeddedRedis(await makeTestDir('redis'), pino({ level: 'silent' }));
  await redis.firstReady;
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await redis.stop(3000);
});

interface Role {
  readonly child: ChildProcess;
  readonly ready: Promise<{ http?: string; ready: boolean }>;
  readonly dataDir: string;
  readonly logs: () => string;
}

async function startRole(role: 'gateway' | 'worker', env: Record<string, string> = {}): Promise<Role> {
  const dataDir = env['ROOMCAST_DATA_DIR'] ?? (await makeTestDir('data'));
  const all = testEnv(dataDir, { ...CLUSTER, ROOMCAST_REDIS_URL: redis.url.reveal(), ...env });
  const child = spawn(process.execPath, [MAIN, role, '--json'], {
    env: all,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let logs = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    logs += text;
  });
  const ready = once(createInterface({ input: child.stdout }), 'line').then(
    ([line]) => JSON.parse(String(line)) as { http?: string; ready: boolean },
  );
  return { child, ready, dataDir, logs: () => logs };
}

const statusOf = async (http: string | undefined) => (await fetch(`${http}/readyz`)).status;

async function terminate(role: Role): Promise<number | null> {
  role.child.kill('SIGTERM');
  const [code] = (await once(role.child, 'exit')) as [number | null];
  return code;
}

describe('gateways and workers apart', () => {
  it('a gateway writes run.json, is ready without a worker, and takes the file away at its end', async () => {
    const gateway = await startRole('gateway');
    const { http } = await gateway.ready;
    expect(await statusOf(http)).toBe(200);
    const run = path.join(gateway.dataDir, 'run.json');
    expect(JSON.parse(await readFile(run, 'utf8'))).toMatchObject({ http, pid: gateway.child.pid });
    const rooms = await runCli(['rooms', '--json'], testEnv(gateway.dataDir));
    expect(rooms.stdout).toBe('[]\n');
    expect(await terminate(gateway)).toBe(0);
    await expect(stat(run)).rejects.toThrow(/ENOENT/);
  });

  it('two gateways have the same apps', async () => {
    const [one, two] = [await startRole('gateway'), await startRole('gateway')];
    await Promise.all([one.ready, two.ready]);
    const texts = await Promise.all(
      [one, two].map((role) => readFile(path.join(role.dataDir, 'apps.json'), 'utf8')),
    );
    expect(texts[0]).toBe(texts[1]);
  });

  it('a worker says ready, writes no run.json and ends with 0', async () => {
    const worker = await startRole('worker');
    expect(await worker.ready).toEqual({ ready: true });
    await expect(stat(path.join(worker.dataDir, 'run.json'))).rejects.toThrow(/ENOENT/);
    expect(await terminate(worker)).toBe(0);
  });

  it('a gateway serves on while Redis is away and is ready again when it is back', async () => {
    const gateway = await startRole('gateway');
    const { http } = await gateway.ready;
    const server = findDescendant(process.pid, /redis-server/);
    process.kill(server.pid, 'SIGSTOP');
    await eventually(async () => (await fetch(`${http}/healthz`)).status === 200);
    process.kill(server.pid, 'SIGKILL');
    await eventually(async () => (await statusOf(http)) === 503);
    expect((await fetch(`${http}/healthz`)).status).toBe(200);
    await eventually(async () => (await statusOf(http)) === 200);
    expect(await terminate(gateway)).toBe(0);
  });

  it('a gateway and a worker that begin before Redis get ready when it comes', async () => {
    const url = redis.url.reveal();
    const server = findDescendant(process.pid, /redis-server/);
    process.kill(server.pid, 'SIGSTOP');
    const gateway = await startRole('gateway', { ROOMCAST_REDIS_URL: url });
    const worker = await startRole('worker', { ROOMCAST_REDIS_URL: url });
    await eventually(() => gateway.logs().includes('waiting for the shared apps'));
    process.kill(server.pid, 'SIGCONT');
    expect(await statusOf((await gateway.ready).http)).toBe(200);
    expect((await worker.ready).ready).toBe(true);
  });

  it('a gateway asked to end while it waits for Redis ends with 0', async () => {
    const gateway = await startRole('gateway', { ROOMCAST_REDIS_URL: 'redis://127.0.0.1:1' });
    await eventually(() => gateway.logs().includes('Redis is away'));
    expect(await terminate(gateway)).toBe(0);
  });

  it('a gateway with another cluster secret refuses with 2 and says what to set', async () => {
    const gateway = await startRole('gateway');
    await gateway.ready;
    const other = await startRole('gateway', { ROOMCAST_CLUSTER_SECRET: 'not the secret of the others' });
    const [code] = (await once(other.child, 'exit')) as [number | null];
    expect(code).toBe(2);
    expect(other.logs()).toContain('ROOMCAST_CLUSTER_SECRET');
  });

  it('a second gateway on one data dir is refused and told who holds it', async () => {
    const gateway = await startRole('gateway');
    await gateway.ready;
    const second = await startRole('gateway', { ROOMCAST_DATA_DIR: gateway.dataDir });
    const [code] = (await once(second.child, 'exit')) as [number | null];
    expect(code).toBe(1);
    expect(second.logs()).toContain(`in use by process ${gateway.child.pid}`);
  });

  it('start uses an external Redis when one is set and runs none of its own', async () => {
    const dataDir = await makeTestDir('data');
    const env = testEnv(dataDir, { ...CLUSTER, ROOMCAST_REDIS_URL: redis.url.reveal() });
    const child = spawn(process.execPath, [MAIN, 'start', '--json'], {
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    children.push(child);
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const { http } = JSON.parse(line) as { http: string };
    expect(await statusOf(http)).toBe(200);
    const all = descendants(child.pid ?? 0);
    expect(all.filter((info) => info.command.includes('redis-server'))).toEqual([]);
    child.kill('SIGTERM');
    expect(((await once(child, 'exit')) as [number | null])[0]).toBe(0);
    expect(survivors(all)).toEqual([]);
  });
});

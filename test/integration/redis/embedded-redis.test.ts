import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { startEmbeddedRedis } from '../../../src/redis/embedded-redis.ts';
import { eventually } from '../../support/eventually.ts';
import { descendants, findDescendant, survivors } from '../../support/process-tree.ts';
import { makeTestDir } from '../../support/roomcast.ts';

const log = pino({ level: 'silent' });
const HOLDER = path.resolve(import.meta.dirname, '../../../dist/test/support/redis-holder.js');
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(dataDir: string) {
  const redis = await startEmbeddedRedis(dataDir, log);
  cleanups.push(() => redis.stop(3000));
  await redis.firstReady;
  return redis;
}

function connect(url: string): Redis {
  const client = new Redis(url, { retryStrategy: () => 50 });
  client.on('error', () => undefined); // outages are what is tested
  cleanups.push(() => client.disconnect());
  return client;
}

describe('the embedded Redis', () => {
  it('keeps its data over an orderly end and a new start', async () => {
    const dir = await makeTestDir('redis');
    const first = await start(dir);
    await connect(first.url.reveal()).set('kept', 'yes');
    await first.stop(3000);
    const second = await start(dir);
    expect(await connect(second.url.reveal()).get('kept')).toBe('yes');
  });

  it('comes back on the same port with its data after SIGKILL', async () => {
    const redis = await start(await makeTestDir('redis'));
    const client = connect(redis.url.reveal());
    await client.set('kept', 'yes');
    // appendfsync everysec leaves it to the kernel, which keeps it when only the process dies.
    const before = findDescendant(process.pid, /redis-server/);
    process.kill(before.pid, 'SIGKILL');
    await eventually(() => survivors([before]).length === 0);
    await eventually(() => findDescendant(process.pid, /redis-server/).pid !== before.pid);
    await eventually(async () => (await client.get('kept')) === 'yes');
  });

  it('comes back when the shell that keeps it is killed', async () => {
    const redis = await start(await makeTestDir('redis'));
    const client = connect(redis.url.reveal());
    await client.set('kept', 'yes');
    const before = descendants(process.pid);
    process.kill(findDescendant(process.pid, /keeper/).pid, 'SIGKILL');
    await eventually(() => survivors(before).length === 0);
    await eventually(async () => (await client.get('kept')) === 'yes');
  });

  it('refuses whoever has no password, and does not show it in its arguments', async () => {
    const redis = await start(await makeTestDir('redis'));
    const url = new URL(redis.url.reveal());
    const stranger = connect(`redis://${url.host}`);
    await expect(stranger.get('kept')).rejects.toThrow(/NOAUTH/);
    const shown = descendants(process.pid).map((info) => info.command);
    expect(shown.join('\n')).toContain('redis-server');
    expect(shown.join('\n')).not.toContain(url.password);
  });

  it('leaves no process after stop', async () => {
    const redis = await start(await makeTestDir('redis'));
    const all = descendants(process.pid);
    expect(all.length).toBeGreaterThanOrEqual(2);
    await redis.stop(3000);
    await eventually(() => survivors(all).length === 0, 2000);
  });

  it('ends with its parent when that is killed with SIGKILL, and keeps its data', async () => {
    const dir = await makeTestDir('redis');
    const parent = spawn(process.execPath, [HOLDER, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
    cleanups.push(() => parent.kill('SIGKILL'));
    const [url] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    await connect(url).set('kept', 'yes');
    const all = descendants(parent.pid ?? 0);
    expect(all.some((info) => info.command.includes('redis-server'))).toBe(true);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    await eventually(() => survivors(all).length === 0);
    const next = await start(dir);
    expect(await connect(next.url.reveal()).get('kept')).toBe('yes');
  });

  it('says why it did not start when its data cannot be read', async () => {
    const dir = await makeTestDir('redis');
    const first = await start(dir);
    await connect(first.url.reveal()).set('kept', 'yes');
    await first.stop(3000);
    const { writeFile, readdir } = await import('node:fs/promises');
    const aof = path.join(dir, 'redis', 'appendonlydir');
    const [manifest = ''] = (await readdir(aof)).filter((name) => name.endsWith('.manifest'));
    await writeFile(path.join(aof, manifest), 'rubbish\n');
    const redis = await startEmbeddedRedis(dir, log);
    cleanups.push(() => redis.stop(1000));
    await expect(redis.firstReady).rejects.toThrow(/redis did not start: exit code 1.*redis\.log/);
    expect(await readFile(path.join(dir, 'redis', 'redis.log'), 'utf8')).toContain('manifest');
  });
});

import { randomBytes } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appsPath, makeAppsText } from '../../../src/config/apps.ts';
import { loadClusterApps, loadOrShareApps } from '../../../src/config/shared-apps.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../../src/redis/embedded-redis.ts';
import { makeTestDir } from '../../support/roomcast.ts';

const log = pino({ level: 'silent' });
const clusterSecret = new Secret(randomBytes(32).toString('hex'));
let server: EmbeddedRedis;
let redis: Redis;

beforeEach(async () => {
  server = await startEmbeddedRedis(await makeTestDir('redis'), log);
  await server.firstReady;
  redis = new Redis(server.url.reveal());
});
afterEach(async () => {
  redis.disconnect();
  await server.stop(3000);
});

const share = (dataDir: string, secret = clusterSecret) =>
  loadOrShareApps({ redis, clusterSecret: secret, dataDir, log });

describe('the apps of a cluster', () => {
  it('are those of the machine that came first, sealed in Redis, and a file for the others', async () => {
    const [first, second] = [await makeTestDir('data'), await makeTestDir('data')];
    const own = makeAppsText();
    await writeFile(appsPath(first), own);
    const one = await share(first);
    const two = await share(second);
    expect(one.created || two.created).toBe(false);
    expect(two.apps.adminToken.reveal()).toBe(one.apps.adminToken.reveal());
    expect(await readFile(appsPath(second), 'utf8')).toBe(own);
    expect((await stat(appsPath(second))).mode & 0o777).toBe(0o600);
    const stored = (await redis.get('roomcast:apps')) ?? '';
    expect(stored).toMatch(/^v1\./);
    expect(stored).not.toContain(one.apps.adminToken.reveal());
  });

  it('are made once however many machines begin at the same moment', async () => {
    const dirs = await Promise.all(Array.from({ length: 6 }, () => makeTestDir('data')));
    const all = await Promise.all(dirs.map((dir) => share(dir)));
    expect(all.filter((one) => one.created)).toHaveLength(1);
    expect(new Set(all.map((one) => one.apps.adminToken.reveal())).size).toBe(1);
    const files = await Promise.all(dirs.map((dir) => readFile(appsPath(dir), 'utf8')));
    expect(new Set(files).size).toBe(1);
  });

  it('are those of Redis where a file differs, which stays as it is', async () => {
    const [first, second] = [await makeTestDir('data'), await makeTestDir('data')];
    const other = makeAppsText();
    await writeFile(appsPath(second), other);
    const one = await share(first);
    const two = await share(second);
    expect(one.created).toBe(true);
    expect(two.apps.adminToken.reveal()).toBe(one.apps.adminToken.reveal());
    expect(await readFile(appsPath(second), 'utf8')).toBe(other);
  });

  it('cannot be opened with another cluster secret, and one sentence says what to set', async () => {
    await share(await makeTestDir('data'));
    const stranger = new Secret('another secret of another cluster');
    await expect(share(await makeTestDir('data'), stranger)).rejects.toMatchObject({
      code: 'bad-config',
      message: expect.stringContaining('ROOMCAST_CLUSTER_SECRET'),
    });
  });

  it('are those of the own file while Redis is away, and nobody makes new ones meanwhile', async () => {
    const [withFile, without] = [await makeTestDir('data'), await makeTestDir('data')];
    await writeFile(appsPath(withFile), makeAppsText());
    const end = new AbortController();
    const waits: number[] = [];
    const away = (dataDir: string) => ({
      redis,
      clusterSecret,
      dataDir,
      log,
      signal: end.signal,
      redisAnswers: (withinMs: number) => {
        waits.push(withinMs);
        if (waits.length > 3) end.abort();
        return Promise.resolve(false);
      },
    });
    expect((await loadClusterApps(away(withFile)))?.created).toBe(false);
    expect(waits).toHaveLength(1);
    expect(await loadClusterApps(away(without))).toBeNull();
    expect(waits).toHaveLength(4);
    expect(await redis.exists('roomcast:apps')).toBe(0);
    await expect(stat(appsPath(without))).rejects.toThrow(/ENOENT/);
  });
});

import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Apps, DEFAULT_APP_SETTINGS, findApp } from '../../../src/config/app.ts';
import { LiveApps } from '../../../src/config/live-apps.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { type Announcements, createAnnouncements } from '../../../src/queue/announcements.ts';
import { createRedis, waitUntilReady } from '../../../src/queue/redis.ts';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../../src/redis/embedded-redis.ts';
import { eventually } from '../../support/eventually.ts';
import { makeTestDir } from '../../support/roomcast.ts';

const SETTINGS = 'roomcast:apps:settings';
const ONE = 1_400_000_001;
const OTHER = 1_400_000_002;
const log = pino({ level: 'silent' });

function app(sdkAppId: number): Apps['apps'][number] {
  const secretKey = new Secret('k'.repeat(64));
  return { ...DEFAULT_APP_SETTINGS, sdkAppId, name: 'test', secretKey, apiKeys: [], accountType: 0 };
}
const FILE: Apps = { apps: [app(ONE), app(OTHER)], adminToken: new Secret('t'.repeat(32)) };

let server: EmbeddedRedis;
let admin: Redis;

beforeAll(async () => {
  server = await startEmbeddedRedis(await makeTestDir('live-apps'), log);
  await server.firstReady;
  admin = new Redis(server.url.reveal());
});
afterAll(async () => {
  admin.disconnect();
  await server.stop(5000);
});

/** One gateway's view of the apps, with connections of its own. */
interface Gateway {
  readonly apps: LiveApps;
  readonly redis: Redis;
  readonly announcements: Announcements;
}
const open: Gateway[] = [];

async function gateway(): Promise<Gateway> {
  const redis = createRedis(server.url, { purpose: 'facts', log });
  await waitUntilReady(redis);
  const announcements = createAnnouncements(createRedis(server.url, { purpose: 'subscriber', log }), log);
  const apps = new LiveApps({ apps: FILE, redis, announcements, log });
  await apps.read();
  const one = { apps, redis, announcements };
  open.push(one);
  return one;
}

beforeEach(() => admin.flushall());
afterEach(() => {
  for (const { apps, redis, announcements } of open.splice(0)) {
    apps.stop();
    announcements.close();
    redis.disconnect();
  }
});

function settingsOf({ apps }: Gateway, sdkAppId = ONE) {
  const found = findApp(apps, sdkAppId);
  return { playback: found?.playback, required: found?.privateMapKeyRequired };
}

describe('settings that were changed', () => {
  it('count at every gateway, for that app alone, and at one that starts later', async () => {
    const [a, b] = [await gateway(), await gateway()];
    const changed = await a.apps.change(ONE, () => ({ playback: 'token', privateMapKeyRequired: true }));
    expect(changed).toMatchObject({ playback: 'token', privateMapKeyRequired: true });
    const wanted = { playback: 'token', required: true };
    expect(settingsOf(a)).toEqual(wanted);
    await eventually(() => settingsOf(b).required === true, 30_000);
    expect(settingsOf(b)).toEqual(wanted);
    expect(settingsOf(await gateway())).toEqual(wanted);
    expect(settingsOf(b, OTHER)).toEqual({ playback: 'public', required: false });
    expect(await admin.hkeys(SETTINGS)).toEqual([String(ONE)]);
    expect(JSON.stringify(await admin.hgetall(SETTINGS))).not.toContain('kkk');
  });

  it('by many gateways at the same moment are all there', async () => {
    const gateways = await Promise.all([gateway(), gateway(), gateway()]);
    const parameters = { ...{ width: 640, height: 360, fps: 15 }, bitrateKbps: 500, gopSeconds: 2 };
    await Promise.all(
      gateways.map(({ apps }, index) =>
        apps.change(ONE, ({ roles }, change) => ({
          ...change,
          roles: { ...roles, [`role-${index}`]: { default: { ...parameters, audioBitrateKbps: 64 } } },
        })),
      ),
    );
    for (const { apps } of gateways) {
      await apps.read();
      expect(Object.keys(findApp(apps, ONE)?.roles ?? {}).sort()).toEqual(['role-0', 'role-1', 'role-2']);
    }
  });

  it.each([
    ['a default role that is not there', { defaultRole: 'host' }, 'bad-request'],
    ['a name that no role has', { roles: { 'a b': {} } }, 'bad-request'],
    ['a setting nobody knows', { colour: 'red' }, 'bad-request'],
  ])('to %s change nothing', async (_what, change, code) => {
    const one = await gateway();
    await one.apps.change(ONE, () => ({ playback: 'token' }));
    const before = await admin.hgetall(SETTINGS);
    await expect(one.apps.change(ONE, () => change as object)).rejects.toMatchObject({ code });
    await expect(one.apps.change(7, () => ({}))).rejects.toMatchObject({ code: 'bad-app-id' });
    expect(await admin.hgetall(SETTINGS)).toEqual(before);
    expect(settingsOf(one)).toEqual({ playback: 'token', required: false });
  });

  it('that this version cannot use are as if they were not there, and are left alone', async () => {
    await admin.hset(SETTINGS, { [ONE]: '{"colour":"red"}', [OTHER]: '{"playback":"token"}' });
    const one = await gateway();
    expect(settingsOf(one)).toEqual({ playback: 'public', required: false });
    expect(settingsOf(one, OTHER)).toEqual({ playback: 'token', required: false });
    await expect(one.apps.change(ONE, () => ({}))).rejects.toMatchObject({ code: 'bad-request' });
    expect(await admin.hget(SETTINGS, String(ONE))).toBe('{"colour":"red"}');
  });

  it('are written again by who knows them when Redis lost them', async () => {
    const [a, b] = [await gateway(), await gateway()];
    await a.apps.change(ONE, () => ({ privateMapKeyRequired: true }));
    await eventually(() => settingsOf(b).required === true, 30_000);
    await admin.flushall();
    await Promise.all([a.apps.read(), b.apps.read()]);
    expect(JSON.parse((await admin.hget(SETTINGS, String(ONE))) ?? '')).toEqual({
      privateMapKeyRequired: true,
    });
    expect(settingsOf(a).required && settingsOf(b).required).toBe(true);
  });

  it('are the last known ones while Redis is away, and cannot be changed then', async () => {
    const one = await gateway();
    await one.apps.change(ONE, () => ({ privateMapKeyRequired: true }));
    one.redis.disconnect();
    await eventually(() => one.redis.status === 'end', 30_000);
    await one.apps.read();
    expect(settingsOf(one).required).toBe(true);
    await expect(one.apps.change(ONE, () => ({}))).rejects.toMatchObject({ code: 'redis-away' });
  });
});

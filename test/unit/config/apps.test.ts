import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appsPath, loadOrCreateApps, makeAppsText, parseApps } from '../../../src/config/apps.ts';
import { loadClusterSecret } from '../../../src/config/cluster-secret.ts';
import { readRunFile, removeRunFile, writeRunFile } from '../../../src/config/run-file.ts';
import { Secret } from '../../../src/domain/secret.ts';

const KEY = 'k'.repeat(64);
const APP = { sdkAppId: 1400000001, name: 'default', secretKey: KEY, apiKeys: [] };
const FILE = { apps: [APP], adminToken: 't'.repeat(32) };

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'roomcast-config-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const modeOf = async (file: string) => (await stat(file)).mode & 0o777;

describe('parseApps', () => {
  it('reads apps, and mixes are public unless the app says otherwise', () => {
    const { apps } = parseApps(
      JSON.stringify({ ...FILE, apps: [APP, { ...APP, sdkAppId: 2, playback: 'token' }] }),
      'f',
    );
    expect(apps.map((app) => [app.sdkAppId, app.playback])).toEqual([
      [1400000001, 'public'],
      [2, 'token'],
    ]);
    expect(apps[0]?.secretKey.reveal()).toBe(KEY);
  });

  it.each([
    ['no JSON', '{'],
    ['no app', { ...FILE, apps: [] }],
    ['an unknown key', { ...FILE, adminTokens: 'x' }],
    ['an unknown key of an app', { ...FILE, apps: [{ ...APP, colour: 'red' }] }],
    ['a key that is too short', { ...FILE, apps: [{ ...APP, secretKey: 'short' }] }],
    ['an app id of 0', { ...FILE, apps: [{ ...APP, sdkAppId: 0 }] }],
    ['an app id that is there twice', { ...FILE, apps: [APP, APP] }],
    ['an unknown playback', { ...FILE, apps: [{ ...APP, playback: 'private' }] }],
    ['no admin token', { apps: [APP] }],
  ])('refuses %s without repeating a secret', (_what, value) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    const attempt = () => parseApps(text, 'apps.json');
    expect(attempt).toThrow(/apps\.json is not/);
    expect(attempt).not.toThrow(KEY);
  });

  const CAMERA = { width: 1280, height: 720, fps: 30, bitrateKbps: 2000 };
  const firstApp = (change: object) =>
    parseApps(JSON.stringify({ ...FILE, apps: [{ ...APP, ...change }] }), 'apps.json').apps[0];

  it('reads tickets, account type and roles of an app, which needs none of them', () => {
    expect(firstApp({})).toMatchObject({
      ...{ privateMapKeyRequired: false, accountType: 0, roles: {}, defaultRole: 'default' },
    });
    const roles = { host: { default: CAMERA, ios: { ...CAMERA, gopSeconds: 1, audioBitrateKbps: 64 } } };
    const settings = { privateMapKeyRequired: true, accountType: 792, defaultRole: 'host' };
    expect(firstApp({ ...settings, roles })).toMatchObject({
      ...settings,
      roles: { host: { default: { ...CAMERA, gopSeconds: 2, audioBitrateKbps: 128 }, ios: roles.host.ios } },
    });
  });

  it.each([
    [
      'a default role that is not among its roles',
      { defaultRole: 'host', roles: { guest: { default: CAMERA } } },
    ],
    ['a role without a default', { roles: { host: { ios: CAMERA } } }],
    ['a platform that there is not', { roles: { host: { default: CAMERA, tv: CAMERA } } }],
    ['a role name with a space', { roles: { 'a b': { default: CAMERA } } }],
    ['a picture of half a pixel', { roles: { host: { default: { ...CAMERA, width: 640.5 } } } }],
    ['an account type of 33 bits', { accountType: 4_294_967_296 }],
    ['a ticket rule that is a text', { privateMapKeyRequired: 'true' }],
  ])('refuses an app with %s', (_what, change) => {
    expect(() => firstApp(change)).toThrow(/apps\.json is not usable/);
  });

  const CALLBACKS = { url: 'https://app.test/hook?token=s3cret', key: 'Key123' };

  it('reads where an app wants callbacks, of all groups unless it names some', () => {
    const wanting = [
      { ...APP, callbacks: CALLBACKS },
      { ...APP, sdkAppId: 2, callbacks: { ...CALLBACKS, groups: [1, 4] } },
    ];
    const { apps } = parseApps(JSON.stringify({ ...FILE, apps: wanting }), 'f');
    expect(apps.map(({ callbacks }) => callbacks?.groups)).toEqual([
      [1, 2, 3, 4],
      [1, 4],
    ]);
    expect(apps[0]?.callbacks?.url.reveal()).toBe(CALLBACKS.url);
    expect(apps[0]?.callbacks?.key.reveal()).toBe('Key123');
    expect(JSON.stringify(apps)).not.toMatch(/s3cret|Key123/);
  });

  it.each([
    ['another scheme', { url: 'ftp://app.test/s3cret' }],
    ['no URL', { url: 's3cret' }],
    ['a URL with a password', { url: 'https://ann:s3cret@app.test/' }],
    ['a URL of 2084 characters', { url: `https://app.test/s3cret${'x'.repeat(2061)}` }],
    ['a key with a hyphen', { key: 's3cret-1' }],
    ['a key of 33 characters', { key: `s3cret${'x'.repeat(27)}` }],
    ['a group that there is not', { groups: [9] }],
    ['an unknown field', { secret: 's3cret' }],
  ])('refuses callbacks with %s without repeating it', (_what, change) => {
    const text = JSON.stringify({ ...FILE, apps: [{ ...APP, callbacks: { ...CALLBACKS, ...change } }] });
    const attempt = () => parseApps(text, 'apps.json');
    expect(attempt).toThrow(/callbacks/);
    expect(attempt).not.toThrow(/s3cret/);
  });

  it('accepts what the first start makes, another one each time', () => {
    const [one, two] = [parseApps(makeAppsText(), 'f'), parseApps(makeAppsText(), 'f')];
    expect(one.apps[0]?.secretKey.reveal()).toMatch(/^[0-9a-f]{64}$/);
    expect(one.apps[0]?.secretKey.reveal()).not.toBe(two.apps[0]?.secretKey.reveal());
    expect(one.adminToken.reveal()).not.toBe(two.adminToken.reveal());
  });
});

describe('loadOrCreateApps', () => {
  it('makes apps.json for its owner alone and keeps it afterwards', async () => {
    const first = await loadOrCreateApps(dir);
    const text = await readFile(appsPath(dir), 'utf8');
    const second = await loadOrCreateApps(dir);
    expect([first.created, second.created]).toEqual([true, false]);
    expect(await modeOf(appsPath(dir))).toBe(0o600);
    expect(await readFile(appsPath(dir), 'utf8')).toBe(text);
  });

  it('lets one of many that start at once make it, and all of them use that one', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => loadOrCreateApps(dir)));
    expect(all.filter((one) => one.created)).toHaveLength(1);
    expect(new Set(all.map((one) => one.apps.adminToken.reveal())).size).toBe(1);
  });
});

describe('loadClusterSecret', () => {
  it('prefers the setting and else keeps a file for its owner alone', async () => {
    const given = await loadClusterSecret({ dataDir: dir, clusterSecret: new Secret('given') });
    expect(given.reveal()).toBe('given');
    const made = await loadClusterSecret({ dataDir: dir, clusterSecret: null });
    const again = await loadClusterSecret({ dataDir: dir, clusterSecret: null });
    expect(made.reveal()).toMatch(/^[0-9a-f]{64}$/);
    expect(again.reveal()).toBe(made.reveal());
    expect(await modeOf(path.join(dir, 'cluster-secret'))).toBe(0o600);
  });

  it('refuses a file that holds too little', async () => {
    await writeFile(path.join(dir, 'cluster-secret'), 'short\n');
    await expect(loadClusterSecret({ dataDir: dir, clusterSecret: null })).rejects.toThrow(/fewer than/);
  });
});

describe('the run file', () => {
  it('is written whole, read back and removed', async () => {
    const facts = { ready: true as const, http: 'http://a', localHttp: 'http://b', rtmp: 'rtmp://a', pid: 7 };
    expect(await readRunFile(dir)).toBeNull();
    await writeRunFile(dir, facts);
    await chmod(path.join(dir, 'run.json'), 0o644);
    await writeRunFile(dir, facts);
    expect(await readRunFile(dir)).toEqual(facts);
    expect(await modeOf(path.join(dir, 'run.json'))).toBe(0o600);
    await removeRunFile(dir);
    await removeRunFile(dir);
    expect(await readRunFile(dir)).toBeNull();
  });
});

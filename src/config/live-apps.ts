import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { GatewayError } from '../domain/errors.ts';
import type { Secret } from '../domain/secret.ts';
import type { Announcements } from '../queue/announcements.ts';
import { onReady, reach } from '../queue/redis.ts';
import { type App, type Apps, findApp } from './app.ts';
import { changeSettings, readStoredChange, type SettingsChange } from './app-settings.ts';

/** Hash: app id -> what of its settings differs from apps.json, as JSON. A field is replaced, never removed. */
const SETTINGS = 'roomcast:apps:settings';
/** PUBLISHed with the app's id after each change. */
const CHANGED = 'roomcast:apps:changed';
/** An announcement that got lost is made up for within this time. */
const READ_EVERY_MS = 10_000;
const MAX_COLLISIONS = 10;

/** KEYS: settings. ARGV: app, JSON read ('' for none), new JSON, channel. */
const REPLACE = `
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[1])
return 1`;

export interface LiveAppsDeps {
  /** As apps.json has them. */
  readonly apps: Apps;
  /** Of purpose `facts`; stays the caller's to close. */
  readonly redis: Redis;
  readonly announcements: Announcements;
  readonly log: Logger;
}

/**
 * The apps of apps.json with the settings that operators changed since, the same at every gateway. While Redis is
 * away the last known ones count; when it comes back without its data they are written again.
 */
export class LiveApps implements Apps {
  readonly adminToken: Secret;
  readonly #deps: LiveAppsDeps;
  readonly #stops: readonly (() => void)[];
  /** Stored JSON by app id. */
  #known = new Map<string, string>();
  #apps: readonly App[];
  /** Stored JSON that was already complained of, by app id. */
  readonly #unusable = new Map<number, string>();
  #reading: Promise<void> | null = null;
  #isStale = false;

  constructor(deps: LiveAppsDeps) {
    this.adminToken = deps.apps.adminToken;
    this.#deps = deps;
    this.#apps = deps.apps.apps;
    const hear = () => void this.read();
    const timer = setInterval(hear, READ_EVERY_MS);
    this.#stops = [
      deps.announcements.on(CHANGED, hear),
      onReady(deps.redis, hear),
      () => clearInterval(timer),
    ];
  }

  /** As of the last read: whoever logs in or connects reads them anew. */
  get apps(): readonly App[] {
    return this.#apps;
  }

  /** Resolves when what Redis had at this moment is known here, or when Redis is away; never rejects. */
  read(): Promise<void> {
    this.#isStale = true;
    this.#reading ??= this.#readWhileStale().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  /**
   * Replaces what differs from apps.json by what `next` makes of it; every gateway hears of it. Throws
   * `bad-app-id`, `bad-request` when the outcome does not fit together, `redis-away`, and what `next` throws.
   */
  async change(sdkAppId: number, next: (now: App, changed: SettingsChange) => SettingsChange): Promise<App> {
    const { redis, apps, log } = this.#deps;
    const base = findApp(apps, sdkAppId);
    if (base === undefined) throw new GatewayError('bad-app-id', `there is no app ${sdkAppId}`);
    const field = String(sdkAppId);
    for (let tries = 0; tries < MAX_COLLISIONS; tries += 1) {
      const stored = (await reach(() => redis.hget(SETTINGS, field))) ?? '';
      const changed = stored === '' ? {} : readStoredChange(stored);
      // What is stored may no longer fit to apps.json: then this is the way to put it right.
      const wanted = next({ ...base, ...changed }, changed);
      const json = JSON.stringify(wanted);
      changeSettings(base, readStoredChange(json));
      const replaced = await reach(() => redis.eval(REPLACE, 1, SETTINGS, field, stored, json, CHANGED));
      if (replaced === 0) continue;
      await this.read();
      log.info({ sdkAppId, changed: Object.keys(wanted) }, 'settings of an app changed');
      return changeSettings(base, wanted);
    }
    throw new GatewayError('conflict', 'the settings are being changed by others: try again', {
      retry: 'later',
    });
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  async #readWhileStale(): Promise<void> {
    while (this.#isStale) {
      this.#isStale = false;
      try {
        await this.#readOnce();
      } catch (error) {
        this.#deps.log.debug({ err: error }, 'settings of apps not read'); // read again when Redis is back
      }
    }
  }

  async #readOnce(): Promise<void> {
    const { redis } = this.#deps;
    const stored = new Map(Object.entries(await redis.hgetall(SETTINGS)));
    for (const [field, json] of this.#known) {
      if (stored.has(field)) continue;
      // Redis lost it. Another gateway may be quicker: what is there then counts.
      await redis.hsetnx(SETTINGS, field, json);
      stored.set(field, (await redis.hget(SETTINGS, field)) ?? json);
    }
    const apps = this.#deps.apps.apps.map((app) => this.#applied(app, stored));
    this.#known = stored;
    this.#apps = apps;
  }

  /** Settings that do not fit, or that a newer version wrote, change nothing here. */
  #applied(app: App, stored: Map<string, string>): App {
    const { sdkAppId } = app;
    const json = stored.get(String(sdkAppId));
    if (json === undefined) return app;
    try {
      return changeSettings(app, readStoredChange(json));
    } catch (error) {
      if (this.#unusable.get(sdkAppId) !== json) {
        this.#deps.log.error({ err: error, sdkAppId }, 'stored settings of an app are not usable');
      }
      this.#unusable.set(sdkAppId, json);
      return findApp(this, sdkAppId) ?? app;
    }
  }
}

import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { ATTEMPT_RULES, type AttemptRules } from '../domain/callback/attempts.ts';
import type { CallbackGroup, CallbackOutcome } from '../domain/callback/callback.ts';
import type { Announcements } from '../queue/announcements.ts';
import { Pause } from '../queue/pause.ts';
import { onReady } from '../queue/redis.ts';
import { Seat } from '../queue/seat.ts';
import { AppDelivery } from './app-delivery.ts';
import { CALLBACK_ADDED, emptyOutboxes, type OutboxEntry, readOutbox, takeFromOutbox } from './outbox.ts';
import { type CallbackAddress, postCallback } from './post.ts';

export interface CallbackSettings extends AttemptRules {
  /** For an answer. */
  readonly timeoutMs: number;
  /** After which another process delivers instead of one that was killed. */
  readonly seatMs: number;
}

export interface CallbackDeliveryOptions {
  /** Of purpose `facts`; stays the caller's to close, as do the announcements. */
  readonly redis: Redis;
  readonly announcements: Announcements;
  /** Names this process among those that may deliver. */
  readonly who: string;
  readonly addresses: readonly (CallbackAddress & { readonly groups: readonly CallbackGroup[] })[];
  /** Apps that want no callbacks. */
  readonly silentApps: readonly number[];
  readonly settings?: CallbackSettings;
  readonly log: Logger;
}

export interface CallbackDelivery {
  /** Lets another process deliver; what is under way is told again by it. Never throws. */
  stop(): Promise<void>;
}

const SEAT = 'roomcast:callbacks:seat';
const SETTINGS: CallbackSettings = { ...ATTEMPT_RULES, timeoutMs: 5000, seatMs: 10_000 };
const EVERY_MS = 500;
/** Of one app in memory at a time; the others stay in Redis until these have ended. */
const MAX_LOADED = 1000;

type Address = CallbackDeliveryOptions['addresses'][number];

/**
 * Tells apps what is in their outboxes, while it has the seat. Not a job of the queue: it is one loop for all apps,
 * and keys and addresses are known to gateways alone.
 */
export function startCallbackDelivery(options: CallbackDeliveryOptions): CallbackDelivery {
  const { redis, announcements, who, settings = SETTINGS } = options;
  const seat = new Seat(redis, { key: SEAT, who, freeAfterMs: settings.seatMs });
  const apps = options.addresses.map(
    (address) => new AppOutbox(address, { ...options, settings, maySend: () => seat.isSure }),
  );
  let stopped = false;
  let due = false;
  const pause = new Pause();
  const hurry = () => {
    due = true;
    pause.end();
  };
  const stopHearing = [announcements.on(CALLBACK_ADDED, hurry), onReady(redis, hurry)];

  async function round(): Promise<void> {
    const wasSure = seat.isSure;
    const sits = await seat.take();
    // Somebody else may have delivered what is known here.
    if (!sits || !wasSure) for (const app of apps) app.forget();
    if (!sits) return;
    await Promise.all(apps.map((app) => app.deliver()));
    await emptyOutboxes(redis, options.silentApps);
  }

  async function loop(): Promise<void> {
    while (!stopped) {
      due = false;
      await round().catch((error: unknown) => options.log.debug({ err: error }, 'callbacks wait for Redis'));
      if (!due && !stopped) await pause.wait(EVERY_MS);
    }
  }

  const looping = loop();
  return {
    async stop() {
      stopped = true;
      for (const stop of stopHearing) stop();
      pause.end();
      await looping;
      for (const app of apps) app.forget();
      await seat.leave().catch(() => undefined); // Redis is away: the seat is free soon
    },
  };
}

interface AppOutboxDeps {
  readonly redis: Redis;
  readonly log: Logger;
  readonly settings: CallbackSettings;
  readonly maySend: () => boolean;
}

/** The outbox of one app as the process that has the seat knows it. */
class AppOutbox {
  readonly #address: Address;
  readonly #deps: AppOutboxDeps;
  readonly #log: Logger;
  /** Ended here and not yet taken out of Redis: never sent again. */
  readonly #ended = new Map<string, CallbackOutcome | null>();
  #delivery: AppDelivery | null = null;
  #last: string | null = null;

  constructor(address: Address, deps: AppOutboxDeps) {
    this.#address = address;
    this.#deps = deps;
    this.#log = deps.log.child({ app: address.appId });
  }

  /** Takes up what is new in Redis and sends what is due; throws `redis-away`. */
  async deliver(): Promise<void> {
    this.#delivery ??= this.#open();
    for (const [id, outcome] of this.#ended) await this.#take(id, outcome);
    await this.#load(this.#delivery);
    this.#delivery.pump();
  }

  /** From now on nothing is known of what waits. */
  forget(): void {
    this.#delivery?.stop();
    this.#delivery = null;
    this.#last = null;
  }

  async #load(delivery: AppDelivery): Promise<void> {
    const { redis } = this.#deps;
    const { appId, groups } = this.#address;
    const room = MAX_LOADED - delivery.waiting;
    if (room <= 0) return;
    const entries = await readOutbox(redis, appId, this.#last, room);
    // Meanwhile it may have been forgotten.
    if (this.#delivery !== delivery) return;
    this.#last = entries.at(-1)?.id ?? this.#last;
    const wanted: OutboxEntry[] = [];
    for (const { id, event } of entries.filter((entry) => !this.#ended.has(entry.id))) {
      if (event !== null && groups.includes(event.group)) wanted.push({ id, event });
      else this.#end(id, event === null ? 'dropped' : null);
    }
    delivery.add(wanted);
  }

  #open(): AppDelivery {
    const { settings, maySend } = this.#deps;
    return new AppDelivery({
      log: this.#log,
      rules: settings,
      post: (body, signal) => postCallback(this.#address, body, { timeoutMs: settings.timeoutMs, signal }),
      maySend,
      onEnded: ({ id }: OutboxEntry, outcome) => this.#end(id, outcome),
    });
  }

  #end(id: string, outcome: CallbackOutcome | null): void {
    this.#ended.set(id, outcome);
    this.#take(id, outcome).catch((error: unknown) => {
      this.#log.debug({ err: error }, 'a callback that ended waits to be taken out');
    });
  }

  async #take(id: string, outcome: CallbackOutcome | null): Promise<void> {
    await takeFromOutbox(this.#deps.redis, this.#address.appId, id, outcome);
    this.#ended.delete(id);
  }
}

import type { Redis } from 'ioredis';
import { type JobRef, parseJobKey } from '../domain/job.ts';
import { reach } from '../queue/redis.ts';
import { storedObject } from '../queue/stored.ts';

/** Who may act for a job. A record, not a TTL: it stands while Redis is away. `owner` is '' once released. */
export interface LeaseRecord {
  readonly owner: string;
  readonly epoch: number;
}

/** A worker lives while its heartbeat key does. */
export const HEARTBEAT_TTL_MS = 1_500;
export const HEARTBEAT_EVERY_MS = 400;
/** After Redis came back its old owners have this long to say that they live. */
export const ANNOUNCE_MS = 3_000;

const LEASES = 'roomcast:leases';
const RELEASED_KEPT_MS = 24 * 3_600_000;
const MAX_COLLISIONS = 20;

/** Writes the record only if it is as it was read ('' for none). KEYS: leases. ARGV: field, as read, new. */
const SWAP = `
local current = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if current ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1`;

/** As SWAP, and forgets the record. */
const DROP = `
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end
return 1`;

export interface LeaseView {
  readonly record: LeaseRecord | null;
  readonly me: string;
  readonly ownerAlive: boolean;
  /** For how long Redis has been steady. */
  readonly steadyForMs: number;
  readonly nowMs: number;
}

/** The epoch a worker may take the lease with, or null when another one has it. */
export function decideLease({ record, me, ownerAlive, steadyForMs, nowMs }: LeaseView): number | null {
  if (record === null) return nowMs;
  const free = record.owner === '' || record.owner === me;
  const dead = !ownerAlive && steadyForMs > ANNOUNCE_MS;
  return free || dead ? Math.max(nowMs, record.epoch + 1) : null;
}

/** What a worker that runs a job does about the record it finds: nothing, write its own again, or stop. */
export function decideHeld(record: LeaseRecord | null, mine: LeaseRecord): 'keep' | 'write' | 'fenced' {
  if (record === null) return 'write';
  if (record.owner === mine.owner && record.epoch === mine.epoch) return 'keep';
  // Equal epochs of two workers can only come from lost data: the first to write has it.
  return record.epoch < mine.epoch ? 'write' : 'fenced';
}

/** Leases as one worker uses them. All calls throw `redis-away`. */
export interface Leases {
  /** The epoch to act with, or null when a live worker (or one that may be) has the lease. */
  acquire(jobKey: string): Promise<number | null>;
  /** Whether acquire would give null. */
  isHeldElsewhere(jobKey: string): Promise<boolean>;
  /** What became of leases this worker holds; records that went missing are written again. */
  confirm(held: ReadonlyMap<string, number>): Promise<ReadonlyMap<string, 'keep' | 'write' | 'fenced'>>;
  release(jobKey: string, epoch: number): Promise<void>;
  beat(): Promise<void>;
  /** Takes the heartbeat back, so that others need not wait for its end. */
  leave(): Promise<void>;
}

export interface LeaseOptions {
  readonly redis: Redis;
  readonly workerId: string;
  readonly steadyForMs: () => number;
}

function heartbeatKey(workerId: string): string {
  return `roomcast:worker:${workerId}`;
}

function parseRecord(text: string | null | undefined): LeaseRecord | null {
  return text ? storedObject<LeaseRecord>(text) : null;
}

export function createLeases({ redis, workerId, steadyForMs }: LeaseOptions): Leases {
  async function swap(jobKey: string, before: string | null, record: LeaseRecord): Promise<boolean> {
    return (await redis.eval(SWAP, 1, LEASES, jobKey, before ?? '', JSON.stringify(record))) === 1;
  }

  /** The record as it stands, and the epoch it may be taken with. */
  async function look(
    jobKey: string,
  ): Promise<{ readonly text: string | null; readonly epoch: number | null }> {
    const text = await redis.hget(LEASES, jobKey);
    const record = parseRecord(text);
    const ownerAlive = record !== null && (await redis.exists(heartbeatKey(record.owner))) === 1;
    const view = { record, me: workerId, ownerAlive, steadyForMs: steadyForMs(), nowMs: Date.now() };
    return { text, epoch: decideLease(view) };
  }

  async function acquire(jobKey: string): Promise<number | null> {
    for (let attempt = 0; attempt < MAX_COLLISIONS; attempt += 1) {
      const { text, epoch } = await look(jobKey);
      if (epoch === null) return null;
      if (await swap(jobKey, text, { owner: workerId, epoch })) return epoch;
    }
    return null;
  }

  async function confirm(held: ReadonlyMap<string, number>) {
    const outcome = new Map<string, 'keep' | 'write' | 'fenced'>();
    const keys = [...held.keys()];
    if (keys.length === 0) return outcome;
    const texts = await redis.hmget(LEASES, ...keys);
    for (const [index, jobKey] of keys.entries()) {
      const text = texts[index] ?? null;
      const mine = { owner: workerId, epoch: held.get(jobKey) ?? 0 };
      const decision = decideHeld(parseRecord(text), mine);
      // Lost the race against another writer: the next confirmation sees what it wrote.
      if (decision === 'write') await swap(jobKey, text, mine);
      outcome.set(jobKey, decision);
    }
    return outcome;
  }

  return {
    acquire: (jobKey) => reach(() => acquire(jobKey)),
    isHeldElsewhere: (jobKey) => reach(async () => (await look(jobKey)).epoch === null),
    confirm: (held) => reach(() => confirm(held)),
    release: (jobKey, epoch) =>
      reach(async () => {
        await swap(jobKey, JSON.stringify({ owner: workerId, epoch }), { owner: '', epoch });
      }),
    beat: () =>
      reach(async () => {
        await redis.set(heartbeatKey(workerId), '1', 'PX', HEARTBEAT_TTL_MS);
      }),
    leave: () =>
      reach(async () => {
        await redis.del(heartbeatKey(workerId));
      }),
  };
}

/** Jobs a live worker holds the lease of; throws `redis-away`. */
export async function listLeased(redis: Redis): Promise<readonly JobRef[]> {
  return reach(async () => {
    const held = Object.entries(await redis.hgetall(LEASES)).map(
      ([key, text]) => [key, parseRecord(text)?.owner ?? ''] as const,
    );
    const owners = [...new Set(held.map(([, owner]) => owner))].filter((owner) => owner !== '');
    const beats = await Promise.all(owners.map((owner) => redis.exists(heartbeatKey(owner))));
    const alive = new Set(owners.filter((_owner, index) => beats[index] === 1));
    return held.flatMap(([key, owner]) => {
      const job = parseJobKey(key);
      return job !== null && alive.has(owner) ? [job] : [];
    });
  });
}

/** Forgets records whose epoch no longer matters: released, or of a dead worker, a day ago. */
export async function pruneLeases(redis: Redis, nowMs: number): Promise<void> {
  await reach(async () => {
    for (const [key, text] of Object.entries(await redis.hgetall(LEASES))) {
      const record = parseRecord(text);
      if (record === null || record.epoch > nowMs - RELEASED_KEPT_MS) continue;
      const alive = record.owner !== '' && (await redis.exists(heartbeatKey(record.owner))) === 1;
      if (!alive) await redis.eval(DROP, 1, LEASES, key, text);
    }
  });
}

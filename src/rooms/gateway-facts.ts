import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { GatewayFacts, RoomFacts } from '../domain/room.ts';
import { dropGateways } from './room-state.ts';
import type { RoomStore } from './room-store.ts';

const PREFIX = 'roomcast:gateway:';
/** Gateway id -> unix ms since which its heartbeat is missing. */
const MISSING = 'roomcast:gateways-missing';
const TTL_MS = 5000;
const EVERY_MS = 2000;

/** Stays the same over restarts: a gateway adopts the rooms of its earlier run by it. */
export function gatewayIdOf(internalHost: string, rtmpPort: number): string {
  return `${internalHost}:${rtmpPort}`;
}

export interface Heartbeat {
  /** Ends it and tells the others at once. Never throws. */
  stop(): Promise<void>;
}

/** Keeps a gateway's facts fresh in Redis, and writes them again as soon as Redis is back. */
export function startHeartbeat(deps: {
  readonly redis: Redis;
  readonly facts: GatewayFacts;
  readonly log: Logger;
}): Heartbeat {
  const { redis, facts, log } = deps;
  const key = PREFIX + facts.gatewayId;
  const beat = () => {
    redis.set(key, JSON.stringify(facts), 'PX', TTL_MS).catch((error: Error) => {
      log.debug({ reason: error.message }, 'heartbeat not written'); // the next one or 'ready' makes up for it
    });
  };
  const timer = setInterval(beat, EVERY_MS);
  redis.on('ready', beat);
  beat();
  return {
    async stop() {
      clearInterval(timer);
      redis.off('ready', beat);
      await redis.del(key).catch(() => undefined); // away: it expires by itself
    },
  };
}

/** The facts of a gateway that is alive, else null. */
export async function readGateway(redis: Redis, gatewayId: string): Promise<GatewayFacts | null> {
  const text = await redis.get(PREFIX + gatewayId);
  return text === null ? null : (JSON.parse(text) as GatewayFacts);
}

/** Those without a heartbeat for longer than the grace; the wait begins when it is first missed. */
async function findGone(
  redis: Redis,
  ids: readonly string[],
  nowMs: number,
  graceMs: number,
): Promise<Set<string>> {
  const gone = new Set<string>();
  for (const id of ids) {
    if ((await redis.exists(PREFIX + id)) === 1) {
      await redis.hdel(MISSING, id);
      continue;
    }
    await redis.hsetnx(MISSING, id, nowMs);
    const since = Number(await redis.hget(MISSING, id));
    if (nowMs - since > graceMs) gone.add(id);
  }
  return gone;
}

function holdersOf({ users }: RoomFacts): string[] {
  return users.flatMap(({ session, streams }) => [
    ...streams.map((stream) => stream.gatewayId),
    ...(session !== null && session.lostAt === null ? [session.gatewayId] : []),
  ]);
}

/**
 * Takes users out of their rooms whose gateway has had no heartbeat for longer than the grace; `rooms` by roomKey, as
 * read a moment ago.
 */
export async function removeDeadGatewayUsers(
  redis: Redis,
  store: Pick<RoomStore, 'update'>,
  rooms: ReadonlyMap<string, RoomFacts>,
  { nowMs, graceMs }: { readonly nowMs: number; readonly graceMs: number },
): Promise<void> {
  const ids = new Set([...rooms.values()].flatMap(holdersOf));
  if (ids.size === 0) return;
  const gone = await findGone(redis, [...ids], nowMs, graceMs);
  if (gone.size === 0) return;
  for (const [key, room] of rooms) {
    if (!holdersOf(room).some((id) => gone.has(id))) continue;
    await store.update(key, (stored) => ({ facts: dropGateways(stored, gone), left: 'timeout' }));
  }
}

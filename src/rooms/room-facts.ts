import type { Redis } from 'ioredis';
import { type RoomId, roomKey } from '../domain/ids.ts';
import type { RoomFacts } from '../domain/room.ts';

const ROOMS = 'roomcast:rooms';
/** Announces the roomKey of every room that changed. */
export const ROOMS_CHANGED = 'roomcast:rooms:changed';
/** Two gateways that write one room at the same moment; more rounds than this is a fault. */
const MAX_ROUNDS = 50;

const REPLACE_IF_UNCHANGED = `
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
redis.call('PUBLISH', ARGV[4], ARGV[1])
return 1`;

function parseRoom(text: string | null): RoomFacts | null {
  return text === null ? null : (JSON.parse(text) as RoomFacts);
}

/** All rooms, by roomKey. */
export async function readRoomTable(redis: Redis): Promise<Map<string, RoomFacts>> {
  const table = await redis.hgetall(ROOMS);
  return new Map(Object.entries(table).map(([key, text]) => [key, JSON.parse(text) as RoomFacts]));
}

/** Gives every room's key and text, at least once, in slices of about so many. */
export async function scanRooms(
  redis: Redis,
  slice: number,
  each: (key: string, text: string) => void,
): Promise<void> {
  let cursor = '0';
  do {
    const [next, found] = await redis.hscan(ROOMS, cursor, 'COUNT', slice);
    for (let at = 0; at + 1 < found.length; at += 2) each(found[at] ?? '', found[at + 1] ?? '');
    cursor = next;
  } while (cursor !== '0');
}

/** The texts of these rooms, null for those that are gone. */
export async function readRoomsOf(
  redis: Redis,
  keys: readonly string[],
): Promise<readonly (string | null)[]> {
  return redis.hmget(ROOMS, ...keys);
}

/** All rooms, oldest first. */
export async function readRooms(redis: Redis): Promise<RoomFacts[]> {
  return [...(await readRoomTable(redis)).values()].sort((a, b) => a.createdAt - b.createdAt);
}

export async function readRoom(redis: Redis, appId: number, room: RoomId): Promise<RoomFacts | null> {
  return parseRoom(await redis.hget(ROOMS, roomKey(appId, room)));
}

/** Replaces a room by what `change` makes of the stored one (null removes it), however many write it at once. */
export async function updateRoom(
  redis: Redis,
  key: string,
  change: (stored: RoomFacts | null) => RoomFacts | null,
): Promise<RoomFacts | null> {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const before = await redis.hget(ROOMS, key);
    const next = change(parseRoom(before));
    const after = next === null ? '' : JSON.stringify(next);
    if (after === (before ?? '')) return next;
    const written = await redis.eval(REPLACE_IF_UNCHANGED, 1, ROOMS, key, before ?? '', after, ROOMS_CHANGED);
    if (written === 1) return next;
  }
  throw new Error(`room ${key} is written by others without end`);
}

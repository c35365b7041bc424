import type { Redis } from 'ioredis';
import { type RoomId, roomKey } from '../domain/ids.ts';
import type { RoomFacts } from '../domain/room.ts';

export const ROOMS = 'roomcast:rooms';
/** Announces the roomKey of every room that changed. */
export const ROOMS_CHANGED = 'roomcast:rooms:changed';
export function parseRoom(text: string | null): RoomFacts | null {
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

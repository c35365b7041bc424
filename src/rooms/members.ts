import type { Redis } from 'ioredis';
import { canonicalUser, type RoomId, roomKey, sameUser } from '../domain/ids.ts';
import { reach } from '../queue/redis.ts';
import { readRoom } from './room-facts.ts';

/** Says whether a user is in that room now, at whatever gateway; throws `redis-away`. */
export type MemberCheck = (appId: number, room: RoomId, userId: string) => Promise<boolean>;

/** A player asks at each segment: who was in the room is not asked for again that soon. */
const KNOWN_MS = 2000;
const MAX_KNOWN = 10_000;

/** Asks Redis; a yes holds for two seconds, a no is asked for anew each time. */
export function createMemberCheck(redis: Redis, now: () => number = Date.now): MemberCheck {
  const known = new Map<string, number>();
  return async (appId, room, userId) => {
    const key = `${roomKey(appId, room)}/${canonicalUser(userId)}`;
    const nowMs = now();
    if (nowMs < (known.get(key) ?? 0)) return true;
    known.delete(key);
    const facts = await reach(() => readRoom(redis, appId, room));
    const isMember = facts?.users.some((user) => sameUser(user.userId, userId)) ?? false;
    if (isMember) {
      if (known.size >= MAX_KNOWN) known.clear();
      known.set(key, nowMs + KNOWN_MS);
    }
    return isMember;
  };
}

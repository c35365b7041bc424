import { canonicalUser, encodeRoom, type RoomId, sameRoom, sameUser } from './ids.ts';

/** A user of the task's room, or of another one of the app. */
export interface RoomUser {
  readonly userId: string;
  /** Another room than the task's. */
  readonly room?: RoomId;
}

export function sameRoomUser(a: RoomUser, b: RoomUser): boolean {
  if (!sameUser(a.userId, b.userId)) return false;
  if (a.room === undefined || b.room === undefined) return a.room === b.room;
  return sameRoom(a.room, b.room);
}

/** One text for all ways to write the same user. */
export function roomUserKey({ userId, room }: RoomUser): string {
  return `${canonicalUser(userId)} ${room ? encodeRoom(room) : ''}`;
}

import { canonicalUser } from './ids.ts';
import { blockOf, type RoomFacts, type UserFacts } from './room.ts';
import type { LeaveReason, MemberChange, RoomEventBody, RoomMember, RoomSnapshot } from './room-event.ts';
import { sameTracks } from './tracks.ts';

/** The user as the others in the room see it. */
export function memberOf(user: UserFacts): RoomMember {
  const { userId, order, enteredAt, role, roleName, terminal, media, lostAt, streams } = user;
  return {
    ...{ userId, order, enteredAt, role, roleName, terminal, media },
    isLost: lostAt !== null,
    blocked: blockOf(user),
    streams: streams.map(({ streamId, kind, tracks }) => ({ streamId, kind, tracks })),
  };
}

/** The room as those in it see it. */
export function snapshotOf({ room, createdAt, ownerUserId, seq, users }: RoomFacts): RoomSnapshot {
  return { room, createdAt, ownerUserId, seq, members: users.map(memberOf) };
}

/** Why users leave and rooms close in one change of a room. */
export interface LeaveReasons {
  readonly left: LeaveReason;
  readonly closed: 'empty' | 'dismissed';
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

const CHANGING = ['role', 'roleName', 'terminal', 'isLost', 'media', 'blocked'] as const;

function changeOf(before: RoomMember, after: RoomMember): MemberChange | null {
  const changed = CHANGING.filter((field) => !same(before[field], after[field]));
  if (changed.length === 0) return null;
  return Object.fromEntries(changed.map((field) => [field, after[field]]));
}

function memberEvents(before: RoomMember, after: RoomMember): RoomEventBody[] {
  const { userId } = after;
  const had = new Map(before.streams.map((stream) => [stream.streamId, stream]));
  const has = new Set(after.streams.map((stream) => stream.streamId));
  const change = changeOf(before, after);
  return [
    ...[...had.keys()]
      .filter((streamId) => !has.has(streamId))
      .map((streamId) => ({ type: 'stream-ended', userId, streamId }) as const),
    ...after.streams
      .filter(({ streamId }) => !had.has(streamId))
      .map((stream) => ({ type: 'stream-published', userId, stream }) as const),
    ...after.streams
      .filter(({ streamId, tracks }) => !sameTracks(had.get(streamId)?.tracks ?? tracks, tracks))
      .map(({ streamId, tracks }) => ({ type: 'stream-changed', userId, streamId, tracks }) as const),
    ...(change === null ? [] : [{ type: 'member-changed', userId, change } as const]),
  ];
}

/** It left and entered anew within the change. */
function isAnother(before: UserFacts, after: UserFacts): boolean {
  return (
    before.userId !== after.userId || before.order !== after.order || before.enteredAt !== after.enteredAt
  );
}

/** What made one state of a room out of another: applied in order to the first they give the second. */
export function eventsBetween(
  before: RoomFacts | null,
  after: RoomFacts | null,
  reasons: LeaveReasons,
): RoomEventBody[] {
  const known = new Map((before?.users ?? []).map((user) => [canonicalUser(user.userId), user]));
  const left: RoomEventBody[] = [];
  const changed: RoomEventBody[] = [];
  const entered: RoomEventBody[] = [];
  const staying = new Set<UserFacts>();
  for (const user of after?.users ?? []) {
    const was = known.get(canonicalUser(user.userId));
    if (was === undefined || isAnother(was, user)) {
      entered.push({ type: 'member-entered', member: memberOf(user) });
    } else {
      staying.add(was);
      if (was !== user) changed.push(...memberEvents(memberOf(was), memberOf(user)));
    }
  }
  for (const user of known.values()) {
    if (staying.has(user)) continue;
    left.push({ type: 'member-left', userId: user.userId, reason: reasons.left });
  }
  const closed = before !== null && after === null;
  return [
    ...left,
    ...changed,
    ...entered,
    ...(closed ? [{ type: 'room-closed', reason: reasons.closed } as const] : []),
  ];
}

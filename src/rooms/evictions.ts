import type { RoomFacts, UserFacts } from '../domain/room.ts';
import type { LeaveReason } from '../domain/room-event.ts';
import { findUser } from './room-state.ts';

/** Why a connection has to end: its user is out of the room, publishes no more, or another took its place. */
export type EvictReason = LeaveReason | 'audience' | 'elsewhere';

/** A connection that has to end at the gateway that holds it. */
export interface Eviction {
  readonly gatewayId: string;
  readonly part: 'session' | 'stream';
  /** The session's or the stream's. */
  readonly id: string;
  /** Unix ms of its coming: a later one of the same id is another. */
  readonly at: number;
  readonly reason: EvictReason;
}

const SENTENCES: Record<EvictReason, string> = {
  normal: 'the user left the room',
  timeout: 'the user was lost for too long',
  removed: 'the user was removed from the room',
  dismissed: 'the room was dismissed',
  'another-device': 'the user is here with another device',
  moved: 'the user is in another room',
  'force-killed': 'the user was removed from the room',
  audience: 'the user is audience now',
  elsewhere: 'another connection has taken its place',
};

/** For people. */
export function evictSentence(reason: EvictReason): string {
  return SENTENCES[reason];
}

/** One text for one connection. */
export function partKey(id: string, at: number): string {
  return `${id} ${at}`;
}

function ofSession(user: UserFacts, after: UserFacts | undefined, left: LeaveReason): Eviction[] {
  const { session } = user;
  if (session === null || session.lostAt !== null) return [];
  const { gatewayId, sessionId: id, since: at } = session;
  const next = after?.session ?? null;
  const isSame = next?.sessionId === id;
  if (isSame && next.gatewayId === gatewayId) return [];
  const reason = isSame ? 'elsewhere' : next === null ? left : 'another-device';
  return [{ gatewayId, part: 'session', id, at, reason }];
}

function ofStreams(user: UserFacts, after: UserFacts | undefined, left: LeaveReason): Eviction[] {
  return user.streams.flatMap(({ gatewayId, streamId: id, publishedAt: at }) => {
    const next = after?.streams.find((stream) => stream.streamId === id);
    if (next?.gatewayId === gatewayId && next.publishedAt === at) return [];
    const stayed = after?.role === 'audience' ? 'audience' : 'elsewhere';
    return [{ gatewayId, part: 'stream', id, at, reason: after === undefined ? left : stayed } as const];
  });
}

/** The connections that one state of a room has and the next has not. */
export function evictionsBetween(
  before: RoomFacts | null,
  after: RoomFacts | null,
  left: LeaveReason,
): Eviction[] {
  return (before?.users ?? []).flatMap((user) => {
    const next = findUser(after, user.userId);
    return next === user ? [] : [...ofSession(user, next, left), ...ofStreams(user, next, left)];
  });
}

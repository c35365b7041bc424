import { GatewayError } from '../domain/errors.ts';
import { type RoomId, type StreamKind, sameUser } from '../domain/ids.ts';
import type { Blocked, RoomFacts, StreamFacts, UserFacts } from '../domain/room.ts';
import type { MediaState, Role } from '../domain/room-event.ts';
import type { Terminal } from '../domain/terminal.ts';
import { NO_TRACKS, type Tracks } from '../domain/tracks.ts';

/** Which room, and the gateway that becomes its home when it does not exist yet. */
export interface Place {
  readonly appId: number;
  readonly room: RoomId;
  readonly gatewayId: string;
}

/** As what a user enters. */
export interface Profile {
  readonly role: Role;
  readonly roleName: string;
  readonly terminal: Terminal;
}

export interface SessionEntry extends Profile {
  readonly userId: string;
  readonly sessionId: string;
  /** Unix ms. */
  readonly at: number;
  /** A room that does not exist yet. */
  readonly mayCreate: boolean;
}

export interface StreamEntry extends Profile {
  readonly userId: string;
  readonly streamId: string;
  readonly kind: StreamKind;
  /** Unix ms. */
  readonly at: number;
  /** Absent: nothing came yet. */
  readonly tracks?: Tracks;
  /** A room that does not exist yet. */
  readonly mayCreate: boolean;
}

export interface UserChange {
  readonly role?: Role;
  readonly roleName?: string;
  readonly media?: MediaState;
}

const MAX_USERS = 1000;
const NO_MEDIA: MediaState = { audio: false, video: false, screen: false };

export function findUser(facts: RoomFacts | null, userId: string): UserFacts | undefined {
  return facts?.users.find((user) => sameUser(user.userId, userId));
}

/** The room with that user in place of the one of the same name, or as one more. */
export function replaceUser(facts: RoomFacts, user: UserFacts): RoomFacts {
  const others = facts.users.filter((other) => !sameUser(other.userId, user.userId));
  return { ...facts, users: [...others, user].sort((a, b) => a.order - b.order) };
}

/** Without that user; null when nobody is left: the room is closed. */
export function removeUser(facts: RoomFacts | null, userId: string): RoomFacts | null {
  if (facts === null) return null;
  const users = facts.users.filter((user) => !sameUser(user.userId, userId));
  if (users.length === facts.users.length) return facts;
  return users.length === 0 ? null : { ...facts, users };
}

/** Something of the user is connected. */
export function isLive({ session, streams }: Pick<UserFacts, 'session' | 'streams'>): boolean {
  return streams.length > 0 || (session !== null && session.lostAt === null);
}

/** Who has no client that says it sends what its streams carry. */
function mediaOf(user: Pick<UserFacts, 'session' | 'streams' | 'media'>): MediaState {
  if (user.session !== null) return user.media;
  const has = (kind: StreamKind, track: keyof Tracks) =>
    user.streams.some((stream) => stream.kind === kind && stream.tracks[track]);
  return { audio: has('main', 'audio'), video: has('main', 'video'), screen: has('aux', 'video') };
}

/** The user with these parts, no longer lost. */
export function withParts(
  user: UserFacts,
  parts: Partial<Pick<UserFacts, 'session' | 'streams'>>,
): UserFacts {
  const next = { ...user, lostAt: null, ...parts };
  return { ...next, media: mediaOf(next) };
}

/** A stream that a gateway holds. */
export function streamOf({ streamId, kind, at, tracks }: StreamEntry, gatewayId: string): StreamFacts {
  return { streamId, kind, publishedAt: at, gatewayId, tracks: tracks ?? NO_TRACKS };
}

/** With the stream in the place of the one of its name, else behind the others. */
export function addStream(streams: readonly StreamFacts[], stream: StreamFacts): StreamFacts[] {
  const isKnown = streams.some((other) => other.streamId === stream.streamId);
  if (!isKnown) return [...streams, stream];
  return streams.map((other) => (other.streamId === stream.streamId ? stream : other));
}

/** A user that enters now, behind all others. */
export function newUser(facts: RoomFacts, userId: string, { role, roleName, terminal }: Profile, at: number) {
  const order = Math.max(0, ...facts.users.map((user) => user.order)) + 1;
  const nobody: UserFacts = {
    ...{ userId, order, enteredAt: at, lostAt: null, role, roleName, terminal },
    ...{ media: NO_MEDIA, session: null, streams: [] },
  };
  return nobody;
}

/** The room, or a new one which that user owns. */
export function openRoom(facts: RoomFacts | null, place: Place, userId: string, at: number): RoomFacts {
  const { appId, room, gatewayId } = place;
  return facts ?? { appId, room, createdAt: at, ownerUserId: userId, gatewayId, seq: 0, users: [] };
}

function assertMayEnter(facts: RoomFacts | null, mayCreate: boolean): void {
  if (facts === null && !mayCreate) {
    throw new GatewayError('forbidden', 'the room does not exist and the ticket does not allow to create it');
  }
  if (facts !== null && facts.users.length >= MAX_USERS) {
    throw new GatewayError('limit-reached', `a room has at most ${MAX_USERS} users`);
  }
}

/**
 * The room after a device entered it: an earlier one of the user gives way, streams stay unless the role is
 * audience. Throws `forbidden`, `limit-reached`.
 */
export function enterSession(facts: RoomFacts | null, place: Place, entry: SessionEntry): RoomFacts {
  const { userId, sessionId, role, roleName, terminal, at } = entry;
  const known = findUser(facts, userId);
  if (known === undefined) assertMayEnter(facts, entry.mayCreate);
  const open = openRoom(facts, place, userId, at);
  const session = { sessionId, gatewayId: place.gatewayId, since: at, lostAt: null };
  const user = known ?? newUser(open, userId, entry, at);
  const streams = role === 'audience' ? [] : user.streams;
  const isSilent = streams.length === 0 && user.session?.sessionId !== sessionId;
  const media = isSilent ? NO_MEDIA : user.media;
  return replaceUser(open, withParts({ ...user, role, roleName, terminal, media }, { session, streams }));
}

/** The room after a stream came on the air, with which its user enters. Throws `forbidden`, `limit-reached`. */
export function enterStream(facts: RoomFacts | null, place: Place, entry: StreamEntry): RoomFacts {
  const { userId, at, role, roleName, terminal } = entry;
  const known = findUser(facts, userId);
  if (known === undefined) assertMayEnter(facts, entry.mayCreate);
  if (known?.role === 'audience') {
    throw new GatewayError('forbidden', 'the user is in the room as audience: only anchors publish');
  }
  const open = openRoom(facts, place, userId, at);
  const user = known ?? newUser(open, userId, entry, at);
  // Who comes back with a new connection says anew as what.
  const isBack = user.session === null && user.streams.length === 0;
  const profile = isBack ? { role, roleName, terminal } : {};
  const streams = addStream(user.streams, streamOf(entry, place.gatewayId));
  return replaceUser(open, withParts({ ...user, ...profile }, { streams }));
}

/** The room after a device came back, here or at another gateway; null when it is not in that room any more. */
export function resumeSession(
  facts: RoomFacts | null,
  at: Omit<SessionEntry, keyof Profile | 'mayCreate'> & { readonly gatewayId: string },
): RoomFacts | null {
  const user = findUser(facts, at.userId);
  if (facts === null || user?.session?.sessionId !== at.sessionId) return null;
  const { sessionId, gatewayId, at: since } = at;
  return replaceUser(facts, withParts(user, { session: { sessionId, gatewayId, since, lostAt: null } }));
}

/** The room after the user changed something of itself; an anchor that becomes audience publishes no more. */
export function changeUser(
  facts: RoomFacts,
  user: UserFacts,
  { role = user.role, roleName = user.roleName, media = user.media }: UserChange,
  nowMs: number,
): RoomFacts {
  const streams = role === 'audience' ? [] : user.streams;
  // Its device may just have been lost, and the streams were all that was left.
  const lostAt = isLive({ ...user, streams }) ? null : (user.lostAt ?? nowMs);
  return replaceUser(facts, { ...user, role, roleName, media, streams, lostAt });
}

/** The room with that user's block as it is from now on; null when the user is not in it. */
export function blockUser(
  facts: RoomFacts | null,
  userId: string,
  { audio, video }: Blocked,
  nowMs: number,
): RoomFacts | null {
  const user = findUser(facts, userId);
  if (facts === null || user === undefined) return null;
  return replaceUser(facts, { ...user, blocked: { audio, video, at: Math.max(nowMs, user.enteredAt) } });
}

/** Unix ms since which the room has something whose grace runs; null: nothing. */
export function lostSince({ users }: RoomFacts): number | null {
  const times = users.flatMap(({ lostAt, session }) => [lostAt, session?.lostAt ?? null]);
  const lost = times.filter((at) => at !== null);
  return lost.length === 0 ? null : Math.min(...lost);
}

/** Without the users whose grace is over, and without the lost devices of others. */
export function expireLost(facts: RoomFacts | null, nowMs: number, graceMs: number): RoomFacts | null {
  if (facts === null) return null;
  const isOver = (at: number | null | undefined) => at !== null && at !== undefined && nowMs - at >= graceMs;
  if (!facts.users.some(({ lostAt, session }) => isOver(lostAt) || isOver(session?.lostAt))) return facts;
  const users = facts.users
    .filter((user) => !isOver(user.lostAt))
    .map((user) =>
      isOver(user.session?.lostAt) && isLive(user) ? withParts(user, { session: null }) : user,
    );
  return users.length === 0 ? null : { ...facts, users };
}

/** Without what gateways held that are gone; the room moves to a gateway that still has something of it. */
export function dropGateways(facts: RoomFacts | null, gone: ReadonlySet<string>): RoomFacts | null {
  if (facts === null) return null;
  const users = facts.users.flatMap((user) => {
    const streams = user.streams.filter((stream) => !gone.has(stream.gatewayId));
    const holdsSession = user.session !== null && user.session.lostAt === null;
    const session = holdsSession && gone.has(user.session.gatewayId) ? null : user.session;
    if (streams.length === user.streams.length && session === user.session) return [user];
    return isLive({ session, streams }) ? [withParts(user, { session, streams })] : [];
  });
  if (users.length === 0) return null;
  const heirs = users.flatMap(({ streams, session }) => [
    ...streams.map((stream) => stream.gatewayId),
    ...(session === null ? [] : [session.gatewayId]),
  ]);
  const heir = gone.has(facts.gatewayId) ? heirs.find((id) => !gone.has(id)) : undefined;
  const isSame = heir === undefined && users.every((user, index) => user === facts.users[index]);
  if (isSame && users.length === facts.users.length) return facts;
  return { ...facts, users, gatewayId: heir ?? facts.gatewayId };
}

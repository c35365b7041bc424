import { isDeepStrictEqual } from 'node:util';
import { canonicalUser, type RoomId } from '../domain/ids.ts';
import type { RoomFacts, SessionFacts, StreamFacts, UserFacts } from '../domain/room.ts';
import { NO_TRACKS, sameTracks } from '../domain/tracks.ts';
import { type EvictReason, partKey } from './evictions.ts';
import {
  addStream,
  findUser,
  isLive,
  newUser,
  openRoom,
  type Profile,
  replaceUser,
  type SessionEntry,
  type StreamEntry,
  streamOf,
  withParts,
} from './room-state.ts';

/** How a connection ended. */
interface Stop {
  /** Its peer said that it stops. */
  readonly clean: boolean;
  /** Unix ms. */
  readonly at: number;
}

/** What this gateway holds of a room: it knows best about these, whatever is stored. */
export interface LocalRoom {
  readonly key: string;
  readonly appId: number;
  readonly room: RoomId;
  /** By stream id. */
  readonly streams: Map<string, StreamEntry>;
  /** By canonical user. */
  readonly sessions: Map<string, SessionEntry>;
  /** Ends that are not stored yet, by partKey. */
  readonly stops: Map<string, Stop>;
  /** What was stored once, by partKey: who misses it there was told to go, or the store lost it. */
  readonly written: Set<string>;
  /** As last seen in the store. */
  facts: RoomFacts | null;
}

export function newLocalRoom(key: string, appId: number, room: RoomId): LocalRoom {
  return {
    ...{ key, appId, room, streams: new Map(), sessions: new Map() },
    ...{ stops: new Map(), written: new Set(), facts: null },
  };
}

export function holdsAnything({ streams, sessions }: LocalRoom): boolean {
  return streams.size > 0 || sessions.size > 0;
}

/** A connection here, by what it is to the registry. */
export interface HeldPart {
  readonly part: 'session' | 'stream';
  readonly id: string;
  readonly userId: string;
  readonly at: number;
}

/** The connections here, of one user or of all. */
export function heldParts(local: LocalRoom, ofUser?: string): HeldPart[] {
  const all = [
    ...[...local.sessions.values()].map(
      ({ sessionId: id, userId, at }) => ({ part: 'session', id, userId, at }) as const,
    ),
    ...[...local.streams.values()].map(
      ({ streamId: id, userId, at }) => ({ part: 'stream', id, userId, at }) as const,
    ),
  ];
  return ofUser === undefined
    ? all
    : all.filter(({ userId }) => canonicalUser(userId) === canonicalUser(ofUser));
}

/** That connection, if it is here; a later one of the same id is another. */
export function findPart(local: LocalRoom, part: 'session' | 'stream', id: string, at: number) {
  return heldParts(local).find((held) => held.part === part && held.id === id && held.at === at);
}

export function dropPart(local: LocalRoom, { part, id, userId }: HeldPart): void {
  if (part === 'stream') local.streams.delete(id);
  else local.sessions.delete(canonicalUser(userId));
}

export interface Assertion {
  readonly facts: RoomFacts | null;
  /** What `facts` came from: as stored, or what was known of a room that the store lost. */
  readonly base: RoomFacts | null;
  /** Connections here whose place another gateway's later one has. */
  readonly beaten: readonly (HeldPart & { readonly reason: EvictReason })[];
}

export interface AssertionContext {
  readonly gatewayId: string;
  readonly nowMs: number;
  /** Canonical users of a lost room who are in another room by now. */
  readonly without: ReadonlySet<string>;
}

/** Who followed the room notices the gap and takes a new snapshot. */
export const LOST_SEQ_JUMP = 1000;

/** Nothing is stored, or what another gateway remembered: it may not know what was said here last. */
function isRestored(stored: RoomFacts | null, { facts }: LocalRoom): boolean {
  return stored === null || (facts !== null && stored.seq - facts.seq > LOST_SEQ_JUMP / 2);
}

/** The others' last known users stand until their gateways say better. */
function restore(local: LocalRoom, without: ReadonlySet<string>): RoomFacts | null {
  const { facts } = local;
  if (facts === null || !holdsAnything(local)) return null;
  const users = facts.users.filter((user) => !without.has(canonicalUser(user.userId)));
  return { ...facts, seq: facts.seq + LOST_SEQ_JUMP, users };
}

/** The ends of that connection and of those behind it that came and went unstored, in their order. */
function stopsSince(local: LocalRoom, { streamId, publishedAt }: StreamFacts): Stop[] {
  const ends = [...local.stops].flatMap(([key, stop]) => {
    const since = Number(key.slice(streamId.length + 1));
    return key === partKey(streamId, since) && since >= publishedAt ? [{ since, stop }] : [];
  });
  return ends.sort((a, b) => a.since - b.since).map(({ stop }) => stop);
}

/** The user without the connections that are not here any more; null: it left. */
function withoutGone(user: UserFacts, local: LocalRoom, { gatewayId, nowMs }: AssertionContext) {
  const ends: Stop[] = [];
  const streams = user.streams.filter((stream) => {
    if (stream.gatewayId !== gatewayId) return true;
    const stops = stopsSince(local, stream);
    const isHeld = local.streams.has(stream.streamId);
    const left = stops.find((stop) => stop.clean);
    // Whoever publishes it anew here takes its place, unless the user left in between.
    if (isHeld && left === undefined) return true;
    ends.push((isHeld ? left : stops.at(-1)) ?? { clean: false, at: nowMs });
    return false;
  });
  const session = withoutGoneSession(user, local, gatewayId, nowMs);
  if (ends.length === 0 && session === user.session) return user;
  if (isLive({ session, streams })) return withParts(user, { session, streams });
  const last = ends.sort((a, b) => b.at - a.at)[0];
  if (session === null && last?.clean) return null;
  const lostAt = user.lostAt ?? Math.max(last?.at ?? 0, session?.lostAt ?? 0);
  return { ...withParts(user, { session, streams }), lostAt };
}

function withoutGoneSession(
  { session, userId }: UserFacts,
  local: LocalRoom,
  gatewayId: string,
  nowMs: number,
): SessionFacts | null {
  if (session === null || session.gatewayId !== gatewayId || session.lostAt !== null) return session;
  if (local.sessions.get(canonicalUser(userId))?.sessionId === session.sessionId) return session;
  const stop = local.stops.get(partKey(session.sessionId, session.since));
  return { ...session, lostAt: stop?.at ?? nowMs };
}

/** A user that the store does not have, with its old place when the store lost the whole room. */
function enteringUser(
  facts: RoomFacts,
  remembered: UserFacts | undefined,
  entry: Profile & { readonly userId: string; readonly at: number },
): UserFacts {
  const user = newUser(facts, entry.userId, entry, entry.at);
  if (remembered === undefined) return user;
  const isFree = !facts.users.some((other) => other.order === remembered.order);
  const order = isFree ? remembered.order : user.order;
  return { ...remembered, order, session: null, streams: [], lostAt: null };
}

function isStored({ at, tracks = NO_TRACKS }: StreamEntry, stored: StreamFacts): boolean {
  return stored.publishedAt === at && sameTracks(stored.tracks, tracks);
}

/** 'stands': stored already; otherwise what beats it, or null: it is to be stored. */
function judgeStream(user: UserFacts | undefined, entry: StreamEntry, gatewayId: string) {
  if (user?.role === 'audience') return 'audience' as const;
  const rival = user?.streams.find((stream) => stream.streamId === entry.streamId);
  if (rival === undefined) return null;
  if (rival.gatewayId === gatewayId) return isStored(entry, rival) ? ('stands' as const) : null;
  const isLater = rival.publishedAt > entry.at;
  const isTie = rival.publishedAt === entry.at && rival.gatewayId > gatewayId;
  return isLater || isTie ? ('elsewhere' as const) : null;
}

function judgeSession(user: UserFacts | undefined, entry: SessionEntry, gatewayId: string) {
  const rival = user?.session ?? null;
  if (rival === null) return null;
  const isSame = rival.sessionId === entry.sessionId;
  const isHere = rival.gatewayId === gatewayId;
  if (isSame && isHere) return rival.lostAt === null && rival.since === entry.at ? ('stands' as const) : null;
  const isLater = rival.since > entry.at || (rival.since === entry.at && rival.gatewayId > gatewayId);
  if (!isLater) return null;
  return isSame ? ('elsewhere' as const) : ('another-device' as const);
}

/** What is to be stored: the connections here as they are, everybody else as stored. */
export function assertLocal(
  stored: RoomFacts | null,
  local: LocalRoom,
  context: AssertionContext,
): Assertion {
  const { gatewayId } = context;
  const base = stored ?? restore(local, context.without);
  const place = { appId: local.appId, room: local.room, gatewayId };
  const beaten: (HeldPart & { reason: EvictReason })[] = [];
  const wasLost = isRestored(stored, local);
  let facts: RoomFacts | null = base === null ? null : keepHeld(base, local, context);
  const remember = (userId: string) => (wasLost ? findUser(local.facts, userId) : undefined);
  for (const entry of local.sessions.values()) {
    const { userId, sessionId, at: since } = entry;
    const user = findUser(facts, userId);
    const verdict = judgeSession(user, entry, gatewayId);
    if (verdict === 'stands') continue;
    if (verdict !== null) {
      beaten.push({ part: 'session', id: sessionId, userId, at: since, reason: verdict });
      continue;
    }
    const open = openRoom(facts, place, userId, since);
    const session: SessionFacts = { sessionId, gatewayId, since, lostAt: null };
    facts = replaceUser(open, withParts(user ?? enteringUser(open, remember(userId), entry), { session }));
  }
  for (const entry of local.streams.values()) {
    const { userId, streamId, at: publishedAt } = entry;
    const user = findUser(facts, userId);
    const verdict = judgeStream(user, entry, gatewayId);
    if (verdict === 'stands') continue;
    if (verdict !== null) {
      beaten.push({ part: 'stream', id: streamId, userId, at: publishedAt, reason: verdict });
      continue;
    }
    const open = openRoom(facts, place, userId, publishedAt);
    const stream = streamOf(entry, gatewayId);
    const now = user ?? enteringUser(open, remember(userId), entry);
    facts = replaceUser(open, withParts(now, { streams: addStream(now.streams, stream) }));
  }
  return { facts: facts?.users.length === 0 ? null : facts, base, beaten };
}

/** What users said of themselves here stands, whatever the one who restored the room remembered of it. */
function withOwnWords(restored: RoomFacts, local: LocalRoom, gatewayId: string): RoomFacts {
  let facts = restored;
  for (const entry of local.sessions.values()) {
    const user = findUser(facts, entry.userId);
    const remembered = findUser(local.facts, entry.userId);
    if (!user || !remembered || judgeSession(user, entry, gatewayId) !== 'stands') continue;
    const { role, roleName, media } = remembered;
    const now = { role: user.role, roleName: user.roleName, media: user.media };
    if (isDeepStrictEqual(now, { role, roleName, media })) continue;
    facts = replaceUser(facts, { ...user, role, roleName, media });
  }
  return facts;
}

function keepHeld(base: RoomFacts, local: LocalRoom, context: AssertionContext): RoomFacts {
  const users = base.users.flatMap((user) => withoutGone(user, local, context) ?? []);
  const isSame = users.length === base.users.length && users.every((user, at) => user === base.users[at]);
  const kept = isSame ? base : { ...base, users };
  return isRestored(base, local) ? withOwnWords(kept, local, context.gatewayId) : kept;
}

import type { Logger } from 'pino';
import { canonicalUser, decodeRoom } from '../domain/ids.ts';
import { type Blocked, blockOf, NOT_BLOCKED, type RoomFacts } from '../domain/room.ts';
import type { Tracks } from '../domain/tracks.ts';
import { type Eviction, type EvictReason, evictSentence, partKey } from './evictions.ts';
import {
  dropPart,
  findPart,
  type HeldPart,
  heldParts,
  holdsAnything,
  type LocalRoom,
  newLocalRoom,
} from './local-room.ts';
import type { SessionEntry, StreamEntry } from './room-state.ts';

/** A connection of this gateway that has to end. */
export type Evicted =
  | { readonly sessionId: string; readonly reason: EvictReason }
  | { readonly streamId: string; readonly reason: EvictReason };

/** The room of a key, with nothing held of it. */
export function blankRoom(key: string): LocalRoom {
  const [appId = '', room = ''] = key.split('/');
  return newLocalRoom(key, Number(appId), decodeRoom(room));
}

/** The connections of this gateway, by their rooms, sessions and users. */
export class HeldRooms {
  readonly rooms = new Map<string, LocalRoom>();
  readonly #gatewayId: string;
  readonly #log: Logger;
  readonly #sessionRooms = new Map<string, string>();
  readonly #userRooms = new Map<string, string>();
  /** By stream id, of the streams held here. */
  readonly #blocks = new Map<string, Blocked>();
  readonly #listeners = new Set<(evicted: Evicted) => void>();

  constructor(gatewayId: string, log: Logger) {
    this.#gatewayId = gatewayId;
    this.#log = log;
  }

  /** The room that session is in, if it is held here. */
  roomOfSession(sessionId: string): string | undefined {
    return this.#sessionRooms.get(sessionId);
  }

  /** The room that user is in with a connection held here. */
  roomOfUser(appId: number, userId: string): string | undefined {
    return this.#userRooms.get(`${appId}/${canonicalUser(userId)}`);
  }

  /** Tells of connections here that have to end; returns the way to stop. */
  onEvict(listener: (evicted: Evicted) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** A session that is stored as in these facts. */
  holdSession(key: string, entry: SessionEntry, facts: RoomFacts): void {
    // Its place in another room is gone, whether that was heard here already or not.
    if (this.#sessionRooms.get(entry.sessionId) !== key) this.dropSession(entry.sessionId, null);
    const local = this.#open(key);
    const earlier = local.sessions.get(canonicalUser(entry.userId));
    if (earlier !== undefined) {
      this.#sessionRooms.delete(earlier.sessionId);
      local.written.delete(partKey(earlier.sessionId, earlier.at));
    }
    local.sessions.set(canonicalUser(entry.userId), entry);
    local.written.add(partKey(entry.sessionId, entry.at));
    this.learn(local, facts);
    this.#sessionRooms.set(entry.sessionId, key);
    this.#userRooms.set(`${local.appId}/${canonicalUser(entry.userId)}`, key);
  }

  /** `facts`: as it is stored; absent: it is not yet. */
  holdStream(key: string, entry: StreamEntry, facts?: RoomFacts): void {
    const local = this.#open(key);
    const earlier = local.streams.get(entry.streamId);
    if (earlier !== undefined) local.written.delete(partKey(earlier.streamId, earlier.at));
    local.streams.set(entry.streamId, entry);
    this.#userRooms.set(`${local.appId}/${canonicalUser(entry.userId)}`, key);
    if (facts !== undefined) local.written.add(partKey(entry.streamId, entry.at));
    this.learn(local, facts ?? local.facts);
  }

  /** The room as it is in the store. */
  learn(local: LocalRoom, facts: RoomFacts | null): void {
    local.facts = facts;
    if (local.streams.size === 0) return;
    const blocks = new Map(
      (facts?.users ?? []).flatMap((user) =>
        user.blocked === undefined ? [] : [[canonicalUser(user.userId), blockOf(user)] as const],
      ),
    );
    for (const { streamId, userId } of local.streams.values()) {
      const blocked = blocks.get(canonicalUser(userId));
      if (blocked === undefined) this.#blocks.delete(streamId);
      else this.#blocks.set(streamId, blocked);
    }
  }

  /** What of a stream held here nobody may hear or see, as far as is known here. */
  blockOf(streamId: string): Blocked {
    return this.#blocks.get(streamId) ?? NOT_BLOCKED;
  }

  /** What that stream carries now; false when another connection publishes it. */
  setTracks(key: string, streamId: string, at: number, tracks: Tracks): boolean {
    const streams = this.rooms.get(key)?.streams;
    const entry = streams?.get(streamId);
    if (streams === undefined || entry?.at !== at) return false;
    streams.set(streamId, { ...entry, tracks });
    return true;
  }

  /** Takes a session out; its room's key, or undefined when it is not held here. */
  dropSession(sessionId: string, lostAt: number | null): string | undefined {
    const key = this.#sessionRooms.get(sessionId);
    const local = key === undefined ? undefined : this.rooms.get(key);
    const part = local && heldParts(local).find((one) => one.part === 'session' && one.id === sessionId);
    if (local === undefined || part === undefined) return undefined;
    this.#drop(local, part);
    if (lostAt !== null) local.stops.set(partKey(sessionId, part.at), { clean: false, at: lostAt });
    this.forgetEmpty(local);
    return key;
  }

  /** Takes a stream out; false when it is not held here. */
  dropStream(key: string, streamId: string, stop: { readonly clean: boolean; readonly at: number }): boolean {
    const local = this.rooms.get(key);
    const entry = local?.streams.get(streamId);
    if (local === undefined || entry === undefined) return false;
    this.#drop(local, { part: 'stream', id: streamId, userId: entry.userId, at: entry.at });
    local.stops.set(partKey(streamId, entry.at), stop);
    return true;
  }

  /** Ends what is meant of this gateway. */
  evict(key: string, evictions: readonly Eviction[]): void {
    const local = this.rooms.get(key);
    if (local === undefined) return;
    for (const { gatewayId, part, id, at, reason } of evictions) {
      if (gatewayId === this.#gatewayId) this.evictPart(local, { part, id, at }, reason);
    }
    this.forgetEmpty(local);
  }

  /** Ends that connection if it is still here. */
  evictPart(local: LocalRoom, { part, id, at }: Omit<HeldPart, 'userId'>, reason: EvictReason): void {
    const held = findPart(local, part, id, at);
    if (held === undefined) return;
    this.#drop(local, held);
    this.#log.info({ room: local.key, userId: held.userId, part }, evictSentence(reason));
    const evicted = part === 'session' ? { sessionId: id, reason } : { streamId: id, reason };
    for (const listener of this.#listeners) listener(evicted);
  }

  forgetEmpty(local: LocalRoom): void {
    if (!holdsAnything(local) && local.stops.size === 0) this.rooms.delete(local.key);
  }

  #open(key: string): LocalRoom {
    const room = this.rooms.get(key) ?? blankRoom(key);
    this.rooms.set(key, room);
    return room;
  }

  #drop(local: LocalRoom, part: HeldPart): void {
    dropPart(local, part);
    local.written.delete(partKey(part.id, part.at));
    if (part.part === 'stream') this.#blocks.delete(part.id);
    // Session and user may be in another room already.
    if (part.part === 'session' && this.#sessionRooms.get(part.id) === local.key) {
      this.#sessionRooms.delete(part.id);
    }
    const user = `${local.appId}/${canonicalUser(part.userId)}`;
    if (heldParts(local, part.userId).length > 0 || this.#userRooms.get(user) !== local.key) return;
    this.#userRooms.delete(user);
  }
}

import { GatewayError, toGatewayError } from '../domain/errors.ts';
import { type RoomId, roomKey, sameUser } from '../domain/ids.ts';
import { PLAIN_ROLE } from '../domain/role-name.ts';
import type { Blocked, RoomFacts } from '../domain/room.ts';
import { snapshotOf } from '../domain/room-changes.ts';
import type { LeaveReason, RoomEvent, RoomSnapshot } from '../domain/room-event.ts';
import type { StreamEvent } from '../domain/stream-event.ts';
import { storedObject } from '../queue/stored.ts';
import { enterRoom, inAnotherRoom } from './enter-room.ts';
import type { Evicted } from './held-rooms.ts';
import { removeLostUsers } from './lost-users.ts';
import type {
  Entry,
  PublishAdmission,
  RegistryDeps,
  RoomListener,
  SessionRef,
  UserPlace,
} from './registry-types.ts';
import { RoomKeeper } from './room-keeper.ts';
import {
  blockUser,
  changeUser,
  enterSession,
  enterStream,
  findUser,
  removeUser,
  resumeSession,
  type StreamEntry,
  type UserChange,
} from './room-state.ts';
import { ROOM_EVENTS, type RoomMessage } from './room-store.ts';

const CLOSE_MS = 1500;

function notFound(what: string): GatewayError {
  return new GatewayError('not-found', what);
}

/** Who is in which room, over all gateways. */
export class RoomRegistry {
  readonly #deps: RegistryDeps;
  readonly #keeper: RoomKeeper;
  readonly #listeners = new Set<RoomListener>();
  readonly #stops: readonly (() => void)[];

  constructor(deps: RegistryDeps) {
    this.#deps = deps;
    this.#keeper = new RoomKeeper(deps);
    const { announcements } = deps;
    this.#stops = [
      announcements.on(ROOM_EVENTS, (text) => this.#hear(text)),
      announcements.onBack(() => this.#onMissed()),
      removeLostUsers({ ...deps, keeper: this.#keeper }),
    ];
  }

  /** A device enters; again with the same session changes nothing. Throws `conflict`, `forbidden`, `limit-reached`, `redis-away`. */
  async enter(session: SessionRef, entry: Entry): Promise<RoomSnapshot> {
    const { appId, userId, sessionId } = session;
    const key = roomKey(appId, entry.room);
    const place = { appId, room: entry.room, gatewayId: this.#deps.gatewayId };
    const facts = await enterRoom(this.#keeper, key, session, (stale) => {
      const one = { ...entry, userId, sessionId, at: Date.now() };
      return this.#keeper.exclusive(key, async () => {
        const change = (stored: RoomFacts | null) => ({ facts: enterSession(stored, place, one) });
        const written = await this.#keeper.commit(key, change, stale);
        if (written.type !== 'taken' && written.facts) this.#keeper.held.holdSession(key, one, written.facts);
        return written;
      });
    });
    return snapshotOf(facts);
  }

  /** The user of that session leaves the room, with all its streams; nothing when another session has it. Throws `redis-away`. */
  async leave(session: SessionRef, reason: LeaveReason = 'normal'): Promise<void> {
    const { userId, sessionId } = session;
    const key = await this.#roomOf(session);
    if (key === null) return;
    await this.#keeper.exclusive(key, async () => {
      await this.#keeper.commit(key, (stored) => {
        if (findUser(stored, userId)?.session?.sessionId !== sessionId) return { facts: stored };
        const facts = removeUser(stored, userId);
        return { facts, left: reason, spares: ({ id }) => id === sessionId };
      });
      // It may have entered another room meanwhile.
      const { held } = this.#keeper;
      if (held.roomOfSession(sessionId) === key) held.dropSession(sessionId, null);
    });
  }

  /** The device's connection is gone without a leave: the grace begins. */
  sessionLost({ sessionId }: SessionRef): void {
    const key = this.#keeper.held.dropSession(sessionId, Date.now());
    if (key !== undefined) this.#keeper.touch(key);
  }

  /** The device is back, here or from another gateway; null: it is in no room any more. Throws `redis-away`. */
  async sessionBack(session: SessionRef): Promise<RoomSnapshot | null> {
    const { userId, sessionId } = session;
    const { gatewayId } = this.#deps;
    const key = await this.#deps.store.roomOf(session.appId, userId);
    if (key === null) return null;
    return this.#keeper.exclusive(key, async () => {
      const at = Date.now();
      const written = await this.#keeper.commit(key, (stored) => ({
        facts: resumeSession(stored, { userId, sessionId, at, gatewayId }) ?? stored,
      }));
      const facts = written.type === 'taken' ? null : written.facts;
      const user = findUser(facts, userId);
      if (facts === null || user?.session?.sessionId !== sessionId) return null;
      const { role, roleName, terminal } = user;
      const { since } = user.session;
      const one = { userId, sessionId, role, roleName, terminal, at: since, mayCreate: true };
      this.#keeper.held.holdSession(key, one, facts);
      return snapshotOf(facts);
    });
  }

  /** The device's user changes; an anchor that becomes audience publishes no more. Throws `not-found`, `redis-away`. */
  async change(session: SessionRef, change: UserChange): Promise<void> {
    const key = await this.#roomOf(session);
    if (key === null) throw notFound('the session is in no room');
    await this.#keeper.exclusive(key, () =>
      this.#keeper.commit(key, (stored) => {
        const user = findUser(stored, session.userId);
        if (stored === null || user?.session?.sessionId !== session.sessionId) {
          throw notFound('the session is in no room');
        }
        return { facts: changeUser(stored, user, change, Date.now()) };
      }),
    );
  }

  /**
   * The user enters with a stream, which the hub accepts after this. While Redis is away what this gateway knows
   * decides. Throws `conflict`, `forbidden`, `limit-reached`.
   */
  async admitPublish(request: PublishAdmission): Promise<void> {
    const { appId, room, userId } = request;
    const key = roomKey(appId, room);
    const entry: StreamEntry = { ...request, role: 'anchor' };
    const place = { appId, room, gatewayId: this.#deps.gatewayId };
    const { held } = this.#keeper;
    try {
      await enterRoom(this.#keeper, key, request, (stale) =>
        this.#keeper.exclusive(key, async () => {
          const change = (stored: RoomFacts | null) => ({ facts: enterStream(stored, place, entry) });
          const written = await this.#keeper.commit(key, change, stale);
          if (written.type !== 'taken' && written.facts) held.holdStream(key, entry, written.facts);
          return written;
        }),
      );
    } catch (error) {
      if (toGatewayError(error).code !== 'redis-away') throw error;
      const other = held.roomOfUser(appId, userId);
      if (other !== undefined && other !== key) throw inAnotherRoom(other);
      enterStream(held.rooms.get(key)?.facts ?? null, place, { ...entry, mayCreate: true });
      held.holdStream(key, entry);
      this.#keeper.touch(key);
    }
  }

  /** Takes in what the hub tells; the facts reach Redis soon after. */
  apply(event: StreamEvent): void {
    const { appId, room, userId, kind, streamId, at, type } = event;
    const key = roomKey(appId, room);
    const { held } = this.#keeper;
    if (event.type === 'carries') {
      if (held.setTracks(key, streamId, event.publishedAt, event.tracks)) this.#keeper.touch(key);
      return;
    }
    const known = held.rooms.get(key)?.streams.get(streamId);
    const clean = event.type === 'unpublished' ? { clean: event.clean } : {};
    this.#deps.log.info({ room: key, userId, stream: kind, ...clean }, `user ${type}`);
    if (event.type === 'unpublished') {
      if (known?.at !== event.publishedAt) return;
      held.dropStream(key, streamId, event);
    } else {
      if (known?.at === at) return;
      const profile = { role: 'anchor', roleName: PLAIN_ROLE, terminal: 'other' } as const;
      held.holdStream(key, { userId, streamId, kind, at, ...profile, mayCreate: true });
    }
    this.#keeper.touch(key);
  }

  /** Everybody out, and the room ends. Throws `not-found`, `redis-away`. */
  async dismiss(appId: number, room: RoomId): Promise<void> {
    await this.#edit(appId, room, () => ({ facts: null, left: 'dismissed' }));
  }

  /** Takes users out, of any gateway; returns those that were in the room. Throws `not-found`, `redis-away`. */
  async removeUsers(appId: number, room: RoomId, userIds: readonly string[]): Promise<readonly string[]> {
    let removed: string[] = [];
    await this.#edit(appId, room, (stored) => {
      const isNamed = (userId: string) => userIds.some((one) => sameUser(one, userId));
      removed = stored.users.map(({ userId }) => userId).filter(isNamed);
      const facts = removed.reduce<RoomFacts | null>(removeUser, stored);
      return { facts, left: 'removed' };
    });
    return removed;
  }

  /**
   * Sets what of a user of any gateway nobody may hear or see, until the user leaves the room. Throws `not-found`
   * when the user is in no such room, `redis-away`.
   */
  async setBlocked({ appId, room, userId }: UserPlace, blocked: Blocked): Promise<void> {
    await this.#edit(appId, room, (stored) => {
      const facts = blockUser(stored, userId, blocked, Date.now());
      if (facts === null) throw notFound('there is no such user in that room');
      return { facts };
    });
    this.#deps.log.info({ room: roomKey(appId, room), userId, ...blocked }, 'user blocked');
  }

  /** What of a stream published here nobody may hear or see, as far as is known here; answers at once. */
  blockOf(streamId: string): Blocked {
    return this.#keeper.held.blockOf(streamId);
  }

  /** The events after that one; null: a gap, take a snapshot. Throws `redis-away`. */
  events(appId: number, room: RoomId, afterSeq: number): Promise<readonly RoomEvent[] | null> {
    return this.#deps.store.events(appId, room, afterSeq);
  }

  /** null: there is no such room. Throws `redis-away`. */
  snapshot(appId: number, room: RoomId): Promise<RoomSnapshot | null> {
    return this.#deps.store.snapshot(appId, room);
  }

  /** Hears of all rooms of all gateways; returns the way to stop. */
  follow(listener: RoomListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Tells of connections of this gateway that have to end; returns the way to stop. */
  onEvict(listener: (evicted: Evicted) => void): () => void {
    return this.#keeper.held.onEvict(listener);
  }

  /** Ends the timers after a last try to write. The users stay, lost, for the next run. */
  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    const overdue = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_MS).unref());
    await Promise.race([this.#keeper.close(), overdue]);
  }

  async #edit(
    appId: number,
    room: RoomId,
    change: (stored: RoomFacts) => { facts: RoomFacts | null; left?: LeaveReason },
  ): Promise<void> {
    const key = roomKey(appId, room);
    await this.#keeper.exclusive(key, () =>
      this.#keeper.commit(key, (stored) => {
        if (stored === null) throw notFound('there is no such room');
        return change(stored);
      }),
    );
  }

  async #roomOf({ appId, userId, sessionId }: SessionRef): Promise<string | null> {
    return this.#keeper.held.roomOfSession(sessionId) ?? this.#deps.store.roomOf(appId, userId);
  }

  #hear(text: string): void {
    const message = storedObject<RoomMessage>(text);
    if (message === null) return;
    this.#keeper.hear(message);
    const { key, events, isGap } = message;
    for (const listener of this.#listeners) {
      if (isGap) listener.onGap(key);
      else if (events.length > 0) listener.onEvents(key, events);
    }
  }

  #onMissed(): void {
    this.#keeper.mistrust();
    for (const key of this.#keeper.keys()) for (const listener of this.#listeners) listener.onGap(key);
  }
}

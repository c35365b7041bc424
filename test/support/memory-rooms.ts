import { GatewayError } from '../../src/domain/errors.ts';
import { type RoomId, roomKey, sameUser } from '../../src/domain/ids.ts';
import {
  applyRoomEvent,
  type LeaveReason,
  type RoomEvent,
  type RoomEventBody,
  type RoomMember,
  type RoomSnapshot,
} from '../../src/domain/room-event.ts';
import type { Registry, SessionRef } from '../../src/signalling/registry.ts';

type Listener = Parameters<Registry['follow']>[0];
type Evicted = Parameters<Registry['onEvict']>[0];

/** Rooms without Redis, for what is tested of signalling alone: events can be withheld, logs forgotten. */
export class MemoryRooms {
  readonly rooms = new Map<string, { snapshot: RoomSnapshot; log: RoomEvent[] }>();
  readonly #listeners = new Set<Listener>();
  readonly #evicted = new Set<Evicted>();
  readonly #sessions = new Map<string, string>();
  /** Events happen and nobody hears of them. */
  withheld = false;

  registry(): Registry {
    return {
      enter: async (session, { room, role, roleName, terminal }) => {
        const key = roomKey(session.appId, room);
        const where = this.#placeOf(session);
        if (where !== null && where !== key) throw new GatewayError('conflict', 'the user is in a room');
        this.#open(key, room, session.userId);
        this.#sessions.set(`${key} ${session.userId.toLowerCase()}`, session.sessionId);
        const known = this.member(key, session.userId);
        if (known !== undefined)
          this.happen(key, { type: 'member-changed', userId: known.userId, change: { isLost: false, role } });
        else
          this.happen(key, {
            type: 'member-entered',
            member: newMember(this.rooms.get(key)?.snapshot, {
              userId: session.userId,
              role,
              roleName,
              terminal,
            }),
          });
        return this.#snapshot(key);
      },
      leave: async (session) => this.remove(session.appId, session.userId, 'normal'),
      sessionLost: (session) => this.#setLost(session, true),
      sessionBack: async (session) => {
        const key = this.#placeOf(session);
        if (
          key === null ||
          this.#sessions.get(`${key} ${session.userId.toLowerCase()}`) !== session.sessionId
        )
          return null;
        this.#setLost(session, false);
        return this.#snapshot(key);
      },
      change: async ({ appId, userId }, change) => {
        const key = this.#placeOf({ appId, userId });
        if (key !== null) this.happen(key, { type: 'member-changed', userId, change });
      },
      events: async (appId, room, after) => {
        const log = this.rooms.get(roomKey(appId, room))?.log ?? [];
        const first = log[0];
        return first === undefined || first.seq > after + 1 ? null : log.filter((event) => event.seq > after);
      },
      snapshot: async (appId, room) => this.rooms.get(roomKey(appId, room))?.snapshot ?? null,
      follow: (listener) => {
        this.#listeners.add(listener);
        return () => void this.#listeners.delete(listener);
      },
      onEvict: (listener) => {
        this.#evicted.add(listener);
        return () => void this.#evicted.delete(listener);
      },
    };
  }

  /** An event of a room, heard by all gateways unless withheld. */
  happen(key: string, body: RoomEventBody): void {
    const room = this.rooms.get(key);
    if (room === undefined) return;
    const event: RoomEvent = { seq: room.snapshot.seq + 1, at: Date.now(), body };
    const next = applyRoomEvent(room.snapshot, event);
    room.log.push(event);
    if (next === null) this.rooms.delete(key);
    else room.snapshot = next;
    if (!this.withheld) for (const listener of this.#listeners) listener.onEvents(key, [event]);
  }

  /** What Redis says to gateways that may have missed something. */
  gap(key: string): void {
    for (const listener of this.#listeners) listener.onGap(key);
  }

  member(key: string, userId: string): RoomMember | undefined {
    return this.rooms.get(key)?.snapshot.members.find((one) => sameUser(one.userId, userId));
  }

  /** As the server API does it. */
  evict(appId: number, userId: string): void {
    const key = this.#placeOf({ appId, userId }) ?? '';
    const sessionId = this.#sessions.get(`${key} ${userId.toLowerCase()}`) ?? '';
    this.remove(appId, userId, 'removed');
    for (const listener of this.#evicted) listener({ sessionId, reason: 'removed' });
  }

  remove(appId: number, userId: string, reason: LeaveReason): void {
    const key = this.#placeOf({ appId, userId });
    if (key === null) return;
    this.happen(key, { type: 'member-left', userId, reason });
    if (this.rooms.get(key)?.snapshot.members.length === 0)
      this.happen(key, { type: 'room-closed', reason: 'empty' });
  }

  #placeOf({ appId, userId }: { readonly appId: number; readonly userId: string }): string | null {
    for (const key of this.rooms.keys()) {
      if (key.startsWith(`${appId}/`) && this.member(key, userId)) return key;
    }
    return null;
  }

  #setLost(session: SessionRef, isLost: boolean): void {
    const key = this.#placeOf(session);
    if (key === null || this.#sessions.get(`${key} ${session.userId.toLowerCase()}`) !== session.sessionId)
      return;
    this.happen(key, { type: 'member-changed', userId: session.userId, change: { isLost } });
  }

  #open(key: string, room: RoomId, ownerUserId: string): void {
    if (this.rooms.has(key)) return;
    const snapshot = { room, createdAt: Date.now(), ownerUserId, seq: 0, members: [] };
    this.rooms.set(key, { snapshot, log: [] });
  }

  #snapshot(key: string): RoomSnapshot {
    const room = this.rooms.get(key);
    if (room === undefined) throw new Error(`no room ${key}`);
    return room.snapshot;
  }
}

function newMember(
  snapshot: RoomSnapshot | undefined,
  who: Pick<RoomMember, 'userId' | 'role' | 'roleName' | 'terminal'>,
): RoomMember {
  const order = Math.max(0, ...(snapshot?.members ?? []).map((member) => member.order)) + 1;
  const media = { audio: false, video: false, screen: false };
  const blocked = { audio: false, video: false };
  return { ...who, order, enteredAt: Date.now(), isLost: false, media, blocked, streams: [] };
}

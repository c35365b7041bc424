import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RoomId, StreamKind } from '../domain/ids.ts';
import type { RoomEvent } from '../domain/room-event.ts';
import type { Terminal } from '../domain/terminal.ts';
import type { Announcements } from '../queue/announcements.ts';
import type { Profile } from './room-state.ts';
import type { RoomStore } from './room-store.ts';

export interface RegistryDeps {
  /** Of purpose `facts`; stays the caller's to close, as do the announcements. */
  readonly redis: Redis;
  readonly announcements: Announcements;
  readonly store: RoomStore;
  readonly gatewayId: string;
  /** How long a user whose connection was lost stays. */
  readonly graceMs: number;
  readonly log: Logger;
}

export interface UserRef {
  readonly appId: number;
  readonly userId: string;
}

/** A device of a user that is logged in. */
export interface SessionRef extends UserRef {
  readonly sessionId: string;
}

/** A user of a room, in any case. */
export interface UserPlace extends UserRef {
  readonly room: RoomId;
}

/** As what a device enters which room. */
export interface Entry extends Profile {
  readonly room: RoomId;
  /** A room that does not exist yet. */
  readonly mayCreate: boolean;
}

/** A stream that an anchor is about to publish. */
export interface PublishAdmission extends UserPlace {
  readonly streamId: string;
  readonly kind: StreamKind;
  readonly roleName: string;
  readonly terminal: Terminal;
  /** Into a room that does not exist yet. */
  readonly mayCreate: boolean;
  /** Unix ms. */
  readonly at: number;
}

export interface RoomListener {
  /** What happened to a room at any gateway, in order. */
  onEvents(key: string, events: readonly RoomEvent[]): void;
  /** Events of that room may be missing. */
  onGap(key: string): void;
}

import type { RoomId, StreamKind } from './ids.ts';
import type { Blocked, MediaState, Role } from './room-event.ts';
import type { Terminal } from './terminal.ts';
import type { Tracks } from './tracks.ts';

export type { Blocked } from './room-event.ts';

export interface StreamFacts {
  readonly streamId: string;
  readonly kind: StreamKind;
  /** Unix ms: of two that publish the same stream the later is right. */
  readonly publishedAt: number;
  /** The gateway that holds the stream: workers read it there. */
  readonly gatewayId: string;
  /** Those of which frames came since it was published. */
  readonly tracks: Tracks;
}

/** The one device with which a user is logged in. */
export interface SessionFacts {
  readonly sessionId: string;
  /** The gateway that holds the connection, or held it last. */
  readonly gatewayId: string;
  /** Unix ms of its coming to that gateway. */
  readonly since: number;
  /** Set while the connection is lost and the grace runs. */
  readonly lostAt: number | null;
}

export interface BlockFacts extends Blocked {
  /** Unix ms: of two that say something else the later is right. */
  readonly at: number;
}

export interface UserFacts {
  /** As first written. */
  readonly userId: string;
  /** Order of entry within the room, from 1: cells are filled in this order. */
  readonly order: number;
  readonly enteredAt: number;
  /** Set while nothing of the user is connected and the grace runs. */
  readonly lostAt: number | null;
  readonly role: Role;
  readonly roleName: string;
  readonly terminal: Terminal;
  readonly media: MediaState;
  readonly session: SessionFacts | null;
  /** Streams on the air now; empty while lost. */
  readonly streams: readonly StreamFacts[];
  /** Absent: nothing is, nor was since the user entered. */
  readonly blocked?: BlockFacts;
}

export const NOT_BLOCKED: Blocked = { audio: false, video: false };

/** What of the user is blocked now. */
export function blockOf({ blocked }: Pick<UserFacts, 'blocked'>): Blocked {
  return blocked ? { audio: blocked.audio, video: blocked.video } : NOT_BLOCKED;
}

/** A room as it stands in Redis; the watcher and the jobs read nothing else about it. */
export interface RoomFacts {
  readonly appId: number;
  readonly room: RoomId;
  readonly createdAt: number;
  readonly ownerUserId: string;
  /** Home: mixes of this room are published here. */
  readonly gatewayId: string;
  /** Of its last event. */
  readonly seq: number;
  /** By order. */
  readonly users: readonly UserFacts[];
}

/** How others reach a gateway; kept fresh in Redis by the gateway itself. */
export interface GatewayFacts {
  readonly gatewayId: string;
  /** `http://host:port` for workers. */
  readonly internalHttp: string;
  /** `rtmp://host:port` for workers. */
  readonly internalRtmp: string;
  readonly publicHttp: string;
  readonly publicRtmp: string;
}

import type { RoomId } from '../domain/ids.ts';
import type { LeaveReason, MediaState, Role, RoomSnapshot } from '../domain/room-event.ts';
import type { Terminal } from '../domain/terminal.ts';
import type { FeedSource } from './room-feed.ts';

export interface SessionRef {
  readonly appId: number;
  readonly userId: string;
  readonly sessionId: string;
}

/** What signalling needs of the registry of rooms; all that is awaited throws `redis-away`. */
export interface Registry extends FeedSource {
  enter(
    session: SessionRef,
    entry: {
      readonly room: RoomId;
      readonly role: Role;
      readonly roleName: string;
      readonly terminal: Terminal;
      readonly mayCreate: boolean;
    },
  ): Promise<RoomSnapshot>;
  leave(session: SessionRef, reason?: LeaveReason): Promise<void>;
  /** The socket is gone without a leave: the grace begins. */
  sessionLost(session: SessionRef): void;
  /** null: it is in no room any more. */
  sessionBack(session: SessionRef): Promise<RoomSnapshot | null>;
  change(
    session: SessionRef,
    change: { readonly role?: Role; readonly roleName?: string; readonly media?: MediaState },
  ): Promise<void>;
  onEvict(listener: (eviction: { readonly sessionId?: string; readonly reason: string }) => void): () => void;
}

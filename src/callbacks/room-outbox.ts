import type { CallbackGroup } from '../domain/callback/callback.ts';
import { roomCallbacks } from '../domain/callback/room-callback.ts';
import type { RoomId } from '../domain/ids.ts';
import type { RoomFacts } from '../domain/room.ts';
import { snapshotOf } from '../domain/room-changes.ts';
import type { RoomEvent } from '../domain/room-event.ts';
import { OUTBOX_LUA, type OutboxPut, outboxPut } from './outbox.ts';

/** A change of a room that this process made. */
interface RoomChange {
  readonly appId: number;
  readonly room: RoomId;
  readonly before: RoomFacts | null;
  readonly after: RoomFacts | null;
  readonly events: readonly RoomEvent[];
}

/** What apps are told of their rooms, for the script that writes a room. */
export interface RoomOutbox {
  /** Defines `putOut`, which takes what `of` gave. */
  readonly lua: string;
  /** null: nothing is told. */
  of(change: RoomChange): OutboxPut | null;
}

/** Tells apps of their rooms and of what users send, if they want to know; `addresses` are those of apps with callbacks. */
export function createRoomOutbox(
  addresses: readonly { readonly appId: number; readonly groups: readonly CallbackGroup[] }[],
): RoomOutbox {
  const groups = new Map(addresses.map((address) => [address.appId, address.groups]));
  return {
    lua: OUTBOX_LUA,
    of({ before, after, ...change }) {
      const wanted = groups.get(change.appId) ?? [];
      if (!wanted.includes(1) && !wanted.includes(2)) return null;
      const snapshots = { before: before && snapshotOf(before), after: after && snapshotOf(after) };
      const told = roomCallbacks({ ...change, ...snapshots }).filter(({ group }) => wanted.includes(group));
      return told.length === 0 ? null : outboxPut(change.appId, told);
    },
  };
}

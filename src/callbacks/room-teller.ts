import type { CallbackEvent, CallbackGroup } from '../domain/callback/callback.ts';
import { roomCallbacks } from '../domain/callback/room-callback.ts';
import type { RoomId } from '../domain/ids.ts';
import type { RoomFacts } from '../domain/room.ts';
import { snapshotOf } from '../domain/room-changes.ts';
import type { RoomEvent } from '../domain/room-event.ts';

/** A change of a room that this process made. */
interface RoomChange {
  readonly appId: number;
  readonly room: RoomId;
  readonly before: RoomFacts | null;
  readonly after: RoomFacts | null;
  readonly events: readonly RoomEvent[];
}

/** Tells apps of their rooms and of what users send, if they want to know. */
export function createRoomTeller(deps: {
  /** Apps with callbacks. */
  readonly addresses: readonly { readonly appId: number; readonly groups: readonly CallbackGroup[] }[];
  readonly send: (event: CallbackEvent) => void;
}): (change: RoomChange) => void {
  const groups = new Map(deps.addresses.map((address) => [address.appId, address.groups]));
  return ({ before, after, ...change }) => {
    const wanted = groups.get(change.appId) ?? [];
    if (!wanted.includes(1) && !wanted.includes(2)) return;
    const snapshots = { before: before && snapshotOf(before), after: after && snapshotOf(after) };
    for (const event of roomCallbacks({ ...change, ...snapshots })) {
      if (wanted.includes(event.group)) deps.send(event);
    }
  };
}

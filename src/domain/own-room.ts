import { type RoomId, roomKey, sameRoom } from './ids.ts';
import type { CustomCell, LayoutSpec } from './layout/spec.ts';
import type { ProgrammeSpec, SoundRules } from './programme.ts';
import type { RoomUser } from './room-user.ts';

function inOwn<T extends RoomUser>(user: T, own: RoomId): T {
  if (user.room === undefined || !sameRoom(user.room, own)) return user;
  const { room: _own, ...rest } = user;
  return rest as T;
}

function cellIn(cell: CustomCell, own: RoomId): CustomCell {
  return cell.source ? { ...cell, source: inOwn(cell.source, own) } : cell;
}

function soundIn(sound: SoundRules, own: RoomId): SoundRules {
  const { allow, block, levels } = sound;
  return {
    ...(allow && { allow: allow.map((user) => inOwn(user, own)) }),
    ...(block && { block: block.map((user) => inOwn(user, own)) }),
    ...(levels && { levels: levels.map((user) => inOwn(user, own)) }),
  };
}

/** The programme as it is said in this room: only users of other rooms are named with theirs. */
export function inOwnRoom(programme: ProgrammeSpec, own: RoomId): ProgrammeSpec {
  const { layout, sound } = programme;
  return {
    ...programme,
    layout:
      layout.mode === 'custom' ? { ...layout, cells: layout.cells.map((cell) => cellIn(cell, own)) } : layout,
    ...(sound && { sound: soundIn(sound, own) }),
  };
}

/** The rooms besides its own that a layout shows users of. */
export function otherRooms(layout: LayoutSpec): readonly RoomId[] {
  if (layout.mode !== 'custom') return [];
  const rooms = layout.cells.flatMap(({ source }) => (source?.room ? [source.room] : []));
  return [...new Map(rooms.map((room) => [roomKey(0, room), room])).values()];
}

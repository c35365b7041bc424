import { type RoomId, sameRoom, sameUser, streamId } from '../src/domain/ids.ts';
import type { RoomStream } from '../src/domain/layout/box.ts';
import type { LayoutSpec } from '../src/domain/layout/spec.ts';
import { blockOf, type RoomFacts, type UserFacts } from '../src/domain/room.ts';
import type { SourceInput } from '../src/media/programme/protocol.ts';

/** Streams of users by their canonical facts: what a lost user had on the air when last seen. */
export type KnownStreams = Map<string, readonly RoomStream[]>;

function streamsOf(room: RoomFacts, user: UserFacts, known: KnownStreams): readonly RoomStream[] {
  const { userId } = user;
  if (user.lostAt === null) {
    const kinds = [...user.streams].sort((a, b) => b.kind.localeCompare(a.kind));
    return kinds.map(({ streamId: id, kind }) => ({ streamId: id, userId, stream: kind }));
  }
  // A lost user keeps its cell through the grace; who was lost before this run began had a camera.
  const main = streamId({ appId: room.appId, room: room.room, userId, kind: 'main' });
  return known.get(userId) ?? [{ streamId: main, userId, stream: 'main' }];
}

/** A mix's inputs in order of entry, a user's camera before its screen; remembers what each user had. */
export function mixInputs(room: RoomFacts | null, known: KnownStreams): Omit<SourceInput, 'url'>[] {
  const users = [...(room?.users ?? [])].sort((a, b) => a.order - b.order);
  const inputs: Omit<SourceInput, 'url'>[] = [];
  const present = new Set(users.map((user) => user.userId));
  for (const userId of known.keys()) if (!present.has(userId)) known.delete(userId);
  for (const user of users) {
    const streams = room ? streamsOf(room, user, known) : [];
    known.set(user.userId, streams);
    const blocked = blockOf(user);
    inputs.push(...streams.map((stream) => ({ ...stream, blocked })));
  }
  return inputs;
}

/** Those of another room's inputs that cells of the layout name, marked with their room. */
export function inputsOfOtherRoom<T extends RoomStream>(
  layout: LayoutSpec,
  room: RoomId,
  inputs: readonly T[],
): T[] {
  const cells = layout.mode === 'custom' ? layout.cells : [];
  const named = cells.flatMap(({ source }) => (source?.room && sameRoom(source.room, room) ? [source] : []));
  return inputs
    .filter((input) =>
      named.some(({ userId, stream }) => stream === input.stream && sameUser(userId, input.userId)),
    )
    .map((input) => ({ ...input, room }));
}

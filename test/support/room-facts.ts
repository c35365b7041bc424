import type { RoomId, StreamKind } from '../../src/domain/ids.ts';
import type { RoomFacts, StreamFacts, UserFacts } from '../../src/domain/room.ts';

/** A user without anything connected that matters, as it stands in Redis. */
export function userFacts(userId: string, changes: Partial<UserFacts> = {}): UserFacts {
  return {
    ...{ userId, order: 1, enteredAt: 1, lostAt: null },
    ...{ role: 'anchor', roleName: 'default', terminal: 'other', session: null, streams: [] },
    ...{ media: { audio: true, video: true, screen: false }, ...changes },
  };
}

/** A stream on the air at gateway `g`. */
export function streamFacts(streamId: string, kind: StreamKind = 'main', publishedAt = 1): StreamFacts {
  return { streamId, kind, publishedAt, gatewayId: 'g', tracks: { audio: true, video: true } };
}

/** A room with home `g`. */
export function roomFacts(
  { appId, room }: { readonly appId: number; readonly room: RoomId },
  users: readonly UserFacts[],
): RoomFacts {
  const ownerUserId = users[0]?.userId ?? 'ann';
  return { appId, room, createdAt: 1, ownerUserId, gatewayId: 'g', seq: 1, users };
}

import { GatewayError } from '../domain/errors.ts';
import { decodeRoom, roomLabel } from '../domain/ids.ts';
import type { RoomFacts } from '../domain/room.ts';
import type { UserRef } from './registry-types.ts';
import type { RoomKeeper } from './room-keeper.ts';
import { findUser, removeUser } from './room-state.ts';
import type { Written } from './room-store.ts';

/** A user who enters; a stream has no session. */
type Entering = UserRef & { readonly sessionId?: string };

/** Two that want the same user in two rooms; more rounds than this is a fault. */
const MAX_ROUNDS = 20;

export function inAnotherRoom(key: string): GatewayError {
  const label = roomLabel(decodeRoom(key.split('/')[1] ?? ''));
  return new GatewayError('conflict', `the user is in room ${label}; leave it first`);
}

/**
 * Enters, out of whatever other room the user may leave for that; `attempt` gets index entries that seem to be wrong. Throws
 * `conflict` when the user has to leave by itself.
 */
export async function enterRoom(
  keeper: RoomKeeper,
  key: string,
  user: Entering,
  attempt: (stale: ReadonlyMap<string, string>) => Promise<Written>,
): Promise<RoomFacts> {
  const stale = new Map<string, string>();
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const written = await attempt(stale);
    if (written.type !== 'taken') {
      if (written.facts === null) break;
      return written.facts;
    }
    if (!(await vacate(keeper, written.key, user))) stale.set(written.userId, written.key);
  }
  throw new GatewayError('internal', `room ${key} could not be entered`, { blame: 'system' });
}

/** Takes the user out of that room; false when it is not in it at all. */
async function vacate(keeper: RoomKeeper, key: string, { userId, sessionId }: Entering): Promise<boolean> {
  let isThere = true;
  await keeper.exclusive(key, () =>
    keeper.commit(key, (stored) => {
      const user = findUser(stored, userId);
      isThere = user !== undefined;
      if (user === undefined) return { facts: stored };
      if (user.lostAt !== null) return { facts: removeUser(stored, userId), left: 'moved' };
      const isReplaced =
        sessionId !== undefined && user.session !== null && user.session.sessionId !== sessionId;
      if (!isReplaced || user.streams.length > 0) throw inAnotherRoom(key);
      return { facts: removeUser(stored, userId), left: 'another-device' };
    }),
  );
  return isThere;
}

import { sameUser } from '../domain/ids.ts';
import type { Blocked, RoomFacts, StreamFacts, UserFacts } from '../domain/room.ts';
import type { StreamEvent } from '../domain/stream-event.ts';

function nextOrder(users: readonly UserFacts[]): number {
  return Math.max(0, ...users.map((user) => user.order)) + 1;
}

function replaceUser(facts: RoomFacts, user: UserFacts): RoomFacts {
  const others = facts.users.filter((other) => !sameUser(other.userId, user.userId));
  return { ...facts, users: [...others, user].sort((a, b) => a.order - b.order) };
}

/** null when nobody is left: the room is closed. */
function orClosed(facts: RoomFacts): RoomFacts | null {
  return facts.users.length === 0 ? null : facts;
}

function publish(facts: RoomFacts | null, event: StreamEvent, gatewayId: string): RoomFacts {
  const { appId, room, userId, at } = event;
  const open = facts ?? { appId, room, createdAt: at, ownerUserId: userId, gatewayId, users: [] };
  const known = open.users.find((user) => sameUser(user.userId, userId));
  const stream: StreamFacts = { streamId: event.streamId, kind: event.kind, publishedAt: at };
  const kept = known?.gatewayId === gatewayId ? known.streams : [];
  return replaceUser(open, {
    userId: known?.userId ?? userId,
    order: known?.order ?? nextOrder(open.users),
    enteredAt: known?.enteredAt ?? at,
    lostAt: null,
    gatewayId,
    streams: [...kept.filter((other) => other.streamId !== stream.streamId), stream],
    ...(known?.blocked && { blocked: known.blocked }),
  });
}

function unpublish(
  facts: RoomFacts | null,
  event: StreamEvent & { type: 'unpublished' },
  gatewayId: string,
): RoomFacts | null {
  const user = facts?.users.find((one) => sameUser(one.userId, event.userId));
  if (!facts || user?.gatewayId !== gatewayId) return facts;
  const streams = user.streams.filter((stream) => stream.streamId !== event.streamId);
  if (streams.length === user.streams.length) return facts;
  if (streams.length > 0) return replaceUser(facts, { ...user, streams });
  if (!event.clean) return replaceUser(facts, { ...user, streams, lostAt: event.at });
  return orClosed({ ...facts, users: facts.users.filter((other) => other !== user) });
}

/**
 * The room after what happened to a user's stream at that gateway; null is a room that is closed. A user enters
 * with the first stream, leaves at once with the last one's clean stop, and is lost when the last one is.
 */
export function applyStreamEvent(
  facts: RoomFacts | null,
  event: StreamEvent,
  gatewayId: string,
): RoomFacts | null {
  return event.type === 'published' ? publish(facts, event, gatewayId) : unpublish(facts, event, gatewayId);
}

/** Without that gateway's users whose grace is over. */
export function expireLost(
  facts: RoomFacts,
  gatewayId: string,
  nowMs: number,
  graceMs: number,
): RoomFacts | null {
  const users = facts.users.filter(
    ({ lostAt, gatewayId: at }) => lostAt === null || at !== gatewayId || nowMs - lostAt < graceMs,
  );
  return users.length === facts.users.length ? facts : orClosed({ ...facts, users });
}

/** The room as an earlier run of that gateway left it: its users are lost from now, what others hold stays. */
export function adoptRoom(facts: RoomFacts, gatewayId: string, nowMs: number): RoomFacts {
  const users = facts.users.map((user) =>
    user.gatewayId === gatewayId ? { ...user, streams: [], lostAt: nowMs } : user,
  );
  return { ...facts, users };
}

/** The room with that user's block as it is from now on; null when the user is not in it. */
export function blockUser(
  facts: RoomFacts,
  userId: string,
  { audio, video }: Blocked,
  nowMs: number,
): RoomFacts | null {
  const user = facts.users.find((one) => sameUser(one.userId, userId));
  if (user === undefined) return null;
  // Also when the clock of the gateway that the user entered at is ahead of ours.
  const at = Math.max(nowMs, user.enteredAt, (user.blocked?.at ?? 0) + 1);
  return replaceUser(facts, { ...user, blocked: { audio, video, at } });
}

/** The user with what the store says of its block, unless that is older or of an earlier stay in the room. */
function takeBlock(user: UserFacts, stored: UserFacts | undefined): UserFacts {
  const said = stored?.blocked;
  if (said === undefined) return user;
  // Who goes on at another gateway has not left.
  const at = stored?.gatewayId === user.gatewayId ? said.at : Math.max(said.at, user.enteredAt);
  if (at < user.enteredAt || at <= (user.blocked?.at ?? 0)) return user;
  return { ...user, blocked: { ...said, at } };
}

/** When a user's connection last changed: of two gateways that claim a user the later one is right. */
function changedAt(user: UserFacts): number {
  return Math.max(user.enteredAt, user.lostAt ?? 0, ...user.streams.map((stream) => stream.publishedAt));
}

/**
 * What is to be stored: that gateway's users as it knows them, everybody else as stored. When the store lost
 * the room, the others' last known users stand until their gateways say better.
 */
export function mergeRoom(
  stored: RoomFacts | null,
  own: RoomFacts | null,
  gatewayId: string,
): RoomFacts | null {
  const base = stored ?? own;
  if (base === null) return null;
  const others = base.users.filter((user) => user.gatewayId !== gatewayId);
  let merged: RoomFacts = { ...base, users: others };
  for (const user of own?.users ?? []) {
    if (user.gatewayId !== gatewayId) continue;
    const rival = others.find((other) => sameUser(other.userId, user.userId));
    if (rival && changedAt(rival) > changedAt(user)) continue;
    const isTaken = others.some((other) => other !== rival && other.order === user.order);
    const order = isTaken ? nextOrder([...merged.users, ...(own?.users ?? [])]) : user.order;
    const known = base.users.find((one) => sameUser(one.userId, user.userId));
    merged = replaceUser(merged, { ...takeBlock(user, known), order });
  }
  return orClosed(merged);
}

/** Without the users of gateways that are gone; the room moves to a gateway that still has users of it. */
export function dropGateways(facts: RoomFacts, gone: ReadonlySet<string>): RoomFacts | null {
  const users = facts.users.filter((user) => !gone.has(user.gatewayId));
  const heir = users[0];
  if (users.length === facts.users.length || heir === undefined) return orClosed({ ...facts, users });
  return { ...facts, users, gatewayId: gone.has(facts.gatewayId) ? heir.gatewayId : facts.gatewayId };
}

import { GatewayError } from './errors.ts';
import { type RoomId, type StreamKind, sameUser } from './ids.ts';
import type { Terminal } from './terminal.ts';
import type { Tracks } from './tracks.ts';

/** An anchor publishes and plays, audience only plays. */
export type Role = 'anchor' | 'audience';

/** Why a user is no longer in a room. */
export type LeaveReason =
  | 'normal'
  | 'timeout'
  | 'removed'
  | 'dismissed'
  | 'another-device'
  | 'moved'
  | 'force-killed';

/** What of a user's upstream nobody may hear or see. */
export interface Blocked {
  readonly audio: boolean;
  readonly video: boolean;
}

/** What a user sends and has not muted: as its client says, else as its streams carry it. */
export interface MediaState {
  readonly audio: boolean;
  readonly video: boolean;
  readonly screen: boolean;
}

export interface MemberStream {
  readonly streamId: string;
  readonly kind: StreamKind;
  /** Those of which frames came since it was published. */
  readonly tracks: Tracks;
}

/** A user of a room as the others see it. */
export interface RoomMember {
  /** As first written. */
  readonly userId: string;
  /** Order of entry within the room, from 1. */
  readonly order: number;
  /** Unix ms. */
  readonly enteredAt: number;
  readonly role: Role;
  readonly roleName: string;
  readonly terminal: Terminal;
  /** Nothing of the user is connected; it is removed when it does not come back. */
  readonly isLost: boolean;
  readonly media: MediaState;
  readonly blocked: Blocked;
  readonly streams: readonly MemberStream[];
}

export interface RoomSnapshot {
  readonly room: RoomId;
  /** Unix ms. */
  readonly createdAt: number;
  readonly ownerUserId: string;
  /** Of the last event that is in it. */
  readonly seq: number;
  /** By order. */
  readonly members: readonly RoomMember[];
}

/** What may change of a member that stays. */
export type MemberChange = Partial<
  Pick<RoomMember, 'role' | 'roleName' | 'terminal' | 'isLost' | 'media' | 'blocked'>
>;

export type RoomEventBody =
  | { readonly type: 'member-entered'; readonly member: RoomMember }
  | { readonly type: 'member-left'; readonly userId: string; readonly reason: LeaveReason }
  | { readonly type: 'member-changed'; readonly userId: string; readonly change: MemberChange }
  | { readonly type: 'stream-published'; readonly userId: string; readonly stream: MemberStream }
  | {
      readonly type: 'stream-changed';
      readonly userId: string;
      readonly streamId: string;
      readonly tracks: Tracks;
    }
  | { readonly type: 'stream-ended'; readonly userId: string; readonly streamId: string }
  | { readonly type: 'room-closed'; readonly reason: 'empty' | 'dismissed' };

export interface RoomEvent {
  /** One more than that of the event before; anything else is a gap. */
  readonly seq: number;
  /** Unix ms. */
  readonly at: number;
  readonly body: RoomEventBody;
}

function changeMember(
  members: readonly RoomMember[],
  userId: string,
  change: (member: RoomMember) => RoomMember,
): RoomMember[] {
  return members.map((member) => (sameUser(member.userId, userId) ? change(member) : member));
}

function withoutStream(member: RoomMember, streamId: string): RoomMember {
  return { ...member, streams: member.streams.filter((stream) => stream.streamId !== streamId) };
}

/** A stream that is published anew comes last. */
function withStream(member: RoomMember, stream: MemberStream): RoomMember {
  return { ...member, streams: [...withoutStream(member, stream.streamId).streams, stream] };
}

function withTracks(member: RoomMember, streamId: string, tracks: Tracks): RoomMember {
  const streams = member.streams.map((stream) =>
    stream.streamId === streamId ? { ...stream, tracks } : stream,
  );
  return { ...member, streams };
}

function membersAfter(members: readonly RoomMember[], body: RoomEventBody): readonly RoomMember[] {
  switch (body.type) {
    case 'member-entered': {
      const { member } = body;
      const rest = members.filter((other) => !sameUser(other.userId, member.userId));
      return [...rest, member].sort((a, b) => a.order - b.order);
    }
    case 'member-left':
      return members.filter((member) => !sameUser(member.userId, body.userId));
    case 'member-changed':
      return changeMember(members, body.userId, (member) => ({ ...member, ...body.change }));
    case 'stream-published':
      return changeMember(members, body.userId, (member) => withStream(member, body.stream));
    case 'stream-changed':
      return changeMember(members, body.userId, (member) => withTracks(member, body.streamId, body.tracks));
    case 'stream-ended':
      return changeMember(members, body.userId, (member) => withoutStream(member, body.streamId));
    case 'room-closed':
      return [];
  }
}

/**
 * The room after the event; null is a room that is closed, or of which nothing is known yet. Throws `conflict` when
 * events before this one are missing: then a new snapshot is needed.
 */
export function applyRoomEvent(snapshot: RoomSnapshot | null, event: RoomEvent): RoomSnapshot | null {
  if (snapshot === null) return null;
  if (event.seq !== snapshot.seq + 1) {
    throw new GatewayError('conflict', 'events of the room are missing before this one', {
      context: { seq: event.seq, known: snapshot.seq },
    });
  }
  if (event.body.type === 'room-closed') return null;
  return { ...snapshot, seq: event.seq, members: membersAfter(snapshot.members, event.body) };
}

import { canonicalUser, type RoomId, roomKey, type StreamKind } from '../ids.ts';
import type { LeaveReason, Role, RoomEvent, RoomMember, RoomSnapshot } from '../room-event.ts';
import type { Terminal } from '../terminal.ts';
import type { Tracks } from '../tracks.ts';
import type { CallbackEvent } from './callback.ts';

/** What happened to a room at once. */
export interface RoomStep {
  readonly appId: number;
  readonly room: RoomId;
  /** null: there was none. */
  readonly before: RoomSnapshot | null;
  /** null: it is closed. */
  readonly after: RoomSnapshot | null;
  /** What made the one out of the other. */
  readonly events: readonly RoomEvent[];
}

const TYPES = {
  ...{ created: 101, dismissed: 102, entered: 103, left: 104, roleChanged: 105 },
  video: { start: 201, stop: 202 },
  audio: { start: 203, stop: 204 },
  screen: { start: 205, stop: 206 },
} as const;
const KINDS = ['video', 'audio', 'screen'] as const;

const ROLE: Readonly<Record<Role, number>> = { anchor: 20, audience: 21 };
/** TRTC's numbers; it has none for a Mac and a browser. */
const TERMINAL: Readonly<Record<Terminal, number>> = {
  ...{ windows: 1, android: 2, ios: 3, linux: 4 },
  ...{ mac: 100, web: 100, other: 100 },
};
const USER_TYPE = { webRtc: 1, native: 3 } as const;
/** Of a first connection: it always is one, who comes back within its grace never left. */
const ENTERED_NORMALLY = 1;
const LEFT: Readonly<Record<LeaveReason, number>> = {
  ...{ normal: 1, moved: 1, timeout: 2, removed: 3, dismissed: 3 },
  ...{ 'another-device': 5, 'force-killed': 5 },
};

type Sends = Readonly<Record<(typeof KINDS)[number], boolean>>;

const NOTHING: Sends = { video: false, audio: false, screen: false };

/** What of a user is on the air and not muted; a screen share is told of by its picture. */
function sendsOf({ media, streams }: RoomMember): Sends {
  const has = (kind: StreamKind, track: keyof Tracks) =>
    streams.some((stream) => stream.kind === kind && stream.tracks[track]);
  return {
    video: has('main', 'video') && media.video,
    audio: has('main', 'audio') && media.audio,
    screen: has('aux', 'video') && media.screen,
  };
}

function find(snapshot: RoomSnapshot | null, userId: string): RoomMember | undefined {
  return snapshot?.members.find((member) => canonicalUser(member.userId) === canonicalUser(userId));
}

/** Callbacks of one room, in the lane that keeps their order. */
class Teller {
  readonly told: CallbackEvent[] = [];
  readonly #step: RoomStep;

  constructor(step: RoomStep) {
    this.#step = step;
  }

  tell(type: number, atMs: number, info: CallbackEvent['info'] = {}): void {
    const { appId, room } = this.#step;
    this.told.push({
      appId,
      lane: `room ${roomKey(appId, room)}`,
      group: type < TYPES.video.start ? 1 : 2,
      type,
      info: { RoomId: room.value, EventTs: Math.floor(atMs / 1000), EventMsTs: atMs, ...info },
    });
  }

  entered(member: RoomMember, atMs: number): void {
    const { userId: UserId, role, terminal } = member;
    this.tell(TYPES.entered, atMs, {
      UserId,
      Role: ROLE[role],
      TerminalType: TERMINAL[terminal],
      UserType: terminal === 'web' ? USER_TYPE.webRtc : USER_TYPE.native,
      Reason: ENTERED_NORMALLY,
    });
    this.media(UserId, NOTHING, sendsOf(member), atMs);
  }

  left(userId: string, reason: LeaveReason, atMs: number): void {
    const member = find(this.#step.before, userId);
    this.tell(TYPES.left, atMs, {
      UserId: userId,
      Role: ROLE[member?.role ?? 'anchor'],
      Reason: LEFT[reason],
    });
  }

  /** A connection that was lost stops nothing yet: its user comes back and starts anew, or leaves, which says it all. */
  changed(userId: string, atMs: number): void {
    const [was, is] = [find(this.#step.before, userId), find(this.#step.after, userId)];
    if (was === undefined || is === undefined) return;
    if (was.role !== is.role) this.tell(TYPES.roleChanged, atMs, { UserId: is.userId, Role: ROLE[is.role] });
    if (!is.isLost) this.media(is.userId, sendsOf(was), sendsOf(is), atMs);
  }

  media(userId: string, was: Sends, is: Sends, atMs: number): void {
    for (const kind of KINDS) {
      if (is[kind] && !was[kind]) this.tell(TYPES[kind].start, atMs, { UserId: userId });
      if (was[kind] && !is[kind]) this.tell(TYPES[kind].stop, atMs, { UserId: userId, Reason: 0 });
    }
  }
}

/** What an app is told of a change of a room, in order. A user who leaves is told of by that alone. */
export function roomCallbacks(step: RoomStep): readonly CallbackEvent[] {
  const teller = new Teller(step);
  const first = step.events[0];
  if (step.before === null && step.after !== null && first !== undefined) {
    teller.tell(TYPES.created, first.at, { UserId: step.after.ownerUserId });
  }
  const done = new Set<string>();
  for (const { body, at } of step.events) {
    switch (body.type) {
      case 'member-entered':
        teller.entered(body.member, at);
        break;
      case 'member-left':
        teller.left(body.userId, body.reason, at);
        break;
      case 'room-closed':
        teller.tell(TYPES.dismissed, at);
        break;
      case 'member-changed':
      case 'stream-published':
      case 'stream-changed':
      case 'stream-ended':
        if (!done.has(canonicalUser(body.userId))) teller.changed(body.userId, at);
        done.add(canonicalUser(body.userId));
    }
  }
  return teller.told;
}

import { GatewayError } from './errors.ts';

/** A room as callers name it: integer 123 and string "123" are different rooms. */
export type RoomId =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string };

/** Camera (`main`) or screen share (`aux`) of one user. */
export type StreamKind = 'main' | 'aux';

const MAX_INTEGER_ROOM = 4_294_967_295;
const MAX_STRING_ROOM_BYTES = 64;
const MAX_USER_BYTES = 32;
/** The 89 characters TRTC allows in a string room id. */
const STRING_ROOM = /^[a-zA-Z0-9 !#$%&()+\-:;<=.>?@[\]^_{}|~,]+$/;
const PLAIN_ROOM_CHAR = /[A-Za-z0-9-]/;
const STREAM = /^(\d+)_([A-Za-z0-9~-]+)_([A-Za-z0-9_-]+)_(main|aux)$/;

/** Decimal text of 1 to 4294967295; throws `bad-room-id`. */
export function parseIntegerRoom(text: string): RoomId {
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= 1 && value <= MAX_INTEGER_ROOM)) {
    throw new GatewayError('bad-room-id', 'an integer room is a number from 1 to 4294967295', {
      context: { room: text.slice(0, 80) },
    });
  }
  return { kind: 'number', value };
}

/** 1 to 64 characters of TRTC's alphabet; throws `bad-room-id`. */
export function parseStringRoom(text: string): RoomId {
  if (text.length === 0 || text.length > MAX_STRING_ROOM_BYTES || !STRING_ROOM.test(text)) {
    throw new GatewayError(
      'bad-room-id',
      'a string room has 1 to 64 letters, digits, spaces or !#$%&()+-:;<=.>?@[]^_{}|~,',
      { context: { room: text.slice(0, 80) } },
    );
  }
  return { kind: 'string', value: text };
}

/** At most 32 bytes of letters, digits, `_` and `-`, not digits only; throws `bad-user-id`. */
export function parseUserId(text: string): string {
  if (!/^[A-Za-z0-9_-]+$/.test(text) || text.length > MAX_USER_BYTES || /^[0-9]+$/.test(text)) {
    throw new GatewayError(
      'bad-user-id',
      'a user id has 1 to 32 letters, digits, underscores or hyphens, and not digits only',
      { context: { user: text.slice(0, 80) } },
    );
  }
  return text;
}

/** User ids are case-insensitive: compare and key by this form, show the one first written. */
export function canonicalUser(userId: string): string {
  return userId.toLowerCase();
}

export function sameUser(a: string, b: string): boolean {
  return canonicalUser(a) === canonicalUser(b);
}

/** The room as part of a stream name and of keys: `A-Za-z0-9-` and `~hh`, one text per room. */
export function encodeRoom(room: RoomId): string {
  if (room.kind === 'number') return String(room.value);
  const allDigits = /^[0-9]+$/.test(room.value);
  let out = '';
  for (const [index, char] of [...room.value].entries()) {
    const plain = PLAIN_ROOM_CHAR.test(char) && !(allDigits && index === 0);
    out += plain ? char : `~${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  }
  return out;
}

/** Reverse of encodeRoom; throws `bad-room-id`. */
export function decodeRoom(encoded: string): RoomId {
  if (/^[0-9]+$/.test(encoded)) return parseIntegerRoom(encoded);
  return parseStringRoom(
    encoded.replace(/~([0-9a-f]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  );
}

/** Text for people: `1001` or `"studio"`. */
export function roomLabel(room: RoomId): string {
  return room.kind === 'number' ? String(room.value) : JSON.stringify(room.value);
}

export function sameRoom(a: RoomId, b: RoomId): boolean {
  return a.kind === b.kind && a.value === b.value;
}

/** `<appId>/<encoded room>`: the key of a room's facts. */
export function roomKey(appId: number, room: RoomId): string {
  return `${appId}/${encodeRoom(room)}`;
}

export interface StreamName {
  readonly appId: number;
  readonly room: RoomId;
  /** Canonical (lower case). */
  readonly userId: string;
  readonly kind: StreamKind;
}

/** `<sdkAppId>_<room>_<user>_main|aux`; the user in canonical form, so one stream has one name. */
export function streamId(name: StreamName): string {
  return `${name.appId}_${encodeRoom(name.room)}_${canonicalUser(name.userId)}_${name.kind}`;
}

/** The parts of a stream name, its user lower-cased, or null when it is none. */
export function parseStreamId(text: string): StreamName | null {
  const match = STREAM.exec(text);
  if (!match) return null;
  try {
    const [, app = '', room = '', user = '', kind = ''] = match;
    const userId = canonicalUser(parseUserId(user));
    return { appId: Number(app), room: decodeRoom(room), userId, kind: kind === 'aux' ? 'aux' : 'main' };
  } catch {
    return null; // a name that breaks a rule of its parts is no stream
  }
}

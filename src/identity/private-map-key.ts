import { GatewayError } from '../domain/errors.ts';
import { parseIntegerRoom, parseStringRoom, type RoomId, sameRoom, sameUser } from '../domain/ids.ts';
import { assertMayEnter, FREE_PERMIT, type Permit, type RoomTicket } from '../domain/ticket-rights.ts';
import { openToken, signToken, type TokenRequest, type TokenUser } from './sig-token.ts';

export interface PrivateMapKeyRequest extends TokenRequest {
  readonly room: RoomId;
  /** RIGHTS of domain/ticket-rights.ts added up. */
  readonly rights: number;
}

export interface PrivateMapKeyCheck extends TokenUser {
  readonly privateMapKey: string;
  readonly nowMs: number;
}

/** What of an app decides about its room tickets. */
export interface TicketApp extends Omit<TokenUser, 'userId'> {
  readonly privateMapKeyRequired: boolean;
  readonly accountType: number;
}

export interface EntryCheck {
  readonly app: TicketApp;
  readonly userId: string;
  readonly room: RoomId;
  /** Absent or empty: none was given. */
  readonly privateMapKey?: string | undefined;
  readonly nowMs: number;
}

const INTEGER_ROOM = 0;
const STRING_ROOM = 1;
const MAX_UINT32 = 0xffff_ffff;

/** The `userbuf` of trtc: version, account, app, room, expiry, rights, account type, string room. */
function packUserbuf(request: PrivateMapKeyRequest): Buffer {
  const { room, userId } = request;
  const account = Buffer.from(userId, 'latin1');
  const name = Buffer.from(room.kind === 'string' ? room.value : '', 'latin1');
  const head = Buffer.alloc(3);
  head.writeUInt8(room.kind === 'string' ? STRING_ROOM : INTEGER_ROOM, 0);
  head.writeUInt16BE(account.length, 1);
  const body = Buffer.alloc(20);
  const expires = Math.floor(request.nowMs / 1000) + request.expireSeconds;
  body.writeUInt32BE(request.sdkAppId, 0);
  body.writeUInt32BE(room.kind === 'number' ? room.value : 0, 4);
  body.writeUInt32BE(Math.min(expires, MAX_UINT32), 8);
  body.writeUInt32BE(request.rights, 12);
  const nameLength = Buffer.alloc(room.kind === 'string' ? 2 : 0);
  if (room.kind === 'string') nameLength.writeUInt16BE(name.length, 0);
  return Buffer.concat([head, account, body, nameLength, name]);
}

/** A PrivateMapKey as Tencent's own libraries make it. */
export function signPrivateMapKey(request: PrivateMapKeyRequest): string {
  return signToken(request, packUserbuf(request));
}

function invalid(why: string): GatewayError {
  return new GatewayError('ticket-invalid', `the PrivateMapKey ${why}`);
}

interface Userbuf extends RoomTicket {
  readonly account: string;
  readonly sdkAppId: number;
}

/** Throws RangeError or GatewayError when it has another form. */
function unpackUserbuf(bytes: Buffer): Userbuf {
  const version = bytes.readUInt8(0);
  const accountEnd = 3 + bytes.readUInt16BE(1);
  const isString = version === STRING_ROOM;
  const nameAt = accountEnd + 20 + (isString ? 2 : 0);
  const nameLength = isString ? bytes.readUInt16BE(nameAt - 2) : 0;
  if ((!isString && version !== INTEGER_ROOM) || bytes.length !== nameAt + nameLength) {
    throw invalid('has a userbuf of another form');
  }
  const at = (field: number) => bytes.readUInt32BE(accountEnd + 4 * field);
  return {
    account: bytes.toString('latin1', 3, accountEnd),
    sdkAppId: at(0),
    room: isString ? parseStringRoom(bytes.toString('latin1', nameAt)) : parseIntegerRoom(String(at(1))),
    expiresAt: at(2) * 1000,
    rights: at(3),
    accountType: at(4),
  };
}

/** Tencent's libraries cut other characters to one byte: then the identifier alone says who it is. */
function isPlain(text: string): boolean {
  return /^[ -~]*$/.test(text);
}

/** The ticket of this user; throws `ticket-invalid` or `ticket-expired`, and nothing else. */
export function verifyPrivateMapKey({ privateMapKey, ...check }: PrivateMapKeyCheck): RoomTicket {
  const token = openToken({ ...check, name: 'PrivateMapKey', text: privateMapKey });
  if (token.userbuf === null) throw invalid('names no room: it is a UserSig');
  let userbuf: Userbuf;
  try {
    userbuf = unpackUserbuf(token.userbuf);
  } catch {
    throw invalid('has a userbuf of another form'); // it was signed like that: where it breaks off says no more
  }
  const { account, sdkAppId, room, rights, accountType } = userbuf;
  if (sdkAppId !== check.sdkAppId) throw invalid('is for another sdkappid');
  if (isPlain(token.identifier) && !sameUser(account, check.userId)) throw invalid('is for another user');
  const expiresAt = Math.min(userbuf.expiresAt, token.expires * 1000);
  if (check.nowMs > expiresAt) throw new GatewayError('ticket-expired', 'the PrivateMapKey has expired');
  return { room, expiresAt, rights, accountType };
}

/**
 * What the user may do in that room, by the ticket or, where the app asks for none, without one. Throws
 * `ticket-invalid`, `ticket-expired`, and `forbidden` for an account type or without the right to enter.
 */
export function checkRoomTicket({ app, room, privateMapKey, ...check }: EntryCheck): Permit {
  if (privateMapKey === undefined || privateMapKey === '') {
    if (!app.privateMapKeyRequired) return FREE_PERMIT;
    throw new GatewayError('ticket-invalid', 'this app asks for a PrivateMapKey, and none was given');
  }
  const { secretKey, sdkAppId } = app;
  const ticket = verifyPrivateMapKey({ ...check, secretKey, sdkAppId, privateMapKey });
  if (!sameRoom(ticket.room, room)) throw invalid('is for another room');
  if (ticket.accountType !== 0) checkAccountType(app, ticket.accountType);
  assertMayEnter(ticket);
  return { rights: ticket.rights, expiresAt: ticket.expiresAt };
}

/** Old clients send the type of the app's accounts; another one is `forbidden`, none is fine. */
export function checkAccountType(app: Pick<TicketApp, 'accountType'>, given: number | undefined): void {
  if (given !== undefined && given !== app.accountType) {
    throw new GatewayError('forbidden', 'the account type is not the one of this app');
  }
}

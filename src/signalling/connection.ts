import { WebSocket } from 'ws';
import type { RoomId } from '../domain/ids.ts';
import type { RoleSettings } from '../domain/role-name.ts';
import type { Role } from '../domain/room-event.ts';
import type { Terminal } from '../domain/terminal.ts';
import { FREE_PERMIT, type Permit } from '../domain/ticket-rights.ts';
import { CLOSE, type CloseCode } from './close-codes.ts';
import type { SignalLimits } from './limits.ts';
import type { Push } from './protocol-messages.ts';
import type { Request } from './protocol-requests.ts';
import type { SignalCounts } from './signal-counts.ts';
import type { Noticed } from './ticket-notice.ts';
import type { TokenBucket } from './token-bucket.ts';

/** RFC 6455: a message is too big for the receiver. */
const WS_TOO_BIG = 1009;
/** RFC 6455: protocol error, data that is not accepted, data that is not what it says it is. */
const WS_GARBAGE: readonly number[] = [1002, 1003, 1007];

/** A server's socket; what `ws` itself refuses is told by our close codes too. */
export class SignalSocket extends WebSocket {
  connection: Connection | null = null;
  /** With which the server closed it; null while it did not. */
  saidCode: CloseCode | null = null;

  override close(code?: number, reason?: string | Buffer): void {
    if (code === WS_TOO_BIG) this.say(CLOSE.tooBig, 'the message is too big');
    else if (code !== undefined && WS_GARBAGE.includes(code))
      this.say(CLOSE.protocolError, 'no WebSocket frame');
    else super.close(code, reason);
  }

  /** Closes it as the server. */
  say(code: CloseCode, reason: string): void {
    this.saidCode ??= code;
    super.close(code, reason);
  }
}

/** Who is logged in on a connection, with what was read at the login. */
export interface Login {
  readonly appId: number;
  /** As written at this login. */
  readonly userId: string;
  /** `<app>/<canonical user>`. */
  readonly userKey: string;
  readonly sessionId: string;
  readonly terminal: Terminal;
  readonly epoch: number;
  /** Of the app, as they were. */
  readonly roles: RoleSettings;
}

/** An event as it goes to every member of a room. */
export interface EventFrame {
  readonly seq: number;
  readonly data: Buffer;
}

/** One client, as plain data: ten thousand of them share one sweep and no closures. */
export class Connection {
  readonly socket: SignalSocket;
  readonly limits: SignalLimits;
  readonly #counts: SignalCounts;
  readonly bucket: TokenBucket;
  readonly openedAtMs: number;
  heardAtMs: number;
  pingedAtMs: number;
  login: Login | null = null;
  room: RoomId | null = null;
  role: Role = 'anchor';
  roleName = '';
  /** The user as first written in its room. */
  shownAs = '';
  /** Redis was asked to enter a room for it, whatever came of that. */
  mayBeInRoom = false;
  /** Of the last event of its room that was sent; null while its snapshot is being fetched. */
  seq: number | null = null;
  /** Events that came while `seq` is null. */
  held: EventFrame[] | null = null;
  /** What its ticket allows in its room. */
  permit: Permit = FREE_PERMIT;
  /** Which notice of its ticket it had. */
  noticed: Noticed = 'none';
  level = -1;
  /** Ends its part in groups. */
  leaveGroups: (() => void) | null = null;
  isBusy = false;
  waiting: Request[] | null = null;
  isClosed = false;

  constructor(
    socket: SignalSocket,
    nowMs: number,
    { limits, counts }: { readonly limits: SignalLimits; readonly counts: SignalCounts },
  ) {
    this.socket = socket;
    this.limits = limits;
    this.#counts = counts;
    this.bucket = { tokens: limits.messageBurst, atMs: nowMs };
    this.openedAtMs = nowMs;
    this.heardAtMs = nowMs;
    // Many come at once, after an outage: their pings are spread from the first.
    this.pingedAtMs = nowMs - Math.floor(Math.random() * limits.pingEveryMs);
  }

  /** Sends one message; a client that leaves too much of the earlier ones unread is closed instead. */
  send(data: Buffer | string): void {
    if (this.isClosed) return;
    if (this.socket.bufferedAmount > this.limits.maxBufferedBytes) {
      this.close(CLOSE.slowReader, 'what was sent is not read');
      return;
    }
    this.#counts.messagesOut += 1;
    this.socket.send(data, SEND_AS_TEXT);
  }

  push(message: Push): void {
    this.send(JSON.stringify(message));
  }

  /** Says why and closes; a client that does not answer is cut off after the server's `closeMs`. */
  close(code: CloseCode, reason: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.socket.say(code, reason);
  }
}

const SEND_AS_TEXT = { binary: false } as const;

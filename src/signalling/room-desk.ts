import type { Logger } from 'pino';
import { type Apps, findApp } from '../config/app.ts';
import { GatewayError } from '../domain/errors.ts';
import {
  parseIntegerRoom,
  parseStringRoom,
  type RoomId,
  roomKey,
  roomLabel,
  sameRoom,
} from '../domain/ids.ts';
import { encoderParameters, roleAtEntry, roleAtSwitch } from '../domain/role-name.ts';
import type { RoomSnapshot } from '../domain/room-event.ts';
import {
  assertMayBeAnchor,
  assertUnexpired,
  FREE_PERMIT,
  mayCreate,
  type Permit,
} from '../domain/ticket-rights.ts';
import { checkRoomTicket } from '../identity/private-map-key.ts';
import type { Connection, Login } from './connection.ts';
import type { Levels } from './levels.ts';
import { memberIn, sessionRef } from './login-desk.ts';
import type { Logins } from './logins.ts';
import type { RequestOf } from './protocol-requests.ts';
import type { Registry } from './registry.ts';
import type { Reply } from './requests.ts';
import type { RoomFeed } from './room-feed.ts';

export interface RoomDeskDeps {
  readonly apps: Apps;
  readonly logins: Logins;
  readonly registry: Registry;
  readonly feed: RoomFeed;
  readonly levels: Levels;
  readonly log: Logger;
  readonly now: () => number;
  /** Whether mixes of that room are published as that user. */
  readonly isAgent: (appId: number, room: RoomId, userId: string) => boolean;
}

/** A connection whose login and room the state machine has seen. */
export interface Present {
  readonly login: Login;
  readonly room: RoomId;
}

/** Who has logged in on it; the state machine lets nobody else come here. */
export function loginOf({ login }: Connection): Login {
  if (login === null) throw new GatewayError('unauthorized', 'log in first');
  return login;
}

/** Who is in which room; while a request waited it may have been kicked. */
export function presentOf(connection: Connection): Present {
  if (connection.room === null) throw new GatewayError('conflict', 'enter a room first');
  return { login: loginOf(connection), room: connection.room };
}

function parseRoom(room: RequestOf<'enter'>['room']): RoomId {
  return room.kind === 'number' ? parseIntegerRoom(String(room.value)) : parseStringRoom(room.value);
}

/** Entering and leaving rooms, and what a member says of itself. */
export class RoomDesk {
  readonly #deps: RoomDeskDeps;

  constructor(deps: RoomDeskDeps) {
    this.#deps = deps;
  }

  async enter(connection: Connection, request: RequestOf<'enter'>): Promise<Reply<'enter'>> {
    const { registry, feed } = this.#deps;
    const login = loginOf(connection);
    const { appId, terminal, roles } = login;
    const room = parseRoom(request.room);
    if (connection.room !== null && !sameRoom(connection.room, room)) {
      const where = roomLabel(connection.room);
      throw new GatewayError('conflict', `the user is in room ${where}; leave it first`);
    }
    if (this.#deps.isAgent(appId, room, login.userId)) {
      throw new GatewayError('conflict', 'this user name belongs to a mix');
    }
    const permit = this.#permit(login, room, request.privateMapKey);
    const role = request.role ?? 'anchor';
    const roleName = roleAtEntry(roles, request.roleName);
    const seqBefore = connection.seq;
    feed.join(connection, appId, room);
    connection.mayBeInRoom = true;
    let snapshot: RoomSnapshot;
    try {
      const entry = { room, role, roleName, terminal, mayCreate: mayCreate(permit) };
      snapshot = await registry.enter(sessionRef(login), entry);
      this.#assertStillThere(connection, login);
    } catch (error) {
      if (connection.room !== null && seqBefore !== null) feed.start(connection, appId, room, seqBefore);
      else feed.leave(connection, appId, room);
      throw error;
    }
    connection.room = room;
    connection.shownAs = memberIn(snapshot, login)?.userId ?? login.userId;
    connection.role = role;
    connection.roleName = roleName;
    this.#keepPermit(connection, login, permit);
    const encoder = encoderParameters(roles, roleName, terminal);
    return {
      answer: { snapshot, roleName, encoder },
      onSent: () => feed.start(connection, appId, room, snapshot.seq),
    };
  }

  async leave(connection: Connection): Promise<Reply<'leave'>> {
    const { login, room } = presentOf(connection);
    await this.#deps.registry.leave(sessionRef(login));
    this.#deps.feed.leave(connection, login.appId, room);
    connection.room = null;
    connection.mayBeInRoom = false;
    this.#keepPermit(connection, login, FREE_PERMIT);
    return { answer: {} };
  }

  async switchRole(connection: Connection, request: RequestOf<'switchRole'>): Promise<Reply<'switchRole'>> {
    const { login, room } = presentOf(connection);
    const { role, privateMapKey } = request;
    const permit = privateMapKey === undefined ? connection.permit : this.#permit(login, room, privateMapKey);
    if (role === 'anchor') assertMayBeAnchor(permit, this.#deps.now());
    else assertUnexpired(permit, this.#deps.now());
    await this.#deps.registry.change(sessionRef(login), { role });
    connection.role = role;
    if (permit !== connection.permit) this.#keepPermit(connection, login, permit);
    return { answer: {} };
  }

  async switchRoleName(
    connection: Connection,
    request: RequestOf<'switchRoleName'>,
  ): Promise<Reply<'switchRoleName'>> {
    const { login } = presentOf(connection);
    const roleName = roleAtSwitch(login.roles, request.roleName);
    await this.#deps.registry.change(sessionRef(login), { roleName });
    connection.roleName = roleName;
    return { answer: { roleName, encoder: encoderParameters(login.roles, roleName, login.terminal) } };
  }

  async media(connection: Connection, request: RequestOf<'media'>): Promise<Reply<'media'>> {
    const { login } = presentOf(connection);
    const { audio, video, screen } = request;
    if (connection.role === 'audience' && (audio || video || screen)) {
      throw new GatewayError('forbidden', 'audience sends nothing: switch to anchor first');
    }
    await this.#deps.registry.change(sessionRef(login), { media: { audio, video, screen } });
    return { answer: {} };
  }

  level(connection: Connection, { level }: RequestOf<'level'>): Reply<'level'> {
    const { login, room } = presentOf(connection);
    if (connection.role === 'audience') throw new GatewayError('forbidden', 'audience is not heard');
    if (level !== connection.level) {
      connection.level = level;
      this.#deps.levels.say(roomKey(login.appId, room), connection.shownAs, level);
    }
    return { answer: {} };
  }

  renewTicket(connection: Connection, request: RequestOf<'renewTicket'>): Reply<'renewTicket'> {
    const { login, room } = presentOf(connection);
    const permit = this.#permit(login, room, request.privateMapKey);
    this.#keepPermit(connection, login, permit);
    return { answer: { expiresAt: permit.expiresAt ?? 0 } };
  }

  async snapshot(connection: Connection): Promise<Reply<'snapshot'>> {
    const { login, room } = presentOf(connection);
    const snapshot = await this.#deps.registry.snapshot(login.appId, room);
    if (snapshot === null) throw new GatewayError('not-found', 'the room is not there any more');
    return { answer: { snapshot } };
  }

  #permit(login: Login, room: RoomId, privateMapKey: string | undefined): Permit {
    const app = findApp(this.#deps.apps, login.appId);
    if (app === undefined) throw new GatewayError('bad-app-id', 'there is no such app');
    return checkRoomTicket({ app, userId: login.userId, room, privateMapKey, nowMs: this.#deps.now() });
  }

  /** Kept in Redis as well: a session that is resumed at another gateway has no other rights. */
  #keepPermit(connection: Connection, login: Login, permit: Permit): void {
    if (permit === FREE_PERMIT && connection.permit === FREE_PERMIT) return;
    connection.permit = permit;
    connection.noticed = 'none';
    const text = permit === FREE_PERMIT ? '' : JSON.stringify(permit);
    this.#deps.logins.setTicket(login, text).catch((error: Error) => {
      this.#deps.log.debug({ reason: error.message }, 'a ticket is not kept'); // resumed, it is asked for again
    });
  }

  /** Its socket may have gone while Redis answered: then nobody else says that it is lost. */
  #assertStillThere(connection: Connection, login: Login): void {
    if (connection.login === login) return;
    this.#deps.registry.sessionLost(sessionRef(login));
    throw new GatewayError('conflict', 'the connection is closed');
  }
}

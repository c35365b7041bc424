import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { type App, type Apps, findApp } from '../config/app.ts';
import { GatewayError } from '../domain/errors.ts';
import { canonicalUser, parseUserId, sameRoom, sameUser } from '../domain/ids.ts';
import type { RoomEvent, RoomMember, RoomSnapshot } from '../domain/room-event.ts';
import { FORGOTTEN_PERMIT, FREE_PERMIT, type Permit } from '../domain/ticket-rights.ts';
import type { Groups } from '../groups/groups.ts';
import { checkAccountType } from '../identity/private-map-key.ts';
import { verifyUserSig } from '../identity/user-sig.ts';
import { CLOSE } from './close-codes.ts';
import type { Connection, Login } from './connection.ts';
import type { Claim, Kick, KickReason, Logins } from './logins.ts';
import type { RequestOf } from './protocol-requests.ts';
import type { Registry, SessionRef } from './registry.ts';
import type { Reply } from './requests.ts';
import type { RoomFeed } from './room-feed.ts';

export interface LoginDeskDeps {
  readonly apps: Apps;
  readonly logins: Logins;
  readonly registry: Registry;
  readonly feed: RoomFeed;
  readonly log: Logger;
  readonly now: () => number;
  readonly groups: Pick<Groups, 'attend'>;
  /** For how long a lost session can be resumed. */
  readonly resumableMs: number;
  /** For how long Redis has been there without a break. */
  readonly steadyForMs: () => number;
  readonly silentMs: number;
}

type LoginRequest = RequestOf<'login'>;

interface Resumption {
  readonly claim: Claim & { readonly outcome: 'ok' };
  readonly sessionId: string;
  /** The room it is still in. */
  readonly back: RoomSnapshot | null;
  readonly isResumed: boolean;
}

/** What a resumed client is told of its room, and the seq up to which it then knows all. */
interface Missed {
  readonly snapshot?: RoomSnapshot;
  readonly events?: readonly RoomEvent[];
  readonly seq: number;
}

const SESSION_ID_BYTES = 18;
/** A Redis that lost its data has it again after this time: all gateways write back what they know. */
const SETTLE_MS = 5000;

export function sessionRef({ appId, userId, sessionId }: Login): SessionRef {
  return { appId, userId, sessionId };
}

function settling(): GatewayError {
  return new GatewayError('redis-away', 'Redis was away, and may not know this session yet', {
    blame: 'system',
  });
}

/** The user as that room has it. */
export function memberIn({ members }: RoomSnapshot, login: Login): RoomMember | undefined {
  return members.find(({ userId }) => sameUser(userId, login.userId));
}

/** Logs users in and out: who of this gateway's connections is whose current session. */
export class LoginDesk {
  readonly #deps: LoginDeskDeps;
  readonly #byUser = new Map<string, Connection>();
  readonly #bySession = new Map<string, Connection>();
  /** Those that log in just now, so that a kick that comes meanwhile is not missed: the epoch of that kick. */
  readonly #claiming = new Map<Connection, { readonly userKey: string; kickedBelow: number }>();
  readonly #unsubscribe: () => void;

  constructor(deps: LoginDeskDeps) {
    this.#deps = deps;
    this.#unsubscribe = deps.logins.onKick((kick) => this.#onKick(kick));
  }

  async login(connection: Connection, request: LoginRequest): Promise<Reply<'login'>> {
    const { app, userId } = this.#prove(request);
    const userKey = `${request.appId}/${canonicalUser(userId)}`;
    const attempt = { userKey, kickedBelow: 0 };
    this.#claiming.set(connection, attempt);
    try {
      const found = await this.#claim(connection, userKey, { ...request, userId });
      const { sessionId, claim } = found;
      const terminal = request.terminal ?? 'other';
      const { epoch } = claim;
      const login: Login = { appId: request.appId, userId, userKey, sessionId, terminal, epoch, roles: app };
      if (attempt.kickedBelow > epoch) {
        // It was taken back into its room, and no connection of it will ever close.
        if (found.back !== null) this.#deps.registry.sessionLost(sessionRef(login));
        throw this.#endAsOther(connection);
      }
      return await this.#open(connection, login, found, request);
    } finally {
      this.#claiming.delete(connection);
    }
  }

  /** The connection is gone: its user is lost, unless another connection of the session took over. */
  closed(connection: Connection): void {
    const { login, room, mayBeInRoom } = connection;
    if (login === null) return;
    const { registry, feed, logins, resumableMs, log } = this.#deps;
    connection.login = null;
    connection.room = null;
    connection.leaveGroups?.();
    connection.leaveGroups = null;
    if (this.#byUser.get(login.userKey) === connection) this.#byUser.delete(login.userKey);
    if (this.#bySession.get(login.sessionId) === connection) this.#bySession.delete(login.sessionId);
    if (room !== null) feed.leave(connection, login.appId, room);
    if (mayBeInRoom) registry.sessionLost(sessionRef(login));
    logins.expire(login, resumableMs).catch((error: Error) => {
      log.debug({ reason: error.message }, 'a login stays for a while'); // it expires by itself
    });
  }

  /** The connection of a user who is logged in here. */
  find(userKey: string): Connection | undefined {
    return this.#byUser.get(userKey);
  }

  /** The registry ended its part in a room: by the server API, or because the user is elsewhere. */
  evict(sessionId: string, reason: string): void {
    const connection = this.#bySession.get(sessionId);
    if (connection === undefined || reason === 'normal') return;
    // Who left before it entered another room knows.
    if (reason === 'moved' && connection.room === null) return;
    if (reason === 'elsewhere') this.#kick(connection, 'resumed');
    else if (reason === 'another-device') this.#kick(connection, reason);
    else {
      connection.mayBeInRoom = false;
      // This gateway stood still and was taken for dead: nobody wanted the user out.
      const isMistake = reason === 'timeout';
      if (!isMistake) connection.push({ type: 'kicked', reason });
      connection.close(isMistake ? CLOSE.silent : CLOSE.removed, reason);
      this.closed(connection);
    }
  }

  /** Says again that the logins here stand; those that do not are ended. Throws `redis-away`. */
  async keepAll(): Promise<void> {
    const current = [...this.#byUser.values()].flatMap(({ login }) => (login === null ? [] : [login]));
    for (const { userKey, epoch } of await this.#deps.logins.keep(current)) {
      this.#onKick({ userKey, epoch: epoch + 1, reason: 'another-device' });
    }
  }

  close(): void {
    this.#unsubscribe();
  }

  /** Throws what is wrong with app, user, UserSig or account type. */
  #prove(request: LoginRequest): { app: App; userId: string } {
    const { appId: sdkAppId, userSig } = request;
    const app = findApp(this.#deps.apps, sdkAppId);
    if (app === undefined) throw new GatewayError('bad-app-id', 'there is no such app');
    const userId = parseUserId(request.userId);
    verifyUserSig({ secretKey: app.secretKey, sdkAppId, userId, userSig, nowMs: this.#deps.now() });
    checkAccountType(app, request.accountType);
    return { app, userId };
  }

  async #claim(connection: Connection, userKey: string, request: LoginRequest): Promise<Resumption> {
    const { logins, registry } = this.#deps;
    const { appId, userId, resume } = request;
    if (resume !== undefined) {
      const { sessionId } = resume;
      const claim = await logins.claim(userKey, sessionId, 'resumed');
      if (claim.outcome === 'other') throw this.#endAsOther(connection);
      // A Redis that lost its data knows no logins; the rooms are written back, and then they know the session.
      const back = await registry.sessionBack({ appId, userId, sessionId });
      if (claim.outcome === 'ok') return { claim, sessionId, back, isResumed: true };
      if (back !== null) {
        return { ...(await this.#claimBack(userKey, request, sessionId)), back, isResumed: true };
      }
      if (this.#deps.steadyForMs() < SETTLE_MS) throw settling();
    }
    const sessionId = randomBytes(SESSION_ID_BYTES).toString('base64url');
    return { ...(await this.#claimNew(userKey, sessionId)), back: null, isResumed: false };
  }

  /** Whoever cannot be logged in is not in its room either. */
  async #claimBack(userKey: string, { appId, userId }: LoginRequest, sessionId: string) {
    try {
      return await this.#claimNew(userKey, sessionId);
    } catch (error) {
      this.#deps.registry.sessionLost({ appId, userId, sessionId });
      throw error;
    }
  }

  async #claimNew(userKey: string, sessionId: string): Promise<Pick<Resumption, 'claim' | 'sessionId'>> {
    const claim = await this.#deps.logins.claim(userKey, sessionId, 'another-device');
    if (claim.outcome !== 'ok') throw new Error('a new login was refused');
    return { claim, sessionId };
  }

  async #open(
    connection: Connection,
    login: Login,
    { back, isResumed, claim }: Resumption,
    request: LoginRequest,
  ): Promise<Reply<'login'>> {
    const { registry, feed } = this.#deps;
    const { appId } = login;
    const room = back?.room ?? null;
    const previous = this.#byUser.get(login.userKey);
    if (previous !== undefined) this.#kick(previous, isResumed ? 'resumed' : 'another-device');
    if (room !== null) feed.join(connection, appId, room);
    let missed: Missed = { seq: 0 };
    try {
      if (back !== null) missed = await this.#missed(appId, back, request.resume);
      if (connection.isClosed) throw new GatewayError('conflict', 'the connection is closed');
    } catch (error) {
      if (room !== null) feed.leave(connection, appId, room);
      if (room !== null) registry.sessionLost(sessionRef(login));
      throw error;
    }
    connection.login = login;
    this.#byUser.set(login.userKey, connection);
    this.#bySession.set(login.sessionId, connection);
    connection.leaveGroups = this.#deps.groups.attend(login);
    if (back !== null) this.#settle(connection, login, back, claim.ticket);
    const { seq, ...told } = missed;
    return {
      answer: {
        v: 1,
        sessionId: login.sessionId,
        resumed: isResumed,
        room,
        ...told,
        silentSeconds: this.#deps.silentMs / 1000,
      },
      ...(room !== null && { onSent: () => feed.start(connection, appId, room, seq) }),
    };
  }

  /** The missed events, else a snapshot; read after the feed was joined, so that nothing falls between. */
  async #missed(appId: number, back: RoomSnapshot, resume: LoginRequest['resume']): Promise<Missed> {
    const { registry } = this.#deps;
    if (resume?.seq !== undefined && resume.room !== undefined && sameRoom(resume.room, back.room)) {
      const events = await registry.events(appId, back.room, resume.seq);
      if (events !== null) return { events, seq: events.at(-1)?.seq ?? resume.seq };
    }
    const snapshot = (await registry.snapshot(appId, back.room)) ?? back;
    return { snapshot, seq: snapshot.seq };
  }

  #settle(connection: Connection, login: Login, back: RoomSnapshot, ticket: string): void {
    const member = memberIn(back, login);
    connection.room = back.room;
    connection.mayBeInRoom = true;
    connection.shownAs = member?.userId ?? login.userId;
    connection.role = member?.role ?? 'audience';
    connection.roleName = member?.roleName ?? login.roles.defaultRole;
    const needsTicket = findApp(this.#deps.apps, login.appId)?.privateMapKeyRequired ?? true;
    if (ticket !== '') connection.permit = JSON.parse(ticket) as Permit;
    else connection.permit = needsTicket ? FORGOTTEN_PERMIT : FREE_PERMIT;
  }

  #onKick({ userKey, epoch, reason }: Kick): void {
    for (const attempt of this.#claiming.values()) {
      if (attempt.userKey === userKey) attempt.kickedBelow = Math.max(attempt.kickedBelow, epoch);
    }
    const connection = this.#byUser.get(userKey);
    if (connection?.login && connection.login.epoch < epoch) this.#kick(connection, reason);
  }

  #kick(connection: Connection, reason: KickReason): void {
    // Who resumed is the same session and in its room by the new connection.
    if (reason === 'resumed') connection.mayBeInRoom = false;
    else connection.push({ type: 'kicked', reason });
    if (reason === 'resumed') connection.close(CLOSE.resumed, 'the session goes on over another connection');
    else connection.close(CLOSE.anotherDevice, 'the user logged in from another device');
    this.closed(connection);
  }

  /** Ends a connection whose user has logged in elsewhere since. */
  #endAsOther(connection: Connection): GatewayError {
    connection.push({ type: 'kicked', reason: 'another-device' });
    connection.close(CLOSE.anotherDevice, 'the user logged in from another device');
    return new GatewayError('conflict', 'the user logged in from another device');
  }
}

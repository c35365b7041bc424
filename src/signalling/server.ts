import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { CLOSE, SUBPROTOCOL } from './close-codes.ts';
import { Connection, SignalSocket } from './connection.ts';
import type { SignalLimits } from './limits.ts';
import { parseRequest } from './protocol.ts';
import type { Requests } from './requests.ts';
import type { SignalCounts } from './signal-counts.ts';
import { takeToken } from './token-bucket.ts';

export interface SignalServerDeps {
  readonly limits: SignalLimits;
  readonly requests: Requests;
  readonly counts: SignalCounts;
  readonly onClosed: (connection: Connection) => void;
  /** Once in each sweep for each connection that is logged in. */
  readonly onSweep: (connection: Connection) => void;
}

const PATH = '/ws';
/** A sweep over ten thousand connections at once would hold up the events of all rooms. */
const SLICES = 20;
const BAD_REQUEST = 400;
const UNAVAILABLE = 503;

/** Times of connections are on the monotonic clock: a clock that is set closes nobody. */
function monotonicMs(): number {
  return Math.round(performance.now());
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?')[0] ?? '';
}

function offersProtocol(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((one) => one.trim() === SUBPROTOCOL);
}

function connectionOf(socket: WebSocket): Connection | null {
  return (socket as SignalSocket).connection;
}

/** The sockets of signalling: who sends garbage, too much, too fast or nothing is closed, and told why. */
export class SignalServer {
  readonly #deps: SignalServerDeps;
  readonly #sockets: WebSocketServer;
  readonly #connections = new Set<Connection>();
  /** In order of arrival. */
  readonly #notLoggedIn = new Set<Connection>();
  readonly #timer: NodeJS.Timeout;
  /** How far the sweep has come. */
  #swept: Iterator<Connection> = this.#connections.values();

  constructor(deps: SignalServerDeps) {
    this.#deps = deps;
    const { maxMessageBytes, closeMs, sweepEveryMs } = deps.limits;
    const options = {
      noServer: true,
      clientTracking: false,
      WebSocket: SignalSocket,
      maxPayload: maxMessageBytes,
      maxFragments: 64,
      perMessageDeflate: false,
      autoPong: false,
      closeTimeout: closeMs,
      handleProtocols: () => SUBPROTOCOL,
    };
    this.#sockets = new WebSocketServer(options);
    this.#timer = setInterval(() => this.#sweepSlice(monotonicMs()), sweepEveryMs / SLICES);
  }

  /** Those that are logged in, and those that are not. */
  now(): { readonly sessions: number; readonly notLoggedIn: number } {
    let sessions = 0;
    for (const { login } of this.#connections) if (login !== null) sessions += 1;
    return { sessions, notLoggedIn: this.#connections.size - sessions };
  }

  /** Takes upgrades of `/ws`; false: another path. `refuse` answers with a status. */
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    refuse: (socket: Duplex, status: number) => void,
  ): boolean {
    if (pathOf(request) !== PATH) return false;
    if (!offersProtocol(request)) refuse(socket, BAD_REQUEST);
    else if (this.#connections.size >= this.#deps.limits.maxConnections) refuse(socket, UNAVAILABLE);
    else this.#sockets.handleUpgrade(request, socket, head, (opened) => this.#open(opened as SignalSocket));
    return true;
  }

  /** Tells everyone to come back elsewhere; who does not answer in time is cut off. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const connection of this.#connections) connection.close(CLOSE.goingAway, 'the gateway ends');
    const deadline = monotonicMs() + this.#deps.limits.closeMs;
    while (this.#connections.size > 0 && monotonicMs() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, CLOSE_POLL_MS));
    }
    for (const connection of this.#connections) connection.socket.terminate();
    this.#sockets.close();
  }

  #open(socket: SignalSocket): void {
    const connection = new Connection(socket, monotonicMs(), this.#deps);
    socket.connection = connection;
    this.#connections.add(connection);
    this.#notLoggedIn.add(connection);
    const { message, pinged, ponged, closed, failed } = this.#listeners;
    socket
      .on('message', message)
      .on('ping', pinged)
      .on('pong', ponged)
      .on('close', closed)
      .on('error', failed);
    this.#boundNotLoggedIn();
  }

  /** The newest wins: idle connections of an attacker are older than those of users, who log in at once. */
  #boundNotLoggedIn(): void {
    for (const oldest of this.#notLoggedIn) {
      const isWaiting = oldest.login === null && !oldest.isClosed;
      if (isWaiting && this.#notLoggedIn.size <= this.#deps.limits.maxNotLoggedIn) return;
      this.#notLoggedIn.delete(oldest);
      if (isWaiting) oldest.close(CLOSE.notLoggedIn, 'too many connections have not logged in');
    }
  }

  /** The same five for all sockets. */
  readonly #listeners = this.#makeListeners();

  #makeListeners() {
    const server = this;
    return {
      message(this: WebSocket, data: RawData, isBinary: boolean) {
        const connection = connectionOf(this);
        if (connection) server.#onMessage(connection, data, isBinary);
      },
      // Not by `ws` itself: pings cost tokens like everything else.
      pinged(this: WebSocket, data: Buffer) {
        const connection = connectionOf(this);
        if (connection && server.#hear(connection)) this.pong(data);
      },
      ponged(this: WebSocket) {
        const connection = connectionOf(this);
        if (connection) server.#hear(connection);
      },
      closed(this: WebSocket, code: number) {
        const connection = connectionOf(this);
        if (connection) server.#onClosed(connection, code);
      },
      failed(this: WebSocket) {
        // 'close' follows: what is refused was told by a close frame, and a broken connection hears nothing.
        if (this.readyState === this.OPEN) this.terminate();
      },
    };
  }

  /** False when it is said to too fast, or nothing is to be heard of it any more. */
  #hear(connection: Connection): boolean {
    if (connection.isClosed) return false;
    const { messagesPerSecond: perSecond, messageBurst: burst } = this.#deps.limits;
    const nowMs = monotonicMs();
    connection.heardAtMs = nowMs;
    if (takeToken(connection.bucket, nowMs, { perSecond, burst })) return true;
    connection.close(CLOSE.tooFast, `more than ${perSecond} messages a second`);
    return false;
  }

  #onMessage(connection: Connection, data: RawData, isBinary: boolean): void {
    this.#deps.counts.messagesIn += 1;
    if (!this.#hear(connection)) return;
    if (isBinary) {
      connection.close(CLOSE.protocolError, 'messages are text');
      return;
    }
    const parsed = parseRequest((data as Buffer).toString('utf8'));
    const { requests } = this.#deps;
    if (parsed.kind === 'request') requests.take(connection, parsed.request);
    else if (parsed.kind === 'refused') requests.refuse(connection, parsed.id, parsed.error);
    else connection.close(CLOSE.protocolError, parsed.why);
  }

  #onClosed(connection: Connection, code: number): void {
    const { saidCode } = connection.socket;
    this.#deps.counts.closed(saidCode === null ? 'client' : 'gateway', saidCode ?? code);
    connection.isClosed = true;
    this.#connections.delete(connection);
    this.#notLoggedIn.delete(connection);
    this.#deps.onClosed(connection);
  }

  #sweepSlice(nowMs: number): void {
    for (let left = Math.ceil(this.#connections.size / SLICES); left > 0; left -= 1) {
      const { done, value } = this.#swept.next();
      if (!done) this.#sweep(value, nowMs);
      else this.#swept = this.#connections.values();
    }
  }

  #sweep(connection: Connection, nowMs: number): void {
    if (connection.isClosed) return;
    const { limits, onSweep } = this.#deps;
    const { heardAtMs, openedAtMs, pingedAtMs, socket, login } = connection;
    if (login === null && nowMs - openedAtMs >= limits.loginMs) {
      connection.close(CLOSE.notLoggedIn, 'not logged in in time');
    } else if (nowMs - heardAtMs >= limits.silentMs) {
      connection.close(CLOSE.silent, 'nothing was heard for too long');
    } else if (nowMs - pingedAtMs >= limits.pingEveryMs) {
      connection.pingedAtMs = nowMs;
      socket.ping();
    }
    if (login === null) return;
    this.#notLoggedIn.delete(connection);
    onSweep(connection);
  }
}

const CLOSE_POLL_MS = 20;

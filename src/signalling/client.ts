import { GatewayError } from '../domain/errors.ts';
import { type RoomId, sameRoom } from '../domain/ids.ts';
import { applyRoomEvent, type RoomEvent, type RoomSnapshot } from '../domain/room-event.ts';
import { type ClientSocket, type ClientSocketClass, type ClosedSocket, openSocket } from './client-socket.ts';
import { mayComeBack, SUBPROTOCOL } from './close-codes.ts';
import type { Answers, Failure, Push } from './protocol-messages.ts';
import type { RequestOf, RequestType } from './protocol-requests.ts';

type LoginFields = Omit<RequestOf<'login'>, 'id' | 'type' | 'v' | 'resume' | 'userSig'>;
type Fields<T extends RequestType> = Omit<RequestOf<T>, 'id' | 'type'>;

export interface SignalClientOptions extends LoginFields {
  /** `ws://` or `wss://`, with the path. */
  readonly url: string;
  /** Asked for at each connection, so that it can be a fresh one. */
  readonly userSig: () => string | Promise<string>;
  /** A browser's WebSocket where there is one. */
  readonly WebSocket?: ClientSocketClass;
  readonly requestMs?: number;
  readonly backoffMs?: { readonly first: number; readonly most: number };
}

/** What a client tells; `room` with every change of its snapshot, null when it is in none any more. */
export interface SignalClientEvents {
  readonly push: Push;
  readonly event: RoomEvent;
  readonly room: RoomSnapshot | null;
  readonly online: { readonly resumed: boolean };
  readonly offline: ClosedSocket;
  /** It does not come back by itself. */
  readonly ended: ClosedSocket & { readonly error?: GatewayError };
}

interface Waiting {
  readonly type: RequestType;
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

const REQUEST_MS = 10_000;
const BACKOFF = { first: 500, most: 15_000 };
const NORMAL = 1000;

function refusal({ error }: Failure): GatewayError {
  return new GatewayError(error.code as GatewayError['code'], error.message, { retry: error.retry });
}

/**
 * A user of roomcast over one WebSocket. It logs in, asks, keeps the snapshot of its room, and after a lost
 * connection comes back by itself and resumes where it was.
 */
export class SignalClient {
  readonly #options: SignalClientOptions;
  readonly #listeners = new Map<string, Set<(value: never) => void>>();
  readonly #waiting = new Map<number, Waiting>();
  #connection: { readonly socket: ClientSocket; drop(): void } | null = null;
  #room: RoomSnapshot | null = null;
  #sessionId: string | null = null;
  #nextId = 1;
  #failures = 0;
  #retryTimer: ReturnType<typeof setTimeout> | null = null;
  #isOnline = false;
  #isEnded = false;

  constructor(options: SignalClientOptions) {
    this.#options = options;
  }

  /** The room it is in, as of the last event; null when in none. */
  get room(): RoomSnapshot | null {
    return this.#room;
  }

  get sessionId(): string | null {
    return this.#sessionId;
  }

  get isOnline(): boolean {
    return this.#isOnline;
  }

  /** Connects and logs in, trying again while nobody answers; throws when the login is refused. */
  async connect(): Promise<void> {
    this.#open();
    await new Promise<void>((resolve, reject) => {
      const stopOnline = this.on('online', () => settle(resolve));
      const stopEnded = this.on('ended', ({ code, reason, error }) => {
        settle(() => reject(error ?? closedError(code, reason)));
      });
      const settle = (done: () => void) => {
        stopOnline();
        stopEnded();
        done();
      };
    });
  }

  /** Asks and waits for the answer; throws what the server refused it with, `timeout`, `closed-by-peer`. */
  request<T extends RequestType>(type: T, fields: Fields<T>): Promise<Answers[T]> {
    const connection = this.#connection;
    if (connection === null || connection.socket.readyState !== 1) {
      return Promise.reject(closedError(0, 'not connected'));
    }
    const id = this.#nextId;
    this.#nextId += 1;
    const asked = new Promise<Answers[T]>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new GatewayError('timeout', `${type} was not answered in time`, { blame: 'system' }));
      }, this.#options.requestMs ?? REQUEST_MS);
      this.#waiting.set(id, { type, resolve, reject, timer });
    });
    connection.socket.send(JSON.stringify({ id, type, ...fields }));
    return asked;
  }

  /** Says how loud the user is, 0 to 100; nobody answers. */
  level(level: number): void {
    if (this.#isOnline) this.#connection?.socket.send(JSON.stringify({ type: 'level', level }));
  }

  /** Calls the listener with each of these; returns the way to stop. */
  on<K extends keyof SignalClientEvents>(
    name: K,
    listener: (value: SignalClientEvents[K]) => void,
  ): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set);
    const entry = (value: never) => listener(value);
    set.add(entry);
    return () => void set.delete(entry);
  }

  /** Ends it; without a leave its user counts as lost. */
  close(): void {
    this.#end({ code: NORMAL, reason: 'closed here' });
  }

  #emit<K extends keyof SignalClientEvents>(name: K, value: SignalClientEvents[K]): void {
    for (const listener of this.#listeners.get(name) ?? []) listener(value as never);
  }

  #open(): void {
    const { url, WebSocket: given } = this.#options;
    const Socket = given ?? (globalThis as { WebSocket?: ClientSocketClass }).WebSocket;
    if (Socket === undefined) throw new GatewayError('bad-config', 'there is no WebSocket here: give one');
    this.#connection = openSocket(
      { url, Socket, protocol: SUBPROTOCOL },
      {
        onOpen: () => void this.#login().catch((error: GatewayError) => this.#loginFailed(error)),
        onText: (text) => this.#onText(text),
        onClose: (closed) => this.#onClose(closed),
      },
    );
  }

  async #login(): Promise<void> {
    const { appId, userId, accountType, terminal, client } = this.#options;
    const userSig = await this.#options.userSig();
    const room = this.#room;
    await this.request('login', {
      v: 1,
      ...{ appId, userId, userSig },
      ...(accountType !== undefined && { accountType }),
      ...(terminal !== undefined && { terminal }),
      ...(client !== undefined && { client }),
      ...(this.#sessionId !== null && {
        resume: { sessionId: this.#sessionId, ...(room && { room: room.room, seq: room.seq }) },
      }),
    });
  }

  /** What can help later is tried again over a new connection. */
  #loginFailed(error: GatewayError): void {
    if (error.retry === 'never') this.#end({ code: NORMAL, reason: error.message, error });
    else this.#connection?.socket.close();
  }

  #onText(text: string): void {
    const message = JSON.parse(text) as Push | Failure | { readonly id: number; readonly ok: true };
    if ('ok' in message) this.#onAnswer(message);
    else this.#onPush(message);
  }

  #onAnswer(message: Failure | { readonly id: number; readonly ok: true }): void {
    const waiting = this.#waiting.get(message.id ?? 0);
    if (waiting === undefined) return;
    this.#waiting.delete(message.id ?? 0);
    clearTimeout(waiting.timer);
    if (!message.ok) {
      waiting.reject(refusal(message));
      return;
    }
    this.#learn(waiting.type, message);
    waiting.resolve(message as never);
  }

  /** At once: events of the room may come in the same moment as the answer. */
  #learn(type: RequestType, answer: object): void {
    if (type === 'enter' || type === 'snapshot') this.#setRoom((answer as Answers['snapshot']).snapshot);
    if (type === 'leave') this.#setRoom(null);
    if (type !== 'login') return;
    const { sessionId, resumed, room, snapshot, events } = answer as Answers['login'];
    this.#sessionId = sessionId;
    this.#failures = 0;
    this.#isOnline = true;
    if (room === null || snapshot !== undefined) this.#setRoom(snapshot ?? null);
    for (const event of events ?? []) this.#apply(event);
    this.#emit('online', { resumed });
  }

  #onPush(message: Push): void {
    if (message.type === 'event') this.#onEvent(message.room, message.event);
    if (message.type === 'snapshot') this.#setRoom(message.snapshot);
    this.#emit('push', message);
  }

  #onEvent(room: RoomId, event: RoomEvent): void {
    if (this.#room !== null && sameRoom(this.#room.room, room)) this.#apply(event);
  }

  #apply(event: RoomEvent): void {
    const known = this.#room?.seq ?? 0;
    if (event.seq <= known) return;
    if (event.seq > known + 1) {
      this.request('snapshot', {}).catch(() => undefined); // the next event finds the gap again
      return;
    }
    this.#setRoom(applyRoomEvent(this.#room, event));
    this.#emit('event', event);
  }

  #setRoom(room: RoomSnapshot | null): void {
    if (room === this.#room) return;
    this.#room = room;
    this.#emit('room', room);
  }

  #onClose(closed: ClosedSocket): void {
    this.#letGo();
    this.#emit('offline', closed);
    if (this.#isEnded) return;
    if (!mayComeBack(closed.code)) {
      this.#end(closed);
      return;
    }
    const { first, most } = this.#options.backoffMs ?? BACKOFF;
    const waitMs = Math.min(most, first * 2 ** this.#failures) * (0.5 + Math.random() / 2);
    this.#failures += 1;
    this.#retryTimer = setTimeout(() => this.#open(), waitMs);
  }

  #letGo(): void {
    this.#isOnline = false;
    this.#connection = null;
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(closedError(0, 'the connection is gone'));
    }
    this.#waiting.clear();
  }

  #end(closed: SignalClientEvents['ended']): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    this.#connection?.drop();
    this.#letGo();
    this.#setRoom(null);
    this.#emit('ended', closed);
  }
}

function closedError(code: number, reason: string): GatewayError {
  return new GatewayError('closed-by-peer', reason, { retry: 'later', context: { code } });
}

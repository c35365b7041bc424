import { WebSocket } from 'ws';
import { applyRoomEvent, type RoomEvent, type RoomSnapshot } from '../../../src/domain/room-event.ts';

/** What a request is answered with; what a crowd reads of it. */
interface Answer {
  readonly id: number;
  readonly ok: boolean;
  readonly snapshot?: RoomSnapshot;
  readonly roleName?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

type Push =
  | { readonly type: 'event'; readonly event: RoomEvent }
  | { readonly type: 'snapshot'; readonly snapshot: RoomSnapshot }
  | { readonly type: 'kicked' | 'notice' | 'levels' | 'group' };

export interface UserSetting {
  readonly userId: string;
  /** Integer room. */
  readonly room: number;
  /** Keeps the room as its events make it; costs memory and time of the client. */
  readonly keepsRoom: boolean;
  readonly onEvent: (user: CrowdUser, event: RoomEvent) => void;
  /** What a client should never see. */
  readonly onFault: (what: string) => void;
}

const ANSWER_MS = 60_000;

/** One client with as little of its own as can be: a socket, its place in the order of its room's events. */
export class CrowdUser {
  readonly setting: UserSetting;
  /** Of the last event it saw; null while it is in no room. */
  seq: number | null = null;
  /** Its room as the events made it. */
  snapshot: RoomSnapshot | null = null;
  roleName = '';
  #isHeard = false;
  #socket: WebSocket | null = null;
  #ids = 0;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #isEnding = false;

  constructor(setting: UserSetting) {
    this.setting = setting;
  }

  connect(url: string): Promise<void> {
    const socket = new WebSocket(url, 'roomcast.v1', { perMessageDeflate: false, skipUTF8Validation: true });
    this.#socket = socket;
    socket.on('message', (data: Buffer) => this.#onMessage(data.toString('utf8')));
    socket.on('close', (code, reason) => {
      if (!this.#isEnding) this.setting.onFault(`a connection was closed: ${code} ${reason}`);
    });
    return new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
  }

  async request(request: { readonly type: string; readonly [field: string]: unknown }): Promise<Answer> {
    this.#ids += 1;
    const id = this.#ids;
    const answer = await new Promise<Answer>((resolve, reject) => {
      const overdue = setTimeout(() => reject(new Error(`no answer to ${request.type}`)), ANSWER_MS);
      this.#waiting.set(id, (answered) => {
        clearTimeout(overdue);
        resolve(answered);
      });
      this.#socket?.send(JSON.stringify({ id, ...request }));
    });
    if (!answer.ok) throw new Error(`${request.type}: ${answer.error?.code} ${answer.error?.message}`);
    return answer;
  }

  async enter(): Promise<void> {
    const room = { kind: 'number', value: this.setting.room };
    const { roleName } = await this.request({ type: 'enter', room });
    this.roleName = roleName ?? '';
  }

  async switchRoleName(roleName: string): Promise<void> {
    await this.request({ type: 'switchRoleName', roleName });
    this.roleName = roleName;
  }

  async toggleAudio(): Promise<void> {
    this.#isHeard = !this.#isHeard;
    await this.request({ type: 'media', audio: this.#isHeard, video: true, screen: false });
  }

  async leave(): Promise<void> {
    await this.request({ type: 'leave' });
    this.seq = null;
    this.snapshot = null;
  }

  end(): void {
    this.#isEnding = true;
    this.#socket?.terminate();
  }

  #onMessage(text: string): void {
    const message = JSON.parse(text) as Answer | Push;
    if ('type' in message) {
      this.#onPush(message);
      return;
    }
    // Read at once: the events behind it may have come with it.
    if (message.snapshot !== undefined) this.#take(message.snapshot);
    const answered = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    answered?.(message);
  }

  #onPush(push: Push): void {
    if (push.type === 'snapshot') {
      this.setting.onFault('events were missed: a snapshot came instead');
      this.#take(push.snapshot);
    } else if (push.type === 'event') {
      this.#onEvent(push.event);
    }
  }

  #onEvent(event: RoomEvent): void {
    const { onFault, onEvent, keepsRoom, userId } = this.setting;
    // Between its own leave and the answer it may still hear of others.
    if (this.seq === null) return;
    if (event.seq !== this.seq + 1) onFault(`${userId} saw event ${event.seq} behind ${this.seq}`);
    this.seq = event.seq;
    if (keepsRoom) this.snapshot = applyRoomEvent(this.snapshot, event);
    onEvent(this, event);
  }

  #take(snapshot: RoomSnapshot): void {
    this.seq = snapshot.seq;
    if (this.setting.keepsRoom) this.snapshot = snapshot;
  }
}

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { RoomEvent } from '../../../src/domain/room-event.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { signUserSig } from '../../../src/identity/user-sig.ts';
import { seededWhole } from '../../support/random.ts';
import { CrowdUser } from './crowd-user.ts';

export interface CrowdSetting {
  /** WebSocket URL. */
  readonly url: string;
  readonly sdkAppId: number;
  readonly secretKey: string;
  /** Integer rooms, each with so many users. */
  readonly rooms: readonly number[];
  readonly usersPerRoom: number;
  /** Role names of the app that users change to. */
  readonly roleNames: readonly string[];
  readonly keepsRooms: boolean;
  readonly seed: number;
}

export interface ChangesSetting {
  readonly perSecond: number;
  readonly seconds: number;
}

/** What changes of one crowd led to; times in ms. */
export interface Changes {
  /** From the request to the last member of the room, one for each change. */
  readonly latencies: readonly number[];
  /** The rate at which they were asked for: lower than wanted when the crowd was held up or no room was free. */
  readonly perSecond: number;
  /** Event-loop delay of the crowd's process while it measured. */
  readonly clientDelay: { readonly p99: number; readonly max: number };
}

/** A change under way: who still has to see it. */
interface Pending {
  readonly actor: CrowdUser;
  readonly type: RoomEvent['body']['type'];
  missing: number;
  readonly seen: () => void;
}

interface CrowdRoom {
  readonly users: readonly CrowdUser[];
  pending: Pending | null;
}

/** Requests under way at once while everybody comes. */
const AT_ONCE = 50;
const TICK_MS = 5;
/** A room whose change has not reached everybody by then is broken. */
const SEEN_MS = 60_000;
const MAX_FAULTS = 20;
const EXPIRE_SECONDS = 86_400;

async function inTurns<T>(items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> {
  let next = 0;
  const turn = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await act(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, turn));
}

/** Many users in rooms, who check what they see: every event of their room once and in order. */
export class Crowd {
  readonly #setting: CrowdSetting;
  readonly #rooms = new Map<number, CrowdRoom>();
  readonly #whole: (below: number) => number;
  readonly #faults: string[] = [];

  constructor(setting: CrowdSetting) {
    this.#setting = setting;
    this.#whole = seededWhole(setting.seed);
    const { usersPerRoom, keepsRooms } = setting;
    for (const room of setting.rooms) {
      const users = Array.from({ length: usersPerRoom }, (_, place) => {
        const userId = `u${room}-${place}`;
        const onEvent = (user: CrowdUser, event: RoomEvent) => this.#onEvent(user, event);
        const onFault = (what: string) => this.#fault(what);
        return new CrowdUser({ userId, room, keepsRoom: keepsRooms, onEvent, onFault });
      });
      this.#rooms.set(room, { users, pending: null });
    }
  }

  /** What no client should see, in words; the first ones. */
  get faults(): readonly string[] {
    return this.#faults;
  }

  get users(): readonly CrowdUser[] {
    return [...this.#rooms.values()].flatMap(({ users }) => users);
  }

  async logIn(): Promise<void> {
    const { url, sdkAppId, secretKey } = this.#setting;
    const secret = new Secret(secretKey);
    await inTurns(this.users, async (user) => {
      const { userId } = user.setting;
      await user.connect(url);
      const nowMs = Date.now();
      const token = { secretKey: secret, sdkAppId, userId, expireSeconds: EXPIRE_SECONDS, nowMs };
      const userSig = signUserSig(token);
      await user.request({ type: 'login', v: 1, appId: sdkAppId, userId, userSig });
    });
  }

  enter(): Promise<void> {
    return inTurns(this.users, (user) => user.enter());
  }

  /** Role names, media, leaves and entries in equal parts, one at a time in each room, at an even rate. */
  async change({ perSecond, seconds }: ChangesSetting): Promise<Changes> {
    const loop = monitorEventLoopDelay({ resolution: TICK_MS });
    const latencies: number[] = [];
    const asked: Promise<void>[] = [];
    const due = Math.round(perSecond * seconds);
    let failure: unknown = null;
    loop.enable();
    const beganAt = performance.now();
    while (asked.length < due && failure === null) {
      const until = Math.min(due, Math.floor(((performance.now() - beganAt) / 1000) * perSecond));
      for (let room = this.#freeRoom(); room !== null && asked.length < until; room = this.#freeRoom()) {
        const done = this.#changeOne(room).then((ms) => void latencies.push(ms));
        asked.push(done);
        done.catch((error: unknown) => {
          failure ??= error;
        });
      }
      await delay(TICK_MS);
    }
    const tookSeconds = (performance.now() - beganAt) / 1000;
    await Promise.all(asked);
    loop.disable();
    const clientDelay = { p99: loop.percentile(99) / 1e6, max: loop.max / 1e6 };
    return { latencies, perSecond: due / tookSeconds, clientDelay };
  }

  end(): void {
    for (const user of this.users) user.end();
  }

  /** Answers the ms until the last member saw it. */
  async #changeOne(room: CrowdRoom): Promise<number> {
    const present = room.users.filter((user) => user.seq !== null);
    const absent = room.users.filter((user) => user.seq === null);
    const kind = this.#whole(4);
    const isEntry = absent.length > 0 && (kind === 0 || present.length < 3);
    const isLeave = !isEntry && kind === 1 && present.length > 2;
    const actor = this.#anyOf(isEntry ? absent : present);
    const type = isEntry ? 'member-entered' : isLeave ? 'member-left' : 'member-changed';
    const watching = present.filter((user) => type === 'member-changed' || user !== actor).length;
    const seen = this.#untilSeen(room, { actor, type, missing: watching });
    const asking = isEntry ? actor.enter() : isLeave ? actor.leave() : this.#say(actor, kind);
    const [ms] = await Promise.all([seen, asking]);
    room.pending = null;
    return ms;
  }

  #untilSeen(room: CrowdRoom, awaited: Omit<Pending, 'seen'>): Promise<number> {
    const askedAt = performance.now();
    return new Promise((resolve, reject) => {
      const what = `${awaited.type} of ${awaited.actor.setting.userId}`;
      const overdue = setTimeout(() => reject(new Error(`not everybody saw ${what}`)), SEEN_MS);
      const seen = () => {
        clearTimeout(overdue);
        resolve(performance.now() - askedAt);
      };
      room.pending = { ...awaited, seen };
    });
  }

  #say(actor: CrowdUser, kind: number): Promise<unknown> {
    const roleName = this.#setting.roleNames.find((name) => name !== actor.roleName);
    return kind === 2 && roleName !== undefined ? actor.switchRoleName(roleName) : actor.toggleAudio();
  }

  /** null: every room has a change under way. */
  #freeRoom(): CrowdRoom | null {
    const rooms = this.#setting.rooms;
    const from = this.#whole(rooms.length);
    for (let step = 0; step < rooms.length; step += 1) {
      const room = this.#rooms.get(rooms[(from + step) % rooms.length] ?? 0);
      if (room?.pending === null) return room;
    }
    return null;
  }

  #anyOf(users: readonly CrowdUser[]): CrowdUser {
    const user = users[this.#whole(users.length)];
    if (!user) throw new Error('nobody is there');
    return user;
  }

  #onEvent(user: CrowdUser, { body }: RoomEvent): void {
    const pending = this.#rooms.get(user.setting.room)?.pending;
    if (pending?.type !== body.type || (user === pending.actor && body.type !== 'member-changed')) return;
    pending.missing -= 1;
    if (pending.missing === 0) pending.seen();
  }

  #fault(what: string): void {
    if (this.#faults.length < MAX_FAULTS) this.#faults.push(what);
  }
}

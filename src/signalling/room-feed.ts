import type { Logger } from 'pino';
import { type RoomId, roomKey } from '../domain/ids.ts';
import type { RoomEvent, RoomSnapshot } from '../domain/room-event.ts';
import type { Connection, EventFrame } from './connection.ts';
import type { Push } from './protocol-messages.ts';

/** What the feed needs of the registry. */
export interface FeedSource {
  follow(listener: {
    onEvents(key: string, events: readonly RoomEvent[]): void;
    onGap(key: string): void;
  }): () => void;
  /** null: a gap, take a snapshot. */
  events(appId: number, room: RoomId, afterSeq: number): Promise<readonly RoomEvent[] | null>;
  snapshot(appId: number, room: RoomId): Promise<RoomSnapshot | null>;
}

interface LocalRoom {
  readonly key: string;
  readonly appId: number;
  readonly room: RoomId;
  readonly members: Set<Connection>;
  /** Some member lacks an event. */
  hasGap: boolean;
  isRepairing: boolean;
}

/** Events for one whose snapshot is being fetched; more are found again as a gap. */
const MAX_HELD = 500;
/** Events that come while a gap is being closed make another one. */
const MAX_ROUNDS = 5;

function frameOf(room: RoomId, event: RoomEvent): EventFrame {
  const message: Push = { type: 'event', room, event };
  return { seq: event.seq, data: Buffer.from(JSON.stringify(message)) };
}

/** The local members of rooms: each gets every event of its room once and in order, or a snapshot instead. */
export class RoomFeed {
  readonly #source: FeedSource;
  readonly #log: Logger;
  readonly #rooms = new Map<string, LocalRoom>();
  readonly #unfollow: () => void;

  constructor(source: FeedSource, log: Logger) {
    this.#source = source;
    this.#log = log;
    this.#unfollow = source.follow({
      onEvents: (key, events) => this.#onEvents(key, events),
      onGap: (key) => this.#onGap(key),
    });
  }

  /** From now on it hears of that room; events wait until start(). */
  join(connection: Connection, appId: number, room: RoomId): void {
    const key = roomKey(appId, room);
    connection.seq = null;
    const known = this.#rooms.get(key);
    if (known !== undefined) {
      known.members.add(connection);
      return;
    }
    const members = new Set([connection]);
    this.#rooms.set(key, { key, appId, room, members, hasGap: false, isRepairing: false });
  }

  /** It knows all up to `seq`: sends what came after. */
  start(connection: Connection, appId: number, room: RoomId, seq: number): void {
    const local = this.#rooms.get(roomKey(appId, room));
    const held = connection.held;
    connection.held = null;
    if (!local?.members.has(connection)) return;
    connection.seq = seq;
    for (const frame of held ?? []) this.#give(local, connection, frame);
    if (local.hasGap) void this.#repair(local);
  }

  leave(connection: Connection, appId: number, room: RoomId): void {
    const key = roomKey(appId, room);
    const local = this.#rooms.get(key);
    connection.seq = null;
    connection.held = null;
    if (local?.members.delete(connection) && local.members.size === 0) this.#rooms.delete(key);
  }

  /** Sends a message to all who are in that room here. */
  broadcast(key: string, makeMessage: (room: RoomId) => Push): void {
    const local = this.#rooms.get(key);
    if (local === undefined) return;
    const data = Buffer.from(JSON.stringify(makeMessage(local.room)));
    for (const member of local.members) if (member.seq !== null) member.send(data);
  }

  has(key: string): boolean {
    return this.#rooms.has(key);
  }

  /** Tries again to close gaps that could not be closed. */
  sweep(): void {
    for (const local of this.#rooms.values()) if (local.hasGap) void this.#repair(local);
  }

  close(): void {
    this.#unfollow();
    this.#rooms.clear();
  }

  #onEvents(key: string, events: readonly RoomEvent[]): void {
    const local = this.#rooms.get(key);
    if (local === undefined) return;
    for (const event of events) this.#deliver(local, event);
    if (local.hasGap) void this.#repair(local);
  }

  #onGap(key: string): void {
    const local = this.#rooms.get(key);
    if (local === undefined) return;
    local.hasGap = true;
    void this.#repair(local);
  }

  /** Serialised once, and only when somebody lacks it. */
  #deliver(local: LocalRoom, event: RoomEvent): void {
    let frame: EventFrame | null = null;
    for (const member of local.members) {
      if (member.seq !== null && event.seq <= member.seq) continue;
      frame ??= frameOf(local.room, event);
      this.#give(local, member, frame);
    }
  }

  #give(local: LocalRoom, member: Connection, frame: EventFrame): void {
    if (member.seq === null) {
      member.held ??= [];
      member.held.push(frame);
      if (member.held.length > MAX_HELD) member.held.shift();
    } else if (frame.seq === member.seq + 1) {
      member.seq = frame.seq;
      member.send(frame.data);
    } else if (frame.seq > member.seq) {
      local.hasGap = true;
    }
  }

  async #repair(local: LocalRoom): Promise<void> {
    if (local.isRepairing) return;
    local.isRepairing = true;
    try {
      for (let round = 0; local.hasGap && round < MAX_ROUNDS; round += 1) await this.#closeGap(local);
    } catch (error) {
      local.hasGap = true; // the next sweep tries again
      this.#log.debug({ room: local.key, reason: (error as Error).message }, 'events not read');
    } finally {
      local.isRepairing = false;
    }
  }

  async #closeGap(local: LocalRoom): Promise<void> {
    const { appId, room, members } = local;
    local.hasGap = false;
    const known = [...members].flatMap(({ seq }) => (seq === null ? [] : [seq]));
    if (known.length === 0) return;
    const events = await this.#source.events(appId, room, Math.min(...known));
    if (events !== null) {
      for (const event of events) this.#deliver(local, event);
      return;
    }
    const snapshot = await this.#source.snapshot(appId, room);
    if (snapshot === null) {
      local.hasGap = true; // its gateways write it back, or end its sessions
      return;
    }
    this.#sendSnapshot(local, snapshot);
  }

  #sendSnapshot(local: LocalRoom, snapshot: RoomSnapshot): void {
    const message: Push = { type: 'snapshot', room: local.room, snapshot };
    const data = Buffer.from(JSON.stringify(message));
    for (const member of local.members) {
      if (member.seq === null || member.seq === snapshot.seq) continue;
      // It may have had an event meanwhile that is not in the snapshot: the next round finds that.
      if (member.seq > snapshot.seq) local.hasGap = true;
      member.seq = snapshot.seq;
      member.send(data);
    }
  }
}

import type { Announcements } from '../queue/announcements.ts';
import type { Push } from './protocol-messages.ts';
import type { RoomFeed } from './room-feed.ts';

const CHANNEL = 'roomcast:levels';

/** By user id, as written. */
type LevelsOfRoom = Map<string, number>;
type LevelsMessage = Extract<Push, { type: 'levels' }>;

interface Told {
  readonly processId: string;
  readonly rooms: readonly (readonly [key: string, levels: readonly (readonly [string, number])[]])[];
}

export interface LevelsDeps {
  /** Of this gateway's run: what it said itself is not heard again. */
  readonly processId: string;
  readonly feed: Pick<RoomFeed, 'broadcast' | 'has'>;
  readonly announcements: Announcements;
  readonly publish: (channel: string, message: string) => void;
  readonly everyMs: number;
}

function levelsIn(table: Map<string, LevelsOfRoom>, key: string): LevelsOfRoom {
  const known = table.get(key) ?? new Map<string, number>();
  table.set(key, known);
  return known;
}

/** Gathers who speaks how loud: every room hears at most once in `everyMs` of those that changed, at all gateways. */
export class Levels {
  readonly #deps: LevelsDeps;
  readonly #unsubscribe: () => void;
  /** For the members here. */
  #heard = new Map<string, LevelsOfRoom>();
  /** For the other gateways. */
  #said = new Map<string, LevelsOfRoom>();
  #timer: NodeJS.Timeout | null = null;

  constructor(deps: LevelsDeps) {
    this.#deps = deps;
    this.#unsubscribe = deps.announcements.on(CHANNEL, (message) => this.#hear(message));
  }

  /** A user here says that its level changed. */
  say(key: string, userId: string, level: number): void {
    levelsIn(this.#heard, key).set(userId, level);
    levelsIn(this.#said, key).set(userId, level);
    this.#timer ??= setTimeout(() => this.#flush(), this.#deps.everyMs);
  }

  close(): void {
    this.#unsubscribe();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #hear(message: string): void {
    const told = JSON.parse(message) as Told;
    if (told.processId === this.#deps.processId) return;
    for (const [key, levels] of told.rooms) {
      if (!this.#deps.feed.has(key)) continue;
      for (const [userId, level] of levels) levelsIn(this.#heard, key).set(userId, level);
      this.#timer ??= setTimeout(() => this.#flush(), this.#deps.everyMs);
    }
  }

  #flush(): void {
    const { feed, publish, processId } = this.#deps;
    const [heard, said] = [this.#heard, this.#said];
    this.#heard = new Map();
    this.#said = new Map();
    this.#timer = null;
    for (const [key, table] of heard) {
      const levels = [...table].map(([userId, level]) => ({ userId, level }));
      feed.broadcast(key, (room): LevelsMessage => ({ type: 'levels', room, levels }));
    }
    if (said.size === 0) return;
    const told: Told = { processId, rooms: [...said].map(([key, table]) => [key, [...table]]) };
    publish(CHANNEL, JSON.stringify(told));
  }
}

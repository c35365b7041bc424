import { GatewayError } from '../domain/errors.ts';
import { type Blocked, NOT_BLOCKED } from '../domain/room.ts';
import type { StreamEvent } from '../domain/stream-event.ts';
import type { Evicted } from './held-rooms.ts';
import type { RoomRegistry } from './registry.ts';
import type { PublishAdmission, RoomListener } from './registry-types.ts';

/** What of the registry can be asked before it is there: it answers `redis-away` until then. */
type Asked = Pick<
  RoomRegistry,
  | 'enter'
  | 'leave'
  | 'sessionBack'
  | 'change'
  | 'snapshot'
  | 'events'
  | 'dismiss'
  | 'removeUsers'
  | 'setBlocked'
>;

/** Stands in for the registry, which needs the hub's port and so comes after the hub: events wait for it. */
export class LateRegistry implements Asked {
  readonly #waiting: ((registry: RoomRegistry) => void)[] = [];
  #registry: RoomRegistry | null = null;

  readonly apply = (event: StreamEvent): void => this.#soon((registry) => registry.apply(event));

  readonly admitPublish = async (request: PublishAdmission): Promise<void> =>
    (await this.#asked()).admitPublish(request);

  readonly enter: Asked['enter'] = async (...args) => (await this.#asked()).enter(...args);
  readonly leave: Asked['leave'] = async (...args) => (await this.#asked()).leave(...args);
  readonly sessionBack: Asked['sessionBack'] = async (...args) => (await this.#asked()).sessionBack(...args);
  readonly change: Asked['change'] = async (...args) => (await this.#asked()).change(...args);
  readonly snapshot: Asked['snapshot'] = async (...args) => (await this.#asked()).snapshot(...args);
  readonly events: Asked['events'] = async (...args) => (await this.#asked()).events(...args);
  readonly dismiss: Asked['dismiss'] = async (...args) => (await this.#asked()).dismiss(...args);
  readonly removeUsers: Asked['removeUsers'] = async (...args) => (await this.#asked()).removeUsers(...args);
  readonly setBlocked: Asked['setBlocked'] = async (...args) => (await this.#asked()).setBlocked(...args);

  readonly sessionLost: RoomRegistry['sessionLost'] = (session) =>
    this.#soon((registry) => registry.sessionLost(session));

  readonly blockOf = (streamId: string): Blocked => this.#registry?.blockOf(streamId) ?? NOT_BLOCKED;

  follow(listener: RoomListener): () => void {
    return this.#until((registry) => registry.follow(listener));
  }

  onEvict(listener: (evicted: Evicted) => void): () => void {
    return this.#until((registry) => registry.onEvict(listener));
  }

  open(registry: RoomRegistry): void {
    this.#registry = registry;
    for (const work of this.#waiting.splice(0)) work(registry);
  }

  async close(): Promise<void> {
    await this.#registry?.close();
  }

  #soon(work: (registry: RoomRegistry) => void): void {
    if (this.#registry === null) this.#waiting.push(work);
    else work(this.#registry);
  }

  #until(begin: (registry: RoomRegistry) => () => void): () => void {
    let isOver = false;
    let stop: (() => void) | null = null;
    this.#soon((registry) => {
      if (!isOver) stop = begin(registry);
    });
    return () => {
      isOver = true;
      stop?.();
    };
  }

  async #asked(): Promise<RoomRegistry> {
    if (this.#registry !== null) return this.#registry;
    throw new GatewayError('redis-away', 'the gateway is starting', { blame: 'system' });
  }
}

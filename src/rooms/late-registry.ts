import { GatewayError } from '../domain/errors.ts';
import type { Blocked } from '../domain/room.ts';
import type { StreamEvent } from '../domain/stream-event.ts';
import type { RoomRegistry, UserPlace } from './registry.ts';

/** Stands in for the registry, which needs the hub's port and so comes after the hub: events wait for it. */
export class LateRegistry {
  readonly #waiting: StreamEvent[] = [];
  #registry: RoomRegistry | null = null;

  readonly apply = (event: StreamEvent): void => {
    if (this.#registry === null) this.#waiting.push(event);
    else this.#registry.apply(event);
  };

  open(registry: RoomRegistry): void {
    this.#registry = registry;
    for (const event of this.#waiting.splice(0)) registry.apply(event);
  }

  async setBlocked(user: UserPlace, blocked: Blocked): Promise<void> {
    if (this.#registry === null) {
      throw new GatewayError('redis-away', 'the gateway is starting', { blame: 'system' });
    }
    await this.#registry.setBlocked(user, blocked);
  }

  async close(): Promise<void> {
    await this.#registry?.close();
  }
}

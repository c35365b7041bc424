import type { HubLimits } from './limits.ts';
import type { RtmpConnection } from './rtmp-connection.ts';

/**
 * Bounds connections in total and per address. Among those not accepted yet the newest wins: an attacker's idle
 * connections are older than a publisher's, which is accepted within a moment.
 */
export class Admission {
  /** In order of arrival. */
  readonly connections = new Set<RtmpConnection>();
  readonly #limits: HubLimits;

  constructor(limits: HubLimits) {
    this.#limits = limits;
  }

  /** False when every place is taken by accepted connections. */
  makeRoom(remoteAddress: string): boolean {
    const waiting = this.#oldestWaiting(remoteAddress);
    if (waiting.count >= this.#limits.maxWaitingPerAddress) waiting.oldest?.socket.destroy();
    if (this.connections.size < this.#limits.maxConnections) return true;
    const { oldest } = this.#oldestWaiting(null);
    if (oldest === null) return false;
    this.remove(oldest);
    oldest.socket.destroy();
    return true;
  }

  add(connection: RtmpConnection): void {
    this.connections.add(connection);
  }

  remove(connection: RtmpConnection): void {
    this.connections.delete(connection);
  }

  #oldestWaiting(remoteAddress: string | null): { count: number; oldest: RtmpConnection | null } {
    let count = 0;
    let oldest: RtmpConnection | null = null;
    for (const connection of this.connections) {
      if (connection.isAccepted || connection.socket.destroyed) continue;
      if (remoteAddress !== null && connection.remoteAddress !== remoteAddress) continue;
      oldest ??= connection;
      count += 1;
    }
    return { count, oldest };
  }
}

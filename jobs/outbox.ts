import { toGatewayError } from '../src/domain/errors.ts';

/** Writes that must not be lost while Redis is away: the latest per name is kept and sent by flush(). */
export class Outbox {
  readonly #waiting = new Map<string, () => Promise<void>>();

  /** Resolves when written, or when kept for later; other failures than `redis-away` are thrown. */
  async send(name: string, write: () => Promise<void>): Promise<void> {
    this.#waiting.delete(name);
    try {
      await write();
    } catch (error) {
      if (toGatewayError(error).code !== 'redis-away') throw error;
      this.#waiting.set(name, write);
    }
  }

  async flush(): Promise<void> {
    // A copy: what fails is put in again, behind the rest.
    for (const [name, write] of [...this.#waiting]) await this.send(name, write);
  }
}

import { GatewayError } from '../src/domain/errors.ts';

const MAX_KNOWN = 2_000;

/** Reads that are asked for in one turn of the loop are one, and answer with the last value while Redis is away, or just back and `mayBeLost` says so. */
export class LastKnown<T> {
  readonly #values = new Map<string, T>();
  readonly #asked = new Map<string, Promise<T | null>>();
  readonly #mayBeLost: () => boolean;

  constructor(mayBeLost: () => boolean) {
    this.#mayBeLost = mayBeLost;
  }

  peek(key: string): T | null {
    return this.#values.get(key) ?? null;
  }

  /** What the read answers, or what is known instead; throws `redis-away` when nothing is. */
  read(key: string, readNow: () => Promise<T | null>): Promise<T | null> {
    const asked = this.#asked.get(key);
    if (asked !== undefined) return asked;
    const answer = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#asked.delete(key); // who asks from now on is answered with what is read later
      return this.#readOrKnown(key, readNow);
    });
    this.#asked.set(key, answer);
    return answer;
  }

  async #readOrKnown(key: string, readNow: () => Promise<T | null>): Promise<T | null> {
    const known = this.peek(key);
    try {
      const value = await readNow();
      if (value === null && known !== null && this.#mayBeLost()) return known;
      this.#remember(key, value);
      return value;
    } catch (error) {
      if (known === null || !(error instanceof GatewayError) || error.code !== 'redis-away') throw error;
      return known;
    }
  }

  #remember(key: string, value: T | null): void {
    this.#values.delete(key);
    if (value === null) return;
    this.#values.set(key, value);
    if (this.#values.size <= MAX_KNOWN) return;
    const [oldest] = this.#values.keys();
    if (oldest !== undefined) this.#values.delete(oldest);
  }
}

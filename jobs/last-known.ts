import { GatewayError } from '../src/domain/errors.ts';

const MAX_KNOWN = 2_000;

/** Reads that answer with the last value while Redis is away, or just back and `mayBeLost` says so. */
export class LastKnown<T> {
  readonly #values = new Map<string, T>();
  readonly #mayBeLost: () => boolean;

  constructor(mayBeLost: () => boolean) {
    this.#mayBeLost = mayBeLost;
  }

  peek(key: string): T | null {
    return this.#values.get(key) ?? null;
  }

  /** What the read answers, or what is known instead; throws `redis-away` when nothing is. */
  async read(key: string, readNow: () => Promise<T | null>): Promise<T | null> {
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

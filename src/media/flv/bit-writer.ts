/** Writes what is not made of whole bytes. */
export class BitWriter {
  readonly #bytes: number[] = [];
  #filled = 0;
  #byte = 0;

  bits(value: number, count: number): this {
    for (let at = count - 1; at >= 0; at -= 1) {
      this.#byte = (this.#byte << 1) | ((value >> at) & 1);
      this.#filled += 1;
      if (this.#filled < 8) continue;
      this.#bytes.push(this.#byte);
      this.#byte = 0;
      this.#filled = 0;
    }
    return this;
  }

  zeros(count: number): this {
    return this.bits(0, count);
  }

  /** Exp-Golomb. */
  unsigned(...values: readonly number[]): this {
    for (const value of values) {
      const length = 32 - Math.clz32(value + 1);
      this.zeros(length - 1).bits(value + 1, length);
    }
    return this;
  }

  /** All of it, with zeros up to a whole byte. */
  bytes(): Buffer {
    if (this.#filled > 0) this.zeros(8 - this.#filled);
    return Buffer.from(this.#bytes);
  }
}

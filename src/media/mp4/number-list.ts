const BLOCK = 65_536;

/** Whole numbers of 32 bit that grow without being copied: a day of recording has ten million of them. */
export class NumberList {
  readonly #blocks: Int32Array<ArrayBuffer>[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length % BLOCK === 0) this.#blocks.push(new Int32Array(BLOCK));
    const block = this.#blocks.at(-1);
    if (block) block[this.#length % BLOCK] = value;
    this.#length += 1;
  }

  /** The values one after the other, 4 bytes each, big-endian. */
  toBytes(): Buffer {
    const out = Buffer.allocUnsafe(this.#length * 4);
    let at = 0;
    for (const block of this.#blocks) {
      const bytes = Buffer.from(block.slice(0, this.#length - at / 4).buffer);
      // Typed arrays have the machine's order, which is little-endian wherever Node runs.
      at += bytes.swap32().copy(out, at);
    }
    return out;
  }
}

/** Numbers of which many follow each other unchanged: kept as pairs of count and value. */
export class RunList {
  readonly #runs = new NumberList();
  #value = 0;
  #count = 0;

  push(value: number): void {
    if (this.#count > 0 && value !== this.#value) this.#close();
    this.#value = value;
    this.#count += 1;
  }

  /** Number of pairs, and the pairs, 4 bytes each number; nothing can be added afterwards. */
  finish(): { readonly count: number; readonly bytes: Buffer } {
    if (this.#count > 0) this.#close();
    return { count: this.#runs.length / 2, bytes: this.#runs.toBytes() };
  }

  #close(): void {
    this.#runs.push(this.#count);
    this.#runs.push(this.#value);
    this.#count = 0;
  }
}

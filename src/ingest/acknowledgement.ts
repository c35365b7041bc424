/** When RTMP wants the peer's bytes acknowledged: each time a window of them has come. */
export class Acknowledgement {
  #window = 0;
  #received = 0;
  #acknowledged = 0;

  /** Bytes, as the peer asks for it; 0: never. */
  setWindow(bytes: number): void {
    this.#window = bytes;
  }

  /** Counts bytes that came; the number to acknowledge, or null when it is not time yet. */
  receive(bytes: number): number | null {
    this.#received += bytes;
    if (this.#window === 0 || this.#received - this.#acknowledged < this.#window) return null;
    this.#acknowledged = this.#received;
    return this.#received % 2 ** 32;
  }
}

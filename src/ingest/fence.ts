/** How long an epoch outlives its last use, and how many are kept at most. */
const KEEP_MS = 600_000;
const MAX_KEPT = 10_000;

/** Remembers the highest epoch per key: whoever comes with a lower one is late. */
export class Fence {
  readonly #epochs = new Map<string, { epoch: number; usedAt: number }>();

  /** False when a higher epoch was here; otherwise this one is the highest now. */
  admit(key: string, epoch: number, nowMs: number): boolean {
    const known = this.#epochs.get(key);
    if (known !== undefined && known.epoch > epoch) return false;
    this.#epochs.delete(key); // insertion order is order of use
    this.#epochs.set(key, { epoch, usedAt: nowMs });
    this.#forget(nowMs);
    return true;
  }

  #forget(nowMs: number): void {
    for (const [key, { usedAt }] of this.#epochs) {
      if (nowMs - usedAt < KEEP_MS && this.#epochs.size <= MAX_KEPT) return;
      this.#epochs.delete(key);
    }
  }
}

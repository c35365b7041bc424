/** Waits before the second, third, ... start of a job whose runs keep ending. */
const WAIT_MS = [0, 1_000, 2_000, 5_000] as const;
const LONGEST_WAIT_MS = 5_000;
/** A run this long was a good one: counting begins anew. */
const GOOD_RUN_MS = 30_000;

interface Starts {
  readonly count: number;
  readonly lastMs: number;
}

/** Keeps a job that crashes at once from being started in a tight loop. Times are monotonic ms. */
export class StartBackoff {
  readonly #starts = new Map<string, Starts>();

  /** Whether the job may be started now; if so, it counts as started. */
  tryStart(key: string, nowMs: number): boolean {
    const before = this.#starts.get(key);
    const sinceMs = before ? nowMs - before.lastMs : Number.POSITIVE_INFINITY;
    const count = before && sinceMs < GOOD_RUN_MS ? before.count : 0;
    const waitMs = count === 0 ? 0 : (WAIT_MS[count - 1] ?? LONGEST_WAIT_MS);
    if (sinceMs < waitMs) return false;
    this.#starts.set(key, { count: count + 1, lastMs: nowMs });
    return true;
  }

  /** Drops what no longer matters. */
  forgetOld(nowMs: number): void {
    for (const [key, { lastMs }] of this.#starts) {
      if (nowMs - lastMs >= GOOD_RUN_MS) this.#starts.delete(key);
    }
  }
}

/** Bits per second over the last WINDOW_MS, from a count of bytes that is looked at now and then. */
export interface RateMeter {
  /** The count stands at `bytes`. */
  update(bytes: number, nowMs: number): void;
  kbps(): number;
  clear(): void;
}

const WINDOW_MS = 5000;

export function createRateMeter(): RateMeter {
  let looks: { readonly bytes: number; readonly atMs: number }[] = [];

  return {
    update(bytes, nowMs) {
      looks.push({ bytes, atMs: nowMs });
      // One look from before the window stays: the window begins at it.
      while (looks[1] !== undefined && nowMs - looks[1].atMs >= WINDOW_MS) looks.shift();
    },
    kbps() {
      const first = looks[0];
      const last = looks.at(-1);
      if (!first || !last || last.atMs === first.atMs) return 0;
      return Math.round(((last.bytes - first.bytes) * 8) / (last.atMs - first.atMs));
    },
    clear() {
      looks = [];
    },
  };
}

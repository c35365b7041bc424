/** No output for this long while it is being fed makes a process suspect. */
const SUSPECT_AFTER_MS = 3000;
/** A suspect whose CPU time does not move for this long hangs; one that is only starved moves now and then. */
const STILL_MS = 2000;
/** Working or not, an encoder that gives nothing for this long is of no use. */
const USELESS_AFTER_MS = 30_000;

export interface HangSample {
  readonly nowMs: number;
  /** It has input that it did not take. */
  readonly isFed: boolean;
  readonly lastOutputAt: number;
}

/** Tells a process that hangs from one that a busy machine starves: killing the second makes it worse. */
export class HangDetector {
  readonly #cpuSeconds: () => number;
  #seen: { readonly cpuSeconds: number; readonly atMs: number } | null = null;

  /** `cpuSeconds` is asked only while the process is suspect. */
  constructor(cpuSeconds: () => number) {
    this.#cpuSeconds = cpuSeconds;
  }

  hangs({ nowMs, isFed, lastOutputAt }: HangSample): boolean {
    const silentMs = nowMs - lastOutputAt;
    if (!isFed || silentMs <= SUSPECT_AFTER_MS) {
      this.#seen = null;
      return false;
    }
    if (silentMs > USELESS_AFTER_MS) return true;
    if (this.#seen !== null && nowMs - this.#seen.atMs <= STILL_MS) return false;
    const cpuSeconds = this.#cpuSeconds();
    const stoodStill = this.#seen !== null && cpuSeconds === this.#seen.cpuSeconds;
    this.#seen = { cpuSeconds, atMs: nowMs };
    return stoodStill;
  }
}

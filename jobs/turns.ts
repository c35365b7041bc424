/** Enough for another worker to hear that a job is due, and to take it. */
const OTHERS_MS = 300;

/**
 * When a worker may ask a queue for its next job. All workers wake up for a job that comes back, by clocks that
 * differ by milliseconds: without leaving a turn out the same one would get it each time.
 */
export class Turns {
  readonly #waiting = new Map<NodeJS.Timeout, () => void>();
  #dueMs = 0;
  #closed = false;

  /** Leaves the turn for a job that comes back in so many ms to others. */
  leaveOut(inMs: number): void {
    this.#dueMs = Math.max(this.#dueMs, performance.now() + inMs + OTHERS_MS);
  }

  /** Resolves when this worker may ask: true, or false when it is closed and asks no more. */
  async next(): Promise<boolean> {
    const waitMs = this.#dueMs - performance.now();
    if (waitMs > 0 && !this.#closed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          this.#waiting.delete(timer);
          resolve();
        }, waitMs);
        this.#waiting.set(timer, resolve);
      });
    }
    return !this.#closed;
  }

  /** Nobody waits any longer. */
  close(): void {
    this.#closed = true;
    for (const [timer, resolve] of this.#waiting) {
      clearTimeout(timer);
      resolve();
    }
    this.#waiting.clear();
  }
}

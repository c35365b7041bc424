import { setTimeout as delay } from 'node:timers/promises';

/** Enough for another worker to hear that a job is due, and to take it. */
const OTHERS_MS = 300;

/**
 * When a worker may ask a queue for its next job. All workers wake up for a job that comes back, by clocks that
 * differ by milliseconds: without leaving a turn out the same one would get it each time.
 */
export class Turns {
  #dueMs = 0;

  /** Leaves the turn for a job that comes back in so many ms to others. */
  leaveOut(inMs: number): void {
    this.#dueMs = Math.max(this.#dueMs, performance.now() + inMs + OTHERS_MS);
  }

  /** Resolves when this worker may ask. */
  async next(): Promise<void> {
    const waitMs = this.#dueMs - performance.now();
    if (waitMs > 0) await delay(waitMs);
  }
}

/** Starts of child processes that wait for a good moment. */
export interface StartQueue {
  /** Gives a function that takes the start back as long as it has not begun. */
  add(start: () => void): () => void;
  /** Starts what fits into the time until `dueMs`, but at least one. Call it when nothing is due for a while. */
  run(dueMs: number): void;
}

/** What a start takes, until one was measured. */
const FIRST_GUESS_MS = 25;
/** Weight of the newest start in the estimate of the next. */
const NEWEST = 0.3;

/**
 * Starting a process blocks Node for some 25 ms, and several in a row would make the programme late: each waits
 * for the pause behind a tick. `now` is monotonic ms.
 */
export function createStartQueue(now: () => number = () => performance.now()): StartQueue {
  const waiting = new Set<() => void>();
  let expectedMs = FIRST_GUESS_MS;

  function startNext(): void {
    const [start] = waiting;
    if (!start) return;
    waiting.delete(start);
    const beganAt = now();
    start();
    expectedMs += (now() - beganAt - expectedMs) * NEWEST;
  }

  return {
    add(start) {
      waiting.add(start);
      return () => waiting.delete(start);
    },
    run(dueMs) {
      do startNext();
      while (waiting.size > 0 && now() + expectedMs < dueMs);
    },
  };
}

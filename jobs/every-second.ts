const EVERY_MS = 1000;

const listeners = new Set<() => void>();
let timer: NodeJS.Timeout | undefined;

function tick(): void {
  for (const listener of listeners) listener();
}

/**
 * Calls the listener once a second until the returned function is called. All listeners of the process are called in
 * one turn of the loop, so that what they read and write goes to Redis together; none of them may throw.
 */
export function everySecond(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(tick, EVERY_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

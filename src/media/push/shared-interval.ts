interface Interval {
  readonly listeners: Set<() => void>;
  readonly timer: NodeJS.Timeout;
}

/** By length in ms. */
const intervals = new Map<number, Interval>();

/**
 * Calls the listener every so many ms until the returned function is called. All listeners of that length are called in
 * one turn of the loop: many timers would wake the process many times. None of them may throw.
 */
export function sharedInterval(listener: () => void, everyMs: number): () => void {
  const interval = intervals.get(everyMs) ?? startInterval(everyMs);
  // A listener may be given twice.
  const call = () => listener();
  interval.listeners.add(call);
  return () => {
    if (!interval.listeners.delete(call) || interval.listeners.size > 0) return;
    clearInterval(interval.timer);
    intervals.delete(everyMs);
  };
}

function startInterval(everyMs: number): Interval {
  const listeners = new Set<() => void>();
  const timer = setInterval(() => {
    for (const call of listeners) call();
  }, everyMs);
  const interval = { listeners, timer };
  intervals.set(everyMs, interval);
  return interval;
}

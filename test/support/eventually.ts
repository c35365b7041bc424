import { setTimeout as delay } from 'node:timers/promises';

/** Runs the check until it neither throws nor answers false/null/undefined, and returns its value; fails with its last error at the deadline. */
export async function eventually<T>(
  check: () => T | Promise<T>,
  deadlineMs = 30_000,
  everyMs = 50,
): Promise<NonNullable<Exclude<T, false>>> {
  const end = Date.now() + deadlineMs;
  let last: unknown = new Error('the check was never true');
  for (;;) {
    try {
      const value = await check();
      if (value !== false && value !== null && value !== undefined) {
        return value as NonNullable<Exclude<T, false>>;
      }
    } catch (error) {
      last = error;
    }
    if (Date.now() >= end) throw new Error(`not so after ${deadlineMs} ms`, { cause: last });
    await delay(everyMs);
  }
}

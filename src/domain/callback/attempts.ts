/** What was tried with one event so far; times in ms of any clock. */
export interface Attempts {
  /** Start of the first. */
  readonly firstAt: number;
  /** Start of the last. */
  readonly lastAt: number;
  /** All of them failed. */
  readonly count: number;
}

export interface AttemptRules {
  /** Between the starts of attempts, from the second on. */
  readonly everyMs: number;
  /** No attempt begins later than this after the first. */
  readonly giveUpMs: number;
}

export const ATTEMPT_RULES: AttemptRules = { everyMs: 10_000, giveUpMs: 60_000 };

/** When to try again: the second time at once, then at equal distances; null gives up. */
export function nextAttemptAt(
  { firstAt, lastAt, count }: Attempts,
  nowMs: number,
  { everyMs, giveUpMs }: AttemptRules = ATTEMPT_RULES,
): number | null {
  const next = count < 2 ? nowMs : Math.max(nowMs, lastAt + everyMs);
  return next > firstAt + giveUpMs ? null : next;
}

import type { ErrorCode } from '../errors.ts';

/** How attempts follow one another: pauses double from the first to the longest. */
interface RetryRule {
  readonly firstSeconds: number;
  readonly maxSeconds: number;
  /** Failures in a row after which a target waits for somebody to ask; null goes on without end. */
  readonly attempts: number | null;
}

export interface RetryPolicy {
  /** The way there is broken: the next attempt may find it mended. */
  readonly network: RetryRule;
  /** The server was reached and says no. */
  readonly refused: RetryRule;
}

/**
 * A name that is still taken by our own lost session is refused as a bad key is, so that the first refusals
 * are retried.
 */
export const DEFAULT_RETRY: RetryPolicy = {
  network: { firstSeconds: 1, maxSeconds: 30, attempts: null },
  refused: { firstSeconds: 1, maxSeconds: 30, attempts: 3 },
};

type RetryClass = keyof RetryPolicy;

const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'app-refused',
  'key-refused',
  'login-refused',
  'certificate-refused',
  'bad-request',
]);

/** Which rule a failure of a target is retried by. */
export function retryClass(code: ErrorCode): RetryClass {
  return REFUSALS.has(code) ? 'refused' : 'network';
}

const JITTER = 0.2;

/** Pause after failure n in a row (from 1), in ms: doubled each time, 20 % up or down as random (0 to 1) says. */
export function retryPauseMs(rule: RetryRule, failures: number, random: number): number {
  const plain = Math.min(rule.firstSeconds * 2 ** Math.min(failures - 1, 20), rule.maxSeconds) * 1000;
  return Math.round(plain * (1 - JITTER + 2 * JITTER * random));
}

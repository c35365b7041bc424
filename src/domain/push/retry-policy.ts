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

/** Codes that a server also gives while it still holds a lost session of ours. */
const HELD: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['app-refused', 'key-refused']);
/** Such a server is asked this often, to be there when it lets go. */
const HELD_PAUSE_MS = 2000;

export interface Failure {
  readonly code: ErrorCode;
  /** Attempts that failed of its class, this one included, since the target last took the stream; 0 for a lost session. */
  readonly failures: number;
  /** The key was good not long ago. */
  readonly isProved: boolean;
}

/** Wait and try again, or stay so until somebody asks. */
export type RetryPlan =
  | { readonly next: 'wait'; readonly pauseMs: number }
  | { readonly next: 'refused' | 'failed' };

/** What follows a failure; `random` (0 to 1) is for the jitter. */
export function planRetry(policy: RetryPolicy, failure: Failure, random: number): RetryPlan {
  const { code, failures, isProved } = failure;
  // No attempt can mend our own configuration.
  if (code === 'bad-request') return { next: 'refused' };
  const kind = retryClass(code);
  const rule = policy[kind];
  const pauseMs = retryPauseMs(rule, Math.max(1, failures), random);
  if (isProved && HELD.has(code)) return { next: 'wait', pauseMs: Math.min(pauseMs, HELD_PAUSE_MS) };
  if (rule.attempts === null || failures < rule.attempts) return { next: 'wait', pauseMs };
  return { next: kind === 'refused' ? 'refused' : 'failed' };
}

import type { ErrorCode } from '../../domain/errors.ts';
import {
  DEFAULT_RETRY,
  planRetry,
  type RetryPlan,
  type RetryPolicy,
  retryClass,
} from '../../domain/push/retry-policy.ts';

export interface RetriesOptions {
  readonly policy: RetryPolicy | undefined;
  /** The key was good in an earlier run. */
  readonly proved: boolean;
  /** 0 to 1. */
  readonly random: () => number;
  /** The pause is over. */
  readonly onDue: () => void;
}

/** Counts a target's attempts and waits between them. */
export interface Retries {
  /** Since the target last took the stream. */
  attempt(): number;
  /** Unix ms. */
  nextRetryAt(): number | null;
  /** The key was good, now or in an earlier run. */
  isProved(): boolean;
  attemptBegins(): void;
  /** After `wait` the pause runs. */
  failed(code: ErrorCode): RetryPlan['next'];
  /** The target took the stream for a while: what failed before counts no more. */
  proved(): void;
  /** Counts begin anew. */
  forgive(): void;
  cancel(): void;
  /** A pause that is longer than the new rules' is cut. */
  setPolicy(policy: RetryPolicy | undefined): void;
}

const NO_FAILURES = { network: 0, refused: 0 };
/** A server has noticed long before that a lost session is lost: from then on a refusal is a refusal. */
const HELD_MS = 10 * 60_000;

export function createRetries(options: RetriesOptions): Retries {
  let policy = options.policy ?? DEFAULT_RETRY;
  let attempt = 0;
  let failures = NO_FAILURES;
  let provedAt = options.proved ? Date.now() : null;
  let lastCode: ErrorCode = 'internal';
  let nextRetryAt: number | null = null;
  let timer: NodeJS.Timeout | undefined;

  function plan(): RetryPlan {
    const isProved = provedAt !== null && Date.now() - provedAt < HELD_MS;
    const failure = { code: lastCode, failures: failures[retryClass(lastCode)], isProved };
    return planRetry(policy, failure, options.random());
  }

  function cancel(): void {
    clearTimeout(timer);
    nextRetryAt = null;
  }

  function wait(pauseMs: number): void {
    cancel();
    nextRetryAt = Date.now() + pauseMs;
    timer = setTimeout(() => {
      nextRetryAt = null;
      options.onDue();
    }, pauseMs);
  }

  return {
    attempt: () => attempt,
    nextRetryAt: () => nextRetryAt,
    isProved: () => provedAt !== null,
    attemptBegins() {
      cancel();
      attempt += 1;
    },
    failed(code) {
      lastCode = code;
      const kind = retryClass(code);
      // The loss of a session that was good is no failed attempt.
      if (attempt > 0) failures = { ...failures, [kind]: failures[kind] + 1 };
      const next = plan();
      if (next.next === 'wait') wait(next.pauseMs);
      return next.next;
    },
    proved() {
      provedAt = Date.now();
      attempt = 0;
      failures = NO_FAILURES;
    },
    forgive() {
      attempt = 0;
      failures = NO_FAILURES;
    },
    cancel,
    setPolicy(next) {
      policy = next ?? DEFAULT_RETRY;
      if (nextRetryAt === null) return;
      const again = plan();
      if (again.next === 'wait' && Date.now() + again.pauseMs < nextRetryAt) wait(again.pauseMs);
    },
  };
}

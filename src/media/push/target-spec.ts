import type { TargetState, TargetStatus } from '../../domain/job.ts';
import type { PlatformName } from '../../domain/push/platform.ts';
import type { RetryPolicy } from '../../domain/push/retry-policy.ts';
import type { Secret } from '../../domain/secret.ts';

export interface TargetSpec {
  readonly id: string;
  readonly url: Secret;
  /** Key hidden. */
  readonly shownUrl: string;
  /** Merge window of this target, 0 to 350 ms; the run's own without it. */
  readonly mergeMs?: number;
  readonly platform?: PlatformName;
  /** DEFAULT_RETRY without it. */
  readonly retry?: RetryPolicy;
  /** Kept off the air until a spec without it comes. */
  readonly paused?: boolean;
  /** An earlier run was live there: a refusal means that the server still holds that run's session. */
  readonly proved?: boolean;
}

/** A target went from one state to another. */
export interface TargetChange {
  readonly targetId: string;
  /** Key hidden. */
  readonly url: string;
  readonly from: TargetState;
  readonly to: TargetState;
  readonly attempt: number;
  readonly nextRetryAt: number | null;
  /** Why, when something went wrong; else null. */
  readonly error: TargetStatus['lastError'];
}

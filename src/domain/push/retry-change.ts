import { GatewayError } from '../errors.ts';
import type { RetryPolicy } from './retry-policy.ts';

type RetryRule = RetryPolicy['network'];
type RuleChange = { readonly [K in keyof RetryRule]?: RetryRule[K] | undefined };

/** What of a policy is to be otherwise, field by field. */
export interface RetryChange {
  readonly network?: RuleChange | undefined;
  readonly refused?: RuleChange | undefined;
}

export const RETRY_LIMITS = {
  seconds: { min: 0.1, max: 86_400 },
  attempts: { min: 1, max: 1_000_000 },
} as const;

function changeRule(rule: RetryRule, change: RuleChange | undefined): RetryRule {
  const { firstSeconds = rule.firstSeconds, attempts = rule.attempts } = change ?? {};
  // Who asks for a longer first pause alone means at least that one.
  const maxSeconds = change?.maxSeconds ?? Math.max(rule.maxSeconds, firstSeconds);
  if (maxSeconds < firstSeconds) {
    throw new GatewayError(
      'bad-request',
      `retry: maxSeconds ${maxSeconds} is less than firstSeconds ${firstSeconds}`,
    );
  }
  return { firstSeconds, maxSeconds, attempts };
}

/** The policy with the changes, the later ones last; throws `bad-request` where the longest pause is the shorter one. */
export function changeRetry(
  policy: RetryPolicy,
  ...changes: readonly (RetryChange | undefined)[]
): RetryPolicy {
  return changes.reduce<RetryPolicy>(
    ({ network, refused }, change) => ({
      network: changeRule(network, change?.network),
      refused: changeRule(refused, change?.refused),
    }),
    policy,
  );
}

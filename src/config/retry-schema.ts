import { z } from 'zod';
import { RETRY_LIMITS } from '../domain/push/retry-change.ts';

const seconds = z.number().min(RETRY_LIMITS.seconds.min).max(RETRY_LIMITS.seconds.max);

const rule = z.strictObject({
  firstSeconds: seconds.optional().meta({ description: 'the first pause; each next one is twice as long' }),
  maxSeconds: seconds.optional().meta({ description: 'the longest pause' }),
  attempts: z
    .int()
    .min(RETRY_LIMITS.attempts.min)
    .max(RETRY_LIMITS.attempts.max)
    .nullable()
    .optional()
    .meta({ description: 'failures in a row after which the target waits for a retry; null: never' }),
});

/** How attempts follow one another, of an app and of a target; what is left out stays as it is. */
export const retrySchema = z.strictObject({
  network: rule.optional().meta({ description: 'the way there is broken' }),
  refused: rule.optional().meta({ description: 'the server was reached and says no' }),
});

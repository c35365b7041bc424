import { z } from 'zod';
import { retrySchema } from '../../config/retry-schema.ts';
import { TARGET_STATES } from '../../domain/job.ts';
import { PLATFORM_NAMES } from '../../domain/push/platform.ts';
import { MAX_MERGE_MS, MAX_TARGETS } from '../../domain/push/target-rules.ts';

const MAX_URL_CHARS = 2048;

const urlSchema = z
  .string()
  .min(1)
  .max(MAX_URL_CHARS)
  .meta({ description: 'rtmp[s]://[user:password@]host[:port]/app/key, or youtube:KEY and the like' });

const mergeMs = z
  .int()
  .min(0)
  .max(MAX_MERGE_MS)
  .exactOptional()
  .meta({ description: 'packets of this many ms go out as one write; 100 by default' });
const retry = retrySchema.exactOptional().meta({
  description: "how it is retried; else as the app's `retry` in apps.json says, else as by default",
});

const targetObject = z.strictObject({
  url: urlSchema,
  platform: z
    .enum(PLATFORM_NAMES)
    .exactOptional()
    .meta({ description: 'whose limits the stream is held against, where the URL does not say so' }),
  mergeMs,
  retry,
  paused: z.boolean().exactOptional().meta({ description: 'kept off the air until it is resumed' }),
});

/** A target as a start or a change asks for it. */
export const targetSchema = z.union([urlSchema, targetObject], {
  error: ({ input }) => {
    if (typeof input !== 'object' || input === null) return 'a target is a push URL, or an object with one';
    const issue = targetObject.safeParse(input).error?.issues[0];
    return issue ? [...issue.path.map(String), issue.message].join(': ') : 'is no target';
  },
});
export type TargetRequest = z.output<typeof targetSchema>;

/** A target that is there: by its id or its URL. */
const presentTarget = z.string().min(1).max(MAX_URL_CHARS).meta({
  description: 'a target of the task: its id, or its URL, whole or as it is shown',
});

/** What a change of a relay says of its targets. */
export const targetChangeFields = {
  add: z.array(targetSchema).max(MAX_TARGETS).default([]),
  remove: z.array(presentTarget).max(MAX_TARGETS).default([]),
  replace: z
    .array(z.strictObject({ from: presentTarget, to: targetSchema }))
    .max(MAX_TARGETS)
    .default([])
    .meta({
      description: '`to` gets what `from` has of mergeMs, retry and paused, where it does not say otherwise',
    }),
  change: z
    .array(z.strictObject({ target: presentTarget, mergeMs, retry }))
    .max(MAX_TARGETS)
    .default([])
    .meta({ description: 'how targets are pushed from now on; their sessions go on' }),
};
export type TargetChangeBody = z.output<z.ZodObject<typeof targetChangeFields>>;

export const namedTargetSchema = z.strictObject({ url: presentTarget });
export const retryRelaySchema = z.strictObject({
  url: presentTarget.optional().meta({ description: 'left out: every target that waits' }),
});

export const warningsAnswer = z
  .array(z.strictObject({ url: z.string(), message: z.string() }))
  .optional()
  .meta({ description: 'what of the programme breaks a known limit of the platform of a target' });

export const targetAnswer = z.strictObject({
  url: z.string().meta({ description: 'its key is hidden' }),
  state: z.enum(TARGET_STATES),
  attempt: z.int(),
  nextRetryAt: z.number().nullable().meta({ description: 'unix ms' }),
  lastError: z.strictObject({ code: z.string(), message: z.string(), at: z.number() }).nullable(),
  bytes: z.number().meta({ description: 'taken by the target' }),
  id: z.string().meta({ description: 'names the target without its URL' }),
  kbps: z.number().meta({ description: 'taken by the target over the last 5 s' }),
  takenBy: z.enum(['peer', 'kernel']).nullable().meta({
    description: 'how bytes is known: acknowledged by the peer, or gone beyond the buffers here',
  }),
  lagMs: z.number().meta({ description: 'media sent and not known to be taken' }),
  droppedFrames: z.int(),
  reconnects: z.int(),
  onAirMs: z.number().meta({ description: 'live or degraded, all sessions together' }),
  warnings: z
    .array(z.string())
    .meta({ description: 'what of the stream breaks a known limit of the platform' }),
});

export const checkRelaySchema = z.strictObject({ url: urlSchema });

export const checkAnswer = z.strictObject({
  url: z.string().meta({ description: 'its key is hidden' }),
  ok: z.boolean(),
  steps: z
    .array(z.strictObject({ step: z.string(), ok: z.boolean(), ms: z.number() }))
    .meta({ description: 'name, tcp, tls, handshake, connect, publish, up to the one that failed' }),
  error: z
    .strictObject({ code: z.string(), message: z.string(), advice: z.string() })
    .nullable()
    .meta({ description: 'what is wrong, and what to do' }),
  limits: z.array(z.string()).meta({ description: 'what the platform is known to take' }),
});

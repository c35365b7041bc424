import { z } from 'zod';
import { GRACE_SECONDS, IDLE_SECONDS } from '../../domain/new-task.ts';
import { MAX_TARGETS } from '../../domain/push/target-rules.ts';
import { roomSchema, userSchema } from './basic-schemas.ts';
import { mixEventAnswer, pushEventAnswer } from './event-schemas.ts';
import { changesProgramme } from './programme-json.ts';
import { type ProgrammeFields, programmeAnswer, programmeFields } from './programme-schema.ts';
import { targetAnswer, targetChangeFields, targetSchema, warningsAnswer } from './target-schema.ts';

const MAX_RECORDING_MS = 30 * 24 * 3_600_000;

const appSchema = z
  .int()
  .positive()
  .optional()
  .meta({ description: 'may be left out when there is one app' });
const idleSchema = z
  .int()
  .min(IDLE_SECONDS.min)
  .max(IDLE_SECONDS.max)
  .default(IDLE_SECONDS.default)
  .meta({ description: 'seconds without a publisher after which the task ends by itself' });

const graceSchema = z
  .int()
  .min(GRACE_SECONDS.min)
  .max(GRACE_SECONDS.max)
  .default(GRACE_SECONDS.default)
  .meta({
    description:
      'seconds for which the sessions at the targets stay open while the stream behind them is away',
  });

const singleSchema = z.strictObject({ userId: userSchema, stream: z.enum(['main', 'aux']).default('main') });

/** What a relay and a recording say about their source. */
const sourceFields = {
  sdkAppId: appSchema,
  room: roomSchema,
  single: singleSchema
    .optional()
    .meta({ description: 'copy this stream as it is instead of mixing the room' }),
  ...programmeFields,
  maxIdleSeconds: idleSchema,
};

const MIXED_ONLY =
  'layout, video and whatever else belongs to a mix, and agentUserId, cannot be given with single';

interface MaybeMixed extends ProgrammeFields {
  readonly single?: unknown;
  readonly agentUserId?: unknown;
}

function isMixOrCopy(body: MaybeMixed): boolean {
  return body.single === undefined || !(body.agentUserId !== undefined || changesProgramme(body));
}

export const startRelaySchema = z
  .strictObject({
    ...sourceFields,
    agentUserId: userSchema.optional().meta({ description: 'the user as whom the mix is published' }),
    targets: z.array(targetSchema).min(1).max(MAX_TARGETS),
    graceSeconds: graceSchema,
  })
  .refine(isMixOrCopy, { error: MIXED_ONLY });

const sequenceNumber = z.int().min(0).optional().meta({
  description:
    'grows with each change of a task whose caller numbers them: one that is not above the last is refused as a conflict and changes nothing',
});

const NOTHING =
  'nothing to change: give a target to add, remove, replace or change, a layout or another part of the programme';

export const changeRelaySchema = z
  .strictObject({
    ...targetChangeFields,
    ...programmeFields,
    sequenceNumber,
  })
  .refine(
    ({ add, remove, replace, change, ...body }) =>
      [add, remove, replace, change].some((list) => list.length > 0) || changesProgramme(body),
    { error: NOTHING },
  );

export const changeRecordingSchema = z
  .strictObject({ ...programmeFields, sequenceNumber })
  .refine(changesProgramme, { error: 'nothing to change: give a layout or another part of the programme' });

export const startRecordingSchema = z
  .strictObject({
    ...sourceFields,
    formats: z
      .array(z.enum(['mp4'], { error: 'this version records mp4 only' }))
      .min(1)
      .default(['mp4']),
    startAt: z.int().positive().optional().meta({ description: 'unix ms; at once when left out' }),
    durationMs: z.int().min(1000).max(MAX_RECORDING_MS).optional(),
  })
  .refine(isMixOrCopy, { error: MIXED_ONLY });

export const listQuerySchema = z.strictObject({
  all: z
    .enum(['true', 'false'])
    .optional()
    .meta({ description: 'true: also tasks that ended more than an hour ago' }),
});

export const taskAnswer = z.strictObject({ taskId: z.string() });
export const startedAnswer = z.strictObject({ taskId: z.string(), streamId: z.string() });
export const startedRelayAnswer = startedAnswer.extend({ warnings: warningsAnswer });
export const changedRelayAnswer = taskAnswer.extend({ warnings: warningsAnswer });

const roomAnswer = z.union([z.int(), z.string()]);

export const workersAnswer = z.array(
  z.strictObject({
    workerId: z.string(),
    cores: z.number(),
    spareCores: z.number().meta({ description: 'not used over the last 5 s and not set aside for a mix' }),
    mixes: z.int(),
    encoders: z.array(z.string()).meta({ description: 'H.264 and AAC encoders that work there' }),
    ffmpegVersion: z.string(),
    at: z.int().meta({ description: 'unix ms' }),
  }),
);

const autoField = z.boolean().meta({ description: "nobody asked for it: the app's settings did" });

export const relayAnswer = z.strictObject({
  taskId: z.string(),
  room: roomAnswer,
  state: z.enum(['starting', 'running', 'waiting', 'stopping', 'ended']),
  streamId: z.string(),
  auto: autoField,
  targets: z.array(targetAnswer),
});

const errorField = z.string().nullable().meta({ description: 'why it does not run, or failed' });

export const shownMixAnswer = z.strictObject({
  state: z.enum(['waiting', 'starting', 'running', 'restarting']),
  inputs: z.array(
    z.strictObject({
      streamId: z.string(),
      userId: z.string(),
      stream: z.enum(['main', 'aux']),
      state: z.enum(['connecting', 'live', 'stalled', 'placeholder']),
      width: z.int().meta({ description: 'as it is shown; 0 without a picture' }),
      height: z.int(),
      hasAudio: z.boolean(),
      volume: z.number().meta({ description: 'of the last second, 0 to 100' }),
    }),
  ),
  encoder: z
    .strictObject({
      starts: z.int(),
      framesOut: z.int(),
      framesDropped: z.int(),
      lateTicks: z.int(),
    })
    .nullable(),
  overloaded: z
    .strictObject({
      since: z.number().meta({ description: 'unix ms' }),
      droppedShare: z.number().meta({ description: 'of the pictures of the last ten seconds, 0 to 1' }),
      behindMs: z.number(),
      lateTicks: z.int(),
    })
    .nullable()
    .meta({
      description: 'pictures are left out, evenly, because the machine cannot keep up; sound never is',
    }),
  process: z
    .strictObject({ pid: z.int(), cpuSeconds: z.number(), rssBytes: z.number() })
    .nullable()
    .meta({ description: 'of the mix with its decoders and its encoder' }),
  events: z.array(mixEventAnswer).meta({
    description: 'the last 100 but who spoke, oldest first; what repeats itself gives way first',
  }),
});

const shownFields = {
  error: errorField,
  programme: programmeAnswer
    .nullable()
    .meta({ description: 'what is mixed, as a start takes it; null for a copy of one stream' }),
  sequenceNumber: z.int().nullable().meta({ description: 'of the last numbered change' }),
  mix: shownMixAnswer.nullable().meta({ description: 'null for a copy of one stream' }),
};

export const shownRelayAnswer = relayAnswer.extend({
  ...shownFields,
  push: z.strictObject({
    events: z.array(pushEventAnswer).meta({
      description: 'the last 100 of its targets, oldest first; what repeats itself gives way first',
    }),
  }),
});

export const recordingAnswer = z.strictObject({
  taskId: z.string(),
  room: roomAnswer,
  state: z.enum(['scheduled', 'waiting', 'recording', 'finalising', 'ready', 'failed', 'ended']),
  auto: autoField,
  files: z.array(
    z.strictObject({
      path: z.string(),
      userId: z.string().meta({ description: 'empty for a mix' }),
      durationMs: z.number(),
      bytes: z.number(),
      verdict: z.strictObject({ playable: z.boolean(), gaps: z.number(), secondsLost: z.number() }),
    }),
  ),
});

export const shownRecordingAnswer = recordingAnswer.extend({
  onAirMs: z
    .number()
    .nullable()
    .meta({ description: 'wall-clock time that was recorded; null until it is finished' }),
  ...shownFields,
});

export const playUrlAnswer = z.strictObject({
  streamId: z.string(),
  rtmp: z.string(),
  flv: z.string(),
  hls: z.string(),
  expiresAt: z.int().meta({ description: 'unix ms: end of the ticket in the URLs' }),
});

export const errorAnswer = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string() }),
});

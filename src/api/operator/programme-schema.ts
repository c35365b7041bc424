import { z } from 'zod';
import { MOST_INPUTS } from '../../domain/layout/box.ts';
import {
  AUDIO_CODECS,
  DEFAULT_PROGRAMME,
  RATE_CONTROLS,
  SAMPLE_RATES,
  WATERMARK_PLACES,
  X264_PRESETS,
} from '../../domain/programme.ts';
import { COLOR, COLOR_WITH_ALPHA, LIMITS, SEI_UUID, TIME_ZONE_STEP } from '../../domain/programme-limits.ts';
import type { Range } from '../../domain/rule.ts';
import { urlOfPicture, userSchema } from './basic-schemas.ts';
import { layoutSchema, roomUserFields, wholeLayoutSchema } from './layout-schema.ts';

const { video: VIDEO, audio: AUDIO, background: BACKGROUND } = DEFAULT_PROGRAMME;

const whole = ({ min, max }: Range) => z.int().min(min).max(max);
const by = (value: string | number) => ({ description: `${value} by default` });

const side = whole(LIMITS.side).multipleOf(2, { error: 'a side of the picture is an even number of pixels' });
const color = z.string().regex(COLOR, { error: 'a colour is like #101418' });
const colorWithAlpha = z
  .string()
  .regex(COLOR_WITH_ALPHA, { error: 'a colour is like #ffffff, or #ffffff80 for one half transparent' });

const videoSchema = z.strictObject({
  width: side.exactOptional().meta(by(VIDEO.width)),
  height: side.exactOptional().meta(by(VIDEO.height)),
  fps: whole(LIMITS.fps).exactOptional().meta(by(VIDEO.fps)),
  bitrateKbps: whole(LIMITS.videoKbps).exactOptional().meta(by(VIDEO.bitrateKbps)),
  gopSeconds: whole(LIMITS.recordingGopSeconds)
    .exactOptional()
    .meta({
      description: `from one key frame to the next, at most 5 for a relay; ${VIDEO.gopSeconds} by default`,
    }),
  preset: z
    .enum(X264_PRESETS)
    .exactOptional()
    .meta({ description: 'of libx264, hardware encoders have their own; veryfast by default' }),
  rateControl: z
    .enum(RATE_CONTROLS)
    .exactOptional()
    .meta({ description: 'cbr never exceeds the bitrate, vbr keeps it on average; cbr by default' }),
});

const audioSchema = z.strictObject({
  bitrateKbps: whole(LIMITS.audioKbps).exactOptional().meta(by(AUDIO.bitrateKbps)),
  sampleRate: z.literal(SAMPLE_RATES).exactOptional().meta(by(SAMPLE_RATES[0])),
  channels: z.literal([1, 2]).exactOptional().meta(by(2)),
  codec: z
    .enum(AUDIO_CODECS)
    .exactOptional()
    .meta({ description: 'he-aac and he-aac-v2 need an FFmpeg that encodes them; aac-lc by default' }),
});

const backgroundPictureSchema = z
  .strictObject({
    url: urlOfPicture,
    renderMode: z.enum(['crop', 'fit', 'stretch']).exactOptional().meta(by('stretch')),
  })
  .meta({ description: 'over the background colour, under everything else' });

const zOrder = whole(LIMITS.zOrder)
  .exactOptional()
  .meta({ description: 'as of cells; of equal ones a watermark lies above a cell; 0 by default' });
const place = {
  x: whole(LIMITS.watermarkPlace),
  y: whole(LIMITS.watermarkPlace),
  width: whole(LIMITS.watermarkSide),
  height: whole(LIMITS.watermarkSide),
  zOrder,
};
const fontSize = whole(LIMITS.fontSize).meta({ description: 'pixels' });
const fontColor = colorWithAlpha
  .exactOptional()
  .meta({ description: '#rrggbb or #rrggbbaa; white by default' });

const watermarkSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('picture'), url: urlOfPicture, ...place }),
  z.strictObject({
    type: z.literal('text'),
    text: z.string().min(1).max(LIMITS.watermarkText).meta({ description: 'in any script' }),
    fontSize,
    color: fontColor,
    background: colorWithAlpha.exactOptional().meta({ description: 'none by default' }),
    ...place,
  }),
  z.strictObject({
    type: z.literal('timestamp'),
    place: z.enum(WATERMARK_PLACES),
    timeZone: z
      .number()
      .min(LIMITS.timeZone.min)
      .max(LIMITS.timeZone.max)
      .multipleOf(TIME_ZONE_STEP)
      .meta({ description: 'hours from UTC, in quarters' }),
    fontSize: fontSize.exactOptional().meta({ description: 'pixels; by default a twentieth of the height' }),
    color: fontColor,
    zOrder,
  }),
]);

const users = z.array(z.strictObject(roomUserFields)).max(LIMITS.users).exactOptional();
const soundSchema = z
  .strictObject({
    allow: users.meta({ description: 'only these are heard; everyone when left out or empty' }),
    block: users.meta({ description: 'these are not heard, also when they are allowed' }),
    levels: z
      .array(z.strictObject({ ...roomUserFields, level: whole(LIMITS.level) }))
      .max(LIMITS.users)
      .exactOptional()
      .meta({ description: 'how loud these are; 100 leaves the sound as it is' }),
  })
  .meta({
    description: 'whose sound is mixed; in a change a list that is left out stays, an empty one is cleared',
  });

const payloadType = whole(LIMITS.seiType).meta({ description: 'not 244' });
const times = {
  intervalMs: whole(LIMITS.seiIntervalMs),
  followIdr: z.boolean().exactOptional().meta({ description: 'on each key frame besides' }),
};
const seiSchema = z
  .strictObject({
    layoutVolume: z
      .strictObject({
        payloadType,
        ...times,
        appData: z.string().max(LIMITS.seiChars).exactOptional(),
      })
      .exactOptional()
      .meta({ description: 'JSON of who stands where and how loud everyone is' }),
    passThrough: z
      .strictObject({
        payloadType: z.union([z.literal(5), payloadType], {
          error: 'a payload type is 5, or 100 to 254 but 244',
        }),
        ...times,
        content: z.string().min(1).max(LIMITS.seiChars),
        uuid: z
          .string()
          .regex(SEI_UUID, { error: 'a uuid has 32 hexadecimal digits' })
          .exactOptional()
          .meta({ description: 'for payload type 5 only' }),
      })
      .exactOptional()
      .meta({ description: 'a text of your own' }),
  })
  .meta({ description: 'messages in the H.264 stream' });

/** Everything a caller can say about a programme; null takes away what is optional, and the video. */
export const programmeFields = {
  layout: layoutSchema
    .optional()
    .meta({ description: 'a name keeps what else the layout says, an object is all of it; grid by default' }),
  main: userSchema.optional().meta({ description: 'user of the big picture, in floating and share' }),
  video: z
    .union([videoSchema, z.literal('none'), z.null()], { error: (issue) => problemOfVideo(issue.input) })
    .optional()
    .meta({ description: 'field by field; null or "none": sound only' }),
  audio: audioSchema.optional().meta({ description: 'fixed while it runs' }),
  background: color.optional().meta(by(BACKGROUND)),
  backgroundPicture: backgroundPictureSchema.nullable().optional(),
  placeholder: urlOfPicture
    .nullable()
    .optional()
    .meta({ description: 'URL of the picture for cells that have none and name none of their own' }),
  watermarks: z.array(watermarkSchema).max(LIMITS.watermarks).nullable().optional(),
  sound: soundSchema.nullable().optional(),
  sei: seiSchema.nullable().optional(),
  maxInputs: z
    .int()
    .min(1)
    .max(MOST_INPUTS)
    .nullable()
    .optional()
    .meta({ description: 'pictures mixed at most; 16 by default, more for recordings only' }),
} as const;

export type ProgrammeFields = { [K in keyof typeof programmeFields]?: z.output<(typeof programmeFields)[K]> };

export const PROGRAMME_FIELDS = Object.keys(programmeFields) as readonly (keyof ProgrammeFields)[];

/** A file of them, as `--programme` reads it. */
export const programmeSchema = z.strictObject(programmeFields);

/** A programme as it is told: in the form that a start takes, so that it can be given to one. */
export const programmeAnswer = z.strictObject({
  video: videoSchema
    .required()
    .extend({
      preset: videoSchema.shape.preset,
      rateControl: videoSchema.shape.rateControl,
    })
    .nullable(),
  audio: audioSchema.extend({ bitrateKbps: whole(LIMITS.audioKbps) }),
  layout: wholeLayoutSchema,
  background: color,
  backgroundPicture: backgroundPictureSchema.exactOptional(),
  placeholder: urlOfPicture.exactOptional(),
  watermarks: z.array(watermarkSchema).exactOptional(),
  sound: soundSchema.exactOptional(),
  sei: seiSchema.exactOptional(),
  maxInputs: z.int().exactOptional(),
});

export type ProgrammeJson = z.output<typeof programmeAnswer>;

function problemOfVideo(input: unknown): string {
  const issue = typeof input === 'object' ? videoSchema.safeParse(input).error?.issues[0] : undefined;
  if (issue === undefined) return 'the video is an object, or none';
  return `${issue.path.map(String).join('.')}: ${issue.message}`;
}

import { z } from 'zod';
import {
  type AutoRecord,
  type AutoRelay,
  fillDestination,
  isPlaceholder,
  placeholdersOf,
} from '../domain/auto-tasks.ts';
import { toGatewayError } from '../domain/errors.ts';
import { IDLE_SECONDS } from '../domain/new-task.ts';
import { DEFAULT_PROGRAMME, type ProgrammeSpec } from '../domain/programme.ts';
import { defined, startProgramme } from '../domain/programme-change.ts';
import { checkProgramme } from '../domain/programme-rules.ts';
import { readDestination } from '../domain/push/platforms.ts';
import { MAX_TARGETS } from '../domain/push/target-rules.ts';
import { Secret } from '../domain/secret.ts';

const SIZE = /^(\d{1,4})x(\d{1,4})$/;
const MAX_ROOMS = 1000;
/** What placeholders are filled with to see whether a destination is one. */
const SAMPLE = {
  room: { kind: 'number', value: 1001 },
  userId: 'user',
  streamId: '1400000001_1001_user_main',
} as const;

const roomPattern = z.string().min(1).max(64);
const rooms = z
  .union(
    [roomPattern, z.array(roomPattern).min(1).max(MAX_ROOMS)],
    'is a room id or a list of them; * is any text',
  )
  .default('*')
  .transform((value) => (typeof value === 'string' ? [value] : value));
const maxIdleSeconds = z.int().min(IDLE_SECONDS.min).max(IDLE_SECONDS.max).default(IDLE_SECONDS.default);

/** Says nothing of the text, which holds a key. */
function problemOfDestination(template: string): string | null {
  const unknown = placeholdersOf(template).find((name) => !isPlaceholder(name));
  if (unknown !== undefined) return 'has the placeholders {roomId}, {userId} and {streamId} only';
  try {
    readDestination(fillDestination(template, SAMPLE));
    return null;
  } catch (error) {
    return toGatewayError(error).message;
  }
}

const destination = z.string().superRefine((template, context) => {
  const message = problemOfDestination(template);
  if (message !== null) context.addIssue({ code: 'custom', message });
});

const relayFields = z.strictObject({
  of: z.enum(['stream', 'mix']),
  to: z.array(destination).min(1).max(MAX_TARGETS),
  layout: z.enum(['grid', 'floating', 'share']).exactOptional(),
  size: z.string().regex(SIZE, 'is like 1280x720').exactOptional(),
  fps: z.int().exactOptional(),
  bitrateKbps: z.int().exactOptional(),
  rooms,
  maxIdleSeconds,
});
type RelayFields = z.output<typeof relayFields>;

function programmeOf({ layout, size, fps, bitrateKbps }: RelayFields): ProgrammeSpec {
  const [, width, height] = SIZE.exec(size ?? '') ?? [];
  const sides = width === undefined ? {} : { width: Number(width), height: Number(height) };
  return startProgramme({ layout, video: { ...sides, ...defined({ fps, bitrateKbps }) } });
}

/** One address for what may be several streams at once would have each of them push the others out. */
function problemOfAddress({ of, rooms: patterns }: RelayFields, template: string): string | null {
  const used = placeholdersOf(template);
  if (of === 'stream') {
    return used.includes('streamId') || used.includes('userId')
      ? null
      : 'needs {streamId} or {userId}: every stream would go to the same address';
  }
  const isOneRoom = patterns.length === 1 && !patterns[0]?.includes('*');
  return isOneRoom || used.includes('streamId') || used.includes('roomId')
    ? null
    : 'needs {roomId} or {streamId}: the mixes of all rooms would go to the same address';
}

function checkRelay(fields: RelayFields, context: z.RefinementCtx): void {
  const say = (path: (string | number)[], message: string) =>
    context.addIssue({ code: 'custom', path, message });
  const templates = fields.to;
  for (const [index, template] of templates.entries()) {
    const problem = problemOfAddress(fields, template);
    if (problem !== null) say(['to', index], problem);
    if (templates.indexOf(template) < index) say(['to', index], 'is there twice');
  }
  const ofMix = ['layout', 'size', 'fps', 'bitrateKbps'] as const;
  for (const name of fields.of === 'stream' ? ofMix : []) {
    if (fields[name] !== undefined) say([name], 'is there for a mix only: a stream is pushed as it is');
  }
  try {
    checkProgramme(programmeOf(fields), 'relay');
  } catch (error) {
    say([], toGatewayError(error).message);
  }
}

/** `autoRelay` of an app. */
export const autoRelaySchema = relayFields.superRefine(checkRelay).transform(
  (fields): AutoRelay => ({
    of: fields.of,
    to: fields.to.map((template) => new Secret(template)),
    programme: programmeOf(fields),
    rooms: fields.rooms,
    maxIdleSeconds: fields.maxIdleSeconds,
  }),
);

/** `autoRecord` of an app. */
export const autoRecordSchema = z
  .strictObject({
    mode: z.enum(['mixed', 'single']),
    formats: z
      .array(z.enum(['mp4'], { error: 'this version records mp4 only' }))
      .min(1)
      .default(['mp4'])
      .transform((formats) => [...new Set(formats)]),
    rooms,
    maxIdleSeconds,
  })
  .transform((fields): AutoRecord => ({ ...fields, programme: DEFAULT_PROGRAMME }));

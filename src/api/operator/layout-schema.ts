import { z } from 'zod';
import { MOST_INPUTS } from '../../domain/layout/box.ts';
import { RENDER_MODES } from '../../domain/layout/spec.ts';
import { LIMITS } from '../../domain/programme-limits.ts';
import { roomSchema, urlOfPicture, userSchema } from './basic-schemas.ts';

const stream = z.enum(['main', 'aux']).meta({ description: 'main: the camera, aux: the screen' });
const renderMode = z.enum(RENDER_MODES).exactOptional().meta({
  description:
    'how a picture gets the shape of its cell: cut (crop), whole with black margins (fit) or with the background around it (fit-background), or stretched; by default small pictures are cut and a shared screen is shown whole',
});
const dynamic = {
  renderMode,
  holdAudioOnly: z
    .boolean()
    .exactOptional()
    .meta({ description: 'users without video keep a cell; by default they are only heard' }),
};
const main = z
  .strictObject({ userId: userSchema, stream: stream.exactOptional() })
  .exactOptional()
  .meta({ description: 'the big picture; without a stream: the screen when sharing, else the camera' });
const pixels = z.int().min(0).max(LIMITS.side.max);
const cropPixels = z.int().min(0).max(LIMITS.cropEdge);

/** A user of the task's room, or of another one. */
export const roomUserFields = {
  userId: userSchema,
  room: roomSchema.exactOptional().meta({ description: "another room of the app; the task's by default" }),
};

const cell = z.strictObject({
  x: pixels,
  y: pixels,
  width: pixels.min(2),
  height: pixels.min(2),
  zOrder: z
    .int()
    .min(LIMITS.zOrder.min)
    .max(LIMITS.zOrder.max)
    .exactOptional()
    .meta({ description: 'a higher one lies above, of equal ones the later; 0 by default' }),
  renderMode,
  source: z
    .strictObject({ ...roomUserFields, stream: stream.default('main') })
    .exactOptional()
    .meta({ description: 'the one stream it is for; by default the next in order of entry' }),
  crop: z
    .strictObject({ x: cropPixels, y: cropPixels, width: cropPixels.min(1), height: cropPixels.min(1) })
    .exactOptional()
    .meta({ description: "the part of the source's picture that is shown, in its own pixels" }),
  placeholder: urlOfPicture
    .exactOptional()
    .meta({ description: 'picture shown while there is none of the source' }),
  opacity: z
    .number()
    .min(LIMITS.opacity.min)
    .max(LIMITS.opacity.max)
    .exactOptional()
    .meta({ description: '1, opaque, by default' }),
});

export const wholeLayoutSchema = z.discriminatedUnion('mode', [
  z.strictObject({ mode: z.literal('grid'), ...dynamic }),
  z.strictObject({ mode: z.literal('floating'), main, ...dynamic }),
  z.strictObject({
    mode: z.literal('share'),
    main,
    mainSide: z
      .enum(['left', 'right'])
      .exactOptional()
      .meta({ description: 'side of the big picture; left by default' }),
    ...dynamic,
  }),
  z
    .strictObject({ mode: z.literal('custom'), cells: z.array(cell).min(1).max(MOST_INPUTS) })
    .meta({ description: 'cells as given; who has none is neither seen nor heard' }),
]);

/** A name keeps what else the present layout says; an object is the whole layout. */
export const layoutSchema = z.union([z.enum(['grid', 'floating', 'share']), wholeLayoutSchema], {
  error: (issue) => problemOf(issue.input),
});

/** What is wrong with a layout that is none of them: the fault within the one it wants to be, if it names it. */
function problemOf(input: unknown): string {
  const known = typeof input === 'object' && input !== null && 'mode' in input;
  const issue = known ? wholeLayoutSchema.safeParse(input).error?.issues[0] : undefined;
  if (issue === undefined || issue.code === 'invalid_union') {
    return 'a layout is grid, floating or share, or an object with one of these modes or custom';
  }
  return `${issue.path.map(String).join('.')}: ${issue.message}`;
}

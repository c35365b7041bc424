import { z } from 'zod';
import { MAX_INPUTS } from '../../domain/layout/box.ts';
import type { LayoutRequest } from '../../domain/layout/change.ts';
import { type LayoutSpec, RENDER_MODES } from '../../domain/layout/spec.ts';

const MAX_USER_CHARS = 32;
const MAX_SIDE = 1920;
const MAX_Z_ORDER = 100;

const user = z.string().min(1).max(MAX_USER_CHARS);
const stream = z.enum(['main', 'aux']);
const renderMode = z.enum(RENDER_MODES).exactOptional();
const dynamic = {
  renderMode,
  holdAudioOnly: z
    .boolean()
    .exactOptional()
    .meta({ description: 'users without video keep a cell; by default they are only heard' }),
};
const main = z
  .strictObject({ userId: user, stream: stream.exactOptional() })
  .exactOptional()
  .meta({ description: 'the big picture; without a stream: the screen when sharing, else the camera' });
const pixels = z.int().min(0).max(MAX_SIDE);

const cell = z.strictObject({
  x: pixels,
  y: pixels,
  width: pixels.min(2),
  height: pixels.min(2),
  zOrder: z.int().min(0).max(MAX_Z_ORDER).exactOptional().meta({ description: 'a higher one lies above' }),
  renderMode,
  source: z
    .strictObject({ userId: user, stream: stream.default('main') })
    .exactOptional()
    .meta({ description: 'the one stream it is for; by default the next in order of entry' }),
});

const whole = z.discriminatedUnion('mode', [
  z.strictObject({ mode: z.literal('grid'), ...dynamic }),
  z.strictObject({ mode: z.literal('floating'), main, ...dynamic }),
  z.strictObject({
    mode: z.literal('share'),
    main,
    mainSide: z.enum(['left', 'right']).exactOptional(),
    ...dynamic,
  }),
  z.strictObject({ mode: z.literal('custom'), cells: z.array(cell).min(1).max(MAX_INPUTS) }),
]);

/** A name keeps what else the present layout says; an object is the whole layout. */
export const layoutSchema = z.union([z.enum(['grid', 'floating', 'share']), whole], {
  error: 'a layout is grid, floating or share, or an object with one of these modes or custom',
});

export const mainSchema = user.meta({ description: 'user of the big picture, in floating and share' });

interface LayoutFields {
  readonly layout?: z.output<typeof layoutSchema> | undefined;
  readonly main?: string | undefined;
}

/** The part of a request that is about the layout. */
export function layoutRequest({ layout, main: mainUser }: LayoutFields): LayoutRequest {
  const asked: LayoutSpec | 'grid' | 'floating' | 'share' | undefined = layout;
  return { layout: asked, main: mainUser };
}

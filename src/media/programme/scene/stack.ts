import { type Box, type CanvasSize, evenBox, type LayoutBox } from '../../../domain/layout/box.ts';
import { layOut } from '../../../domain/layout/layout.ts';
import type { ProgrammeSpec, TimestampWatermark, Watermark } from '../../../domain/programme.ts';
import { parseColor, type YuvColor } from '../../canvas/canvas.ts';
import type { PictureSlot, PictureWish } from '../../pictures/picture-store.ts';
import type { ProgrammeInput } from '../input/input.ts';
import type { PresentInput } from '../input/input-set.ts';

/** An input as far as it is looked at. */
export type SceneInput = Pick<
  ProgrammeInput,
  'ref' | 'isAudioOnly' | 'prepare' | 'isReady' | 'commit' | 'pictureAt'
>;

/** What should be shown: inputs in order of entry. */
export interface SceneWish {
  readonly programme: ProgrammeSpec;
  readonly inputs: readonly (Pick<PresentInput, 'blocked'> & { readonly input: SceneInput })[];
}

/** A place of the layout, with who stands in it and what stands for them while they have no picture. */
export interface CellPiece {
  readonly type: 'cell';
  readonly key: string;
  readonly box: LayoutBox;
  readonly present: SceneWish['inputs'][number] | null;
  readonly placeholder: PictureSlot | null;
}

/** A picture of the box' size that is shown when it is there. */
export interface PicturePiece {
  readonly type: 'picture';
  readonly key: string;
  readonly box: Box;
  readonly slot: PictureSlot;
}

export interface TimePiece {
  readonly type: 'time';
  readonly key: string;
  readonly watermark: TimestampWatermark;
  readonly glyphs: PictureSlot;
}

/** The colour of the whole canvas. */
export interface GroundPiece {
  readonly type: 'ground';
  readonly key: string;
  readonly color: YuvColor;
}

export type Piece = GroundPiece | CellPiece | PicturePiece | TimePiece;

/** Gives the slot of a picture; all those asked for are opened together. */
type Ask = (wish: PictureWish) => PictureSlot;

interface Ranked {
  readonly zOrder: number;
  readonly piece: Piece;
}

/** A twentieth of the canvas' height, which reads well on a telephone. */
const TIME_HEIGHT = 1 / 20;
const MIN_TIME_SIZE = 4;

function placeholderOf({ width, height, renderMode, placeholder }: LayoutBox, ask: Ask): PictureSlot | null {
  return placeholder === undefined ? null : ask({ type: 'url', url: placeholder, width, height, renderMode });
}

function rankCells({ programme, inputs }: SceneWish, size: CanvasSize, nowMs: number, ask: Ask): Ranked[] {
  const candidates = inputs.map(({ input }) => ({ ...input.ref, audioOnly: input.isAudioOnly(nowMs) }));
  const byId = new Map(inputs.map((present) => [present.input.ref.streamId, present]));
  return layOut(programme.layout, candidates, size, programme).map((box, at) => ({
    zOrder: box.zOrder,
    piece: {
      type: 'cell',
      key: `cell ${box.streamId ?? at}`,
      box,
      present: byId.get(box.streamId ?? '') ?? null,
      placeholder: placeholderOf(box, ask),
    },
  }));
}

function watermarkPiece(watermark: Watermark, key: string, size: CanvasSize, ask: Ask): Piece | null {
  if (watermark.type === 'timestamp') {
    const fontSize = watermark.fontSize ?? Math.max(MIN_TIME_SIZE, Math.round(size.height * TIME_HEIGHT));
    return { type: 'time', key, watermark, glyphs: ask({ type: 'glyphs', fontSize }) };
  }
  const box = evenBox(watermark.x, watermark.y, watermark.width, watermark.height);
  const { width, height } = box;
  if (width === 0 || height === 0) return null;
  if (watermark.type === 'picture') {
    const { url } = watermark;
    return {
      type: 'picture',
      key,
      box,
      slot: ask({ type: 'url', url, width, height, renderMode: 'stretch' }),
    };
  }
  const { text, fontSize, background, color = '#ffffff' } = watermark;
  const look = { text, fontSize, color, ...(background === undefined ? {} : { background }) };
  return { type: 'picture', key, box, slot: ask({ type: 'text', width, height, ...look }) };
}

function rankWatermarks({ watermarks = [] }: ProgrammeSpec, size: CanvasSize, ask: Ask): Ranked[] {
  return watermarks.flatMap((watermark, at) => {
    const piece = watermarkPiece(watermark, `watermark ${at}`, size, ask);
    return piece ? [{ zOrder: watermark.zOrder ?? 0, piece }] : [];
  });
}

function backgroundPiece({ backgroundPicture }: ProgrammeSpec, size: CanvasSize, ask: Ask): Piece[] {
  if (!backgroundPicture) return [];
  const { url, renderMode = 'stretch' } = backgroundPicture;
  const box = { x: 0, y: 0, ...size };
  return [{ type: 'picture', key: 'background', box, slot: ask({ type: 'url', url, renderMode, ...size }) }];
}

export function groundPiece({ background }: Pick<ProgrammeSpec, 'background'>): GroundPiece {
  return { type: 'ground', key: 'ground', color: parseColor(background) };
}

/** All that is shown, from the background colour to the highest; of equal z-order watermarks lie above cells. */
export function stackUp(wish: SceneWish, size: CanvasSize, nowMs: number, ask: Ask): Piece[] {
  const { width, height } = size;
  const background = backgroundPiece(wish.programme, { width, height }, ask);
  const ranked = [...rankCells(wish, size, nowMs, ask), ...rankWatermarks(wish.programme, size, ask)];
  ranked.sort((a, b) => a.zOrder - b.zOrder);
  return [groundPiece(wish.programme), ...background, ...ranked.map(({ piece }) => piece)];
}

import type { Box, CanvasSize } from '../../../domain/layout/box.ts';
import type { TimestampWatermark } from '../../../domain/programme.ts';
import { FULL } from '../../canvas/blend.ts';
import { type Canvas, drawPicture, fillBox, scaleFrame, type YuvColor } from '../../canvas/canvas.ts';
import type { Frame } from '../../canvas/frame-pool.ts';
import { type Layer, without } from '../../canvas/layers.ts';
import type { Picture } from '../../canvas/picture.ts';
import { pictureBox } from '../../canvas/picture-box.ts';
import { createPlaceholders } from '../../canvas/placeholder.ts';
import { textPicture } from '../../pictures/text-picture.ts';
import {
  composeText,
  type GlyphStrip,
  measureStrip,
  placedAt,
  timestampText,
} from '../../pictures/timestamp.ts';
import type { CellPiece, Piece, TimePiece } from './stack.ts';

/** A layer that can draw a part of itself. */
export interface DrawnLayer extends Layer {
  draw(canvas: Canvas, clip: Box): void;
}

/** Turns what stands on the canvas into layers, as it looks at a moment. */
export interface Composer {
  /** From low to high. */
  layers(pieces: readonly Piece[], nowMs: number): DrawnLayer[];
}

export interface ComposerOptions {
  readonly canvas: CanvasSize;
  /** Unix ms at this time of the programme's clock. */
  readonly unixMs: (nowMs: number) => number;
}

interface Fill {
  readonly key: string;
  readonly box: Box;
  readonly color: YuvColor;
  readonly weight: number;
}

interface Shown {
  readonly key: string;
  readonly box: Box;
  readonly picture: Picture;
  readonly weight: number;
}

const BLACK: YuvColor = { y: 16, u: 128, v: 128 };

function fillLayer({ key, box, color, weight }: Fill): DrawnLayer {
  return {
    ...{ key, box, opaque: weight === FULL },
    stamp: box.width * 65_536 + box.height,
    draw: (canvas, clip) => fillBox(canvas, clip, color, weight),
  };
}

function groundLayer(key: string, box: Box, color: YuvColor): DrawnLayer {
  const stamp = (color.y << 16) | (color.u << 8) | color.v;
  return { ...fillLayer({ key, box, color, weight: FULL }), stamp };
}

function pictureLayer({ key, box, picture, weight }: Shown): DrawnLayer {
  return {
    ...{ key, box, opaque: picture.alpha === null && weight === FULL },
    stamp: picture.id,
    draw: (canvas, clip) => drawPicture(canvas, picture, { box, clip, weight }),
  };
}

/** The time of a watermark, put together once a second. */
class Timestamp {
  readonly #watermark: TimestampWatermark;
  readonly #strip: GlyphStrip;
  #text = '';
  #picture: Picture | null = null;

  constructor(watermark: TimestampWatermark, { width, height, alpha }: Picture) {
    this.#watermark = watermark;
    this.#strip = measureStrip({ width, height, data: alpha?.luma ?? new Uint8Array(width * height) });
  }

  at(unixMs: number): Picture {
    const text = timestampText(unixMs, this.#watermark.timeZone);
    if (this.#picture && text === this.#text) return this.#picture;
    this.#text = text;
    this.#picture = textPicture(composeText(text, this.#strip), this.#watermark.color ?? '#ffffff');
    return this.#picture;
  }
}

export function createComposer({ canvas, unixMs }: ComposerOptions): Composer {
  const placeholders = createPlaceholders();
  const whole = { x: 0, y: 0, width: canvas.width, height: canvas.height };
  const clocks = new WeakMap<TimePiece, Timestamp>();
  // What is shown at another size than it has: the canvases in turn ask for the same one.
  const scaled = new WeakMap<CellPiece, { readonly id: number; readonly picture: Picture }>();

  function scaledFor(piece: CellPiece, frame: Frame, box: Box): Picture {
    const known = scaled.get(piece);
    if (known?.id === frame.id) return known.picture;
    const picture = { ...scaleFrame(frame, box, piece.box.renderMode !== 'crop'), alpha: null };
    scaled.set(piece, { id: frame.id, picture });
    return picture;
  }

  function frameLayers(piece: CellPiece, frame: Frame, weight: number): DrawnLayer[] {
    const { key, box: cell } = piece;
    const box = pictureBox(frame, cell, cell.renderMode);
    const fits = frame.width === box.width && frame.height === box.height;
    const picture = fits ? { ...frame, alpha: null } : scaledFor(piece, frame, box);
    const margins = cell.renderMode === 'fit' ? without(cell, box) : [];
    return [
      ...margins.map((part, at) =>
        fillLayer({ key: `${key} margin ${at}`, box: part, color: BLACK, weight }),
      ),
      pictureLayer({ key, box, picture, weight }),
    ];
  }

  function cellLayers(piece: CellPiece, nowMs: number): DrawnLayer[] {
    const { key, box, present, placeholder } = piece;
    const weight = Math.round((box.opacity ?? 1) * FULL);
    const frame = present?.input.pictureAt(nowMs) ?? null;
    if (frame && !present?.blocked.video) return frameLayers(piece, frame, weight);
    const drawn = present && { ...placeholders.get(box.width, box.height), alpha: null };
    const picture = placeholder?.picture ?? drawn;
    return picture ? [pictureLayer({ key, box, picture, weight })] : [];
  }

  function timeLayers(piece: TimePiece, nowMs: number): DrawnLayer[] {
    const { key, watermark, glyphs } = piece;
    if (!glyphs.picture) return [];
    const clock = clocks.get(piece) ?? new Timestamp(watermark, glyphs.picture);
    clocks.set(piece, clock);
    const picture = clock.at(unixMs(nowMs));
    return [pictureLayer({ key, box: placedAt(watermark.place, picture, canvas), picture, weight: FULL })];
  }

  function layersOf(piece: Piece, nowMs: number): DrawnLayer[] {
    switch (piece.type) {
      case 'cell':
        return cellLayers(piece, nowMs);
      case 'ground':
        return [groundLayer(piece.key, whole, piece.color)];
      case 'time':
        return timeLayers(piece, nowMs);
      case 'picture': {
        const { key, box, slot } = piece;
        return slot.picture ? [pictureLayer({ key, box, picture: slot.picture, weight: FULL })] : [];
      }
    }
  }

  return {
    layers: (pieces, nowMs) => pieces.flatMap((piece) => layersOf(piece, nowMs)),
  };
}

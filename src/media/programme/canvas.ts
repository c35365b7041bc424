import type { Picture } from '../pictures/picture.ts';
import { blendAlphaRow, blendRow, blendValue, FULL } from './blend.ts';
import { type Frame, frameBytes, nextFrameId } from './frame-pool.ts';
import { intersection, type Rectangle } from './layers.ts';

/** One plane of a picture: where it begins and its size in bytes. */
interface Plane {
  readonly start: number;
  readonly stride: number;
  readonly rows: number;
}

export interface YuvColor {
  readonly y: number;
  readonly u: number;
  readonly v: number;
}

/** A yuv420p picture that cells are drawn into. Even sizes and places only. */
export interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly data: Buffer;
}

/** Where a picture of the box' size goes, and which part of it is drawn. */
export interface Place {
  readonly box: Rectangle;
  readonly clip: Rectangle;
  /** 0 to 256. */
  readonly weight: number;
}

/** Black in studio range. */
const ZERO = [16, 128, 128] as const;

export function createCanvas(width: number, height: number): Canvas {
  return { width, height, data: Buffer.allocUnsafeSlow(frameBytes(width, height)) };
}

function planesOf(width: number, height: number): readonly [Plane, Plane, Plane] {
  const luma = width * height;
  const half = { stride: width / 2, rows: height / 2 };
  return [
    { start: 0, stride: width, rows: height },
    { start: luma, ...half },
    { start: luma + luma / 4, ...half },
  ];
}

/** `#rrggbb` in BT.709 studio range, which players take for HD by default. */
export function parseColor(text: string): YuvColor {
  const value = Number.parseInt(/^#([0-9a-f]{6})/i.exec(text)?.[1] ?? '000000', 16);
  const [r, g, b] = [(value >> 16) / 255, ((value >> 8) & 0xff) / 255, (value & 0xff) / 255];
  const luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return {
    y: Math.round(16 + 219 * luma),
    u: Math.round(128 + (224 * (b - luma)) / 1.8556),
    v: Math.round(128 + (224 * (r - luma)) / 1.5748),
  };
}

/** Mixes one colour into a part of the canvas; weight 0 to 256. */
export function fillBox(canvas: Canvas, box: Rectangle, color: YuvColor, weight = FULL): void {
  const values = [color.y, color.u, color.v];
  for (const [index, plane] of planesOf(canvas.width, canvas.height).entries()) {
    const divisor = index === 0 ? 1 : 2;
    const [value, count] = [values[index] ?? 0, box.width / divisor];
    for (let row = box.y / divisor; row < (box.y + box.height) / divisor; row++) {
      const at = plane.start + row * plane.stride + box.x / divisor;
      if (weight === FULL) canvas.data.fill(value, at, at + count);
      else blendValue({ data: canvas.data, at }, value, count, weight);
    }
  }
}

type DrawRow = (plane: number, to: number, from: number, count: number) => void;

/** Gives each row of the clipped part: where it begins in the canvas and in the picture, in bytes. */
function eachRow(canvas: Canvas, picture: Frame, { box, clip }: Place, draw: DrawRow): void {
  const targets = planesOf(canvas.width, canvas.height);
  const part = intersection(box, clip);
  if (!part) return;
  for (const [index, source] of planesOf(picture.width, picture.height).entries()) {
    const target = targets[index] as Plane;
    const divisor = index === 0 ? 1 : 2;
    const [left, top] = [(part.x - box.x) / divisor, (part.y - box.y) / divisor];
    let from = source.start + top * source.stride + left;
    let to = target.start + (part.y / divisor) * target.stride + part.x / divisor;
    for (let row = 0; row < part.height / divisor; row++) {
      draw(index, to, from, part.width / divisor);
      from += source.stride;
      to += target.stride;
    }
  }
}

/** Draws a part of an opaque picture: row copies, or mixed with what stands there. */
export function drawFrame(canvas: Canvas, frame: Frame, place: Place): void {
  const { weight } = place;
  const [target, source] = [canvas.data, frame.data];
  eachRow(canvas, frame, place, (_plane, to, from, count) => {
    if (weight === FULL) source.copy(target, to, from, from + count);
    else blendRow({ data: target, at: to }, { data: source, at: from }, count, weight);
  });
}

/** Lays a part of a picture over what stands there. */
export function drawPicture(canvas: Canvas, picture: Picture, place: Place): void {
  const { alpha, data } = picture;
  if (!alpha) {
    drawFrame(canvas, picture, place);
    return;
  }
  const luma = picture.width * picture.height;
  const covers = [
    { alpha: alpha.luma, start: 0, zero: ZERO[0] },
    { alpha: alpha.chroma, start: luma, zero: ZERO[1] },
    { alpha: alpha.chroma, start: luma + luma / 4, zero: ZERO[2] },
  ] as const;
  eachRow(canvas, picture, place, (plane, to, from, count) => {
    const { start, ...run } = covers[plane] as (typeof covers)[number];
    const row = { ...run, data, at: from, alphaAt: from - start };
    blendAlphaRow({ data: canvas.data, at: to }, row, count, place.weight);
  });
}

function scalePlane(from: Frame, source: Plane, to: Frame, target: Plane, whole: boolean): void {
  const [scaleX, scaleY] = [source.stride / target.stride, source.rows / target.rows];
  const least = Math.min(scaleX, scaleY);
  const [stepX, stepY] = whole ? [scaleX, scaleY] : [least, least];
  const left = (source.stride - target.stride * stepX) / 2;
  const top = (source.rows - target.rows * stepY) / 2;
  const columns = Int32Array.from({ length: target.stride }, (_, column) =>
    Math.floor(left + (column + 0.5) * stepX),
  );
  for (let row = 0; row < target.rows; row++) {
    const at = source.start + Math.floor(top + (row + 0.5) * stepY) * source.stride;
    const out = target.start + row * target.stride;
    for (let column = 0; column < target.stride; column++) {
      to.data[out + column] = from.data[at + (columns[column] ?? 0)] ?? 0;
    }
  }
}

/**
 * A picture of the wrong size in this one, nearest pixels, for the moment until the right one comes: all of it,
 * or the middle part that has the aspect.
 */
export function scaleFrame(
  frame: Frame,
  { width, height }: Pick<Rectangle, 'width' | 'height'>,
  whole: boolean,
): Frame {
  const data = Buffer.allocUnsafeSlow(frameBytes(width, height));
  const scaled = { width, height, data, id: nextFrameId(), ptsMs: frame.ptsMs };
  const sources = planesOf(frame.width, frame.height);
  for (const [index, target] of planesOf(width, height).entries()) {
    scalePlane(frame, sources[index] as Plane, scaled, target, whole);
  }
  return scaled;
}

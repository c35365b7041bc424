import type { Box, CanvasSize } from '../../domain/layout/box.ts';
import { type Area, type AreaSize, blendAlphaArea, blendArea, blendValue, FULL } from './blend.ts';
import { type Frame, frameBytes, nextFrameId } from './frame-pool.ts';
import { intersection } from './layers.ts';
import type { Picture } from './picture.ts';

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
  readonly box: Box;
  readonly clip: Box;
  /** 0 to 256. */
  readonly weight: number;
}

/** Black in studio range. */
const ZERO = [16, 128, 128];

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
export function fillBox(canvas: Canvas, box: Box, color: YuvColor, weight = FULL): void {
  const { data } = canvas;
  const values = [color.y, color.u, color.v];
  for (const [index, plane] of planesOf(canvas.width, canvas.height).entries()) {
    const divisor = index === 0 ? 1 : 2;
    const value = values[index] ?? 0;
    const [columns, rows] = [box.width / divisor, box.height / divisor];
    const start = plane.start + (box.y / divisor) * plane.stride + box.x / divisor;
    if (weight !== FULL) blendValue({ data, start, stride: plane.stride }, value, { columns, rows }, weight);
    for (let row = 0; weight === FULL && row < rows; row++) {
      const at = start + row * plane.stride;
      data.fill(value, at, at + columns);
    }
  }
}

/** The clipped part of one plane, in the canvas and in the picture. */
interface Part {
  readonly plane: number;
  readonly to: Area;
  readonly from: Area;
  readonly size: AreaSize;
}

function partsOf(canvas: Canvas, picture: Frame, { box, clip }: Place): Part[] {
  const targets = planesOf(canvas.width, canvas.height);
  const part = intersection(box, clip);
  if (!part) return [];
  return planesOf(picture.width, picture.height).map((source, plane) => {
    const target = targets[plane] as Plane;
    const divisor = plane === 0 ? 1 : 2;
    const [left, top] = [(part.x - box.x) / divisor, (part.y - box.y) / divisor];
    const to = target.start + (part.y / divisor) * target.stride + part.x / divisor;
    const from = source.start + top * source.stride + left;
    return {
      plane,
      to: { data: canvas.data, start: to, stride: target.stride },
      from: { data: picture.data, start: from, stride: source.stride },
      size: { columns: part.width / divisor, rows: part.height / divisor },
    };
  });
}

/** Draws a part of an opaque picture: row copies, or mixed with what stands there. */
export function drawFrame(canvas: Canvas, frame: Frame, place: Place): void {
  for (const { to, from, size } of partsOf(canvas, frame, place)) {
    if (place.weight !== FULL) blendArea(to, from, size, place.weight);
    for (let row = 0; place.weight === FULL && row < size.rows; row++) {
      const at = from.start + row * from.stride;
      frame.data.copy(canvas.data, to.start + row * to.stride, at, at + size.columns);
    }
  }
}

/** Lays a part of a picture over what stands there. */
export function drawPicture(canvas: Canvas, picture: Picture, place: Place): void {
  const { alpha } = picture;
  if (!alpha) {
    drawFrame(canvas, picture, place);
    return;
  }
  const planes = planesOf(picture.width, picture.height);
  for (const { plane, to, from, size } of partsOf(canvas, picture, place)) {
    const alphaStart = from.start - (planes[plane]?.start ?? 0);
    const covers = { alpha: plane === 0 ? alpha.luma : alpha.chroma, alphaStart, zero: ZERO[plane] ?? 0 };
    blendAlphaArea(to, { ...from, ...covers }, size, place.weight);
  }
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
export function scaleFrame(frame: Frame, { width, height }: CanvasSize, whole: boolean): Frame {
  const data = Buffer.allocUnsafeSlow(frameBytes(width, height));
  const scaled = { width, height, data, id: nextFrameId(), ptsMs: frame.ptsMs };
  const sources = planesOf(frame.width, frame.height);
  for (const [index, target] of planesOf(width, height).entries()) {
    scalePlane(frame, sources[index] as Plane, scaled, target, whole);
  }
  return scaled;
}

import { type Frame, frameBytes } from './frame-pool.ts';

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

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
  const value = Number.parseInt(/^#([0-9a-f]{6})$/i.exec(text)?.[1] ?? '000000', 16);
  const [r, g, b] = [(value >> 16) / 255, ((value >> 8) & 0xff) / 255, (value & 0xff) / 255];
  const luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return {
    y: Math.round(16 + 219 * luma),
    u: Math.round(128 + (224 * (b - luma)) / 1.8556),
    v: Math.round(128 + (224 * (r - luma)) / 1.5748),
  };
}

/** One colour over the whole canvas. */
export function fillCanvas(canvas: Canvas, color: YuvColor): void {
  const [, u, v] = planesOf(canvas.width, canvas.height);
  canvas.data.fill(color.y, 0, u.start);
  canvas.data.fill(color.u, u.start, v.start);
  canvas.data.fill(color.v, v.start);
}

/** One colour over a part of the canvas. */
export function fillBox(canvas: Canvas, { x, y, width, height }: Rectangle, color: YuvColor): void {
  const values = [color.y, color.u, color.v];
  for (const [index, plane] of planesOf(canvas.width, canvas.height).entries()) {
    const divisor = index === 0 ? 1 : 2;
    for (let row = y / divisor; row < (y + height) / divisor; row++) {
      const at = plane.start + row * plane.stride + x / divisor;
      canvas.data.fill(values[index] ?? 0, at, at + width / divisor);
    }
  }
}

function copyPlane(from: Frame, source: Plane, to: Canvas, target: Plane, x: number, y: number): void {
  for (let row = 0; row < source.rows; row++) {
    const at = source.start + row * source.stride;
    from.data.copy(to.data, target.start + (y + row) * target.stride + x, at, at + source.stride);
  }
}

/** For a picture of the wrong size, nearest pixels: all of it, or the middle part that has the cell's aspect. */
function scalePlane(
  from: Frame,
  source: Plane,
  to: Canvas,
  target: Plane,
  cell: Rectangle,
  whole: boolean,
): void {
  const [scaleX, scaleY] = [source.stride / cell.width, source.rows / cell.height];
  const least = Math.min(scaleX, scaleY);
  const [stepX, stepY] = whole ? [scaleX, scaleY] : [least, least];
  const left = (source.stride - cell.width * stepX) / 2;
  const top = (source.rows - cell.height * stepY) / 2;
  const columns = Int32Array.from({ length: cell.width }, (_, column) =>
    Math.floor(left + (column + 0.5) * stepX),
  );
  for (let row = 0; row < cell.height; row++) {
    const at = source.start + Math.floor(top + (row + 0.5) * stepY) * source.stride;
    const out = target.start + (cell.y + row) * target.stride + cell.x;
    for (let column = 0; column < cell.width; column++) {
      to.data[out + column] = from.data[at + (columns[column] ?? 0)] ?? 0;
    }
  }
}

/** Draws the picture into the box: row copies when it has that size, else scaled for the moment, cut to its aspect or `whole`. */
export function drawFrame(canvas: Canvas, frame: Frame, cell: Rectangle, whole = false): void {
  const sources = planesOf(frame.width, frame.height);
  const targets = planesOf(canvas.width, canvas.height);
  const sameSize = frame.width === cell.width && frame.height === cell.height;
  for (const [index, source] of sources.entries()) {
    const target = targets[index];
    if (!target) continue;
    const divisor = index === 0 ? 1 : 2;
    const [x, y] = [cell.x / divisor, cell.y / divisor];
    if (sameSize) copyPlane(frame, source, canvas, target, x, y);
    else {
      const part = { x, y, width: cell.width / divisor, height: cell.height / divisor };
      scalePlane(frame, source, canvas, target, part, whole);
    }
  }
}

export function overlaps(a: Rectangle, b: Rectangle): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

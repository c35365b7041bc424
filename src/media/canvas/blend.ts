/** Weight of a picture that hides what lies below. */
export const FULL = 256;

const HALF = 128;

/** A part of a plane: where it begins in its bytes, and from row to row. */
export interface Area {
  readonly data: Uint8Array;
  readonly start: number;
  readonly stride: number;
}

export interface AreaSize {
  readonly columns: number;
  readonly rows: number;
}

/** Mixes an area of an opaque picture into one of the canvas; weight 0 to 256. */
export function blendArea(to: Area, from: Area, { columns, rows }: AreaSize, weight: number): void {
  const [target, source] = [to.data, from.data];
  for (let row = 0; row < rows; row++) {
    let at = to.start + row * to.stride;
    const end = at + columns;
    for (let other = from.start + row * from.stride; at < end; at++, other++) {
      const below = target[at] as number;
      target[at] = below + ((((source[other] as number) - below) * weight + HALF) >> 8);
    }
  }
}

/** As blendArea, of one value. */
export function blendValue(to: Area, value: number, { columns, rows }: AreaSize, weight: number): void {
  const target = to.data;
  for (let row = 0; row < rows; row++) {
    const start = to.start + row * to.stride;
    for (let at = start; at < start + columns; at++) {
      const below = target[at] as number;
      target[at] = below + (((value - below) * weight + HALF) >> 8);
    }
  }
}

/** An area whose values are multiplied by its alpha (0 to 255) already. */
export interface AlphaArea extends Area {
  /** In the same places as the values, from `alphaStart` on. */
  readonly alpha: Uint8Array;
  readonly alphaStart: number;
  /** The value of nothing. */
  readonly zero: number;
}

/** Lays an area with alpha over one of the canvas; weight 0 to 256. */
export function blendAlphaArea(to: Area, from: AlphaArea, { columns, rows }: AreaSize, weight: number): void {
  const { data: source, alpha, zero, stride } = from;
  const target = to.data;
  const toAlpha = from.alphaStart - from.start;
  for (let row = 0; row < rows; row++) {
    let at = to.start + row * to.stride;
    const end = at + columns;
    for (let other = from.start + row * stride; at < end; at++, other++) {
      const covers = alpha[other + toAlpha] as number;
      if (covers === 0) continue;
      // 255 becomes 256: what covers fully leaves nothing of what lies below.
      const share = ((covers + (covers >> 7)) * weight + HALF) >> 8;
      const below = ((target[at] as number) - zero) * (FULL - share);
      const mixed = zero + ((((source[other] as number) - zero) * weight + below + HALF) >> 8);
      target[at] = Math.max(0, Math.min(255, mixed));
    }
  }
}

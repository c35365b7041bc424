/** Weight of a picture that hides what lies below. */
export const FULL = 256;

const HALF = 128;

function clamped(value: number): number {
  return Math.max(0, Math.min(255, value));
}

/** A run of bytes in a plane. */
export interface Run {
  readonly data: Uint8Array;
  readonly at: number;
}

/** Mixes a row of an opaque picture into a row of the canvas; weight 0 to 256. */
export function blendRow(to: Run, from: Run, count: number, weight: number): void {
  const [target, source] = [to.data, from.data];
  for (let i = 0; i < count; i++) {
    const below = target[to.at + i] as number;
    target[to.at + i] = below + ((((source[from.at + i] as number) - below) * weight + HALF) >> 8);
  }
}

/** As blendRow, of one value. */
export function blendValue(to: Run, value: number, count: number, weight: number): void {
  const target = to.data;
  for (let i = 0; i < count; i++) {
    const below = target[to.at + i] as number;
    target[to.at + i] = below + (((value - below) * weight + HALF) >> 8);
  }
}

/** A row whose values are multiplied by its alpha (0 to 255) already; `zero` is the value of nothing. */
export interface AlphaRun extends Run {
  readonly alpha: Uint8Array;
  readonly alphaAt: number;
  readonly zero: number;
}

/** Lays a row with alpha over a row of the canvas; weight 0 to 256. */
export function blendAlphaRow(to: Run, from: AlphaRun, count: number, weight: number): void {
  const [target, source, { alpha, zero }] = [to.data, from.data, from];
  for (let i = 0; i < count; i++) {
    const covers = alpha[from.alphaAt + i] as number;
    if (covers === 0) continue;
    const value = source[from.at + i] as number;
    if (covers === 255 && weight === FULL) {
      target[to.at + i] = value;
      continue;
    }
    const below = (target[to.at + i] as number) - zero;
    // 255 becomes 256: what covers fully leaves nothing of what lies below.
    const share = ((covers + (covers >> 7)) * weight + HALF) >> 8;
    const sum = (value - zero) * weight + below * (FULL - share) + HALF;
    target[to.at + i] = clamped(zero + (sum >> 8));
  }
}

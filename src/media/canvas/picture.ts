import type { Frame } from './frame-pool.ts';

/** How much of what lies below a picture covers, 0 to 255 for each pixel of luma and of chroma. */
export interface AlphaPlanes {
  readonly luma: Uint8Array;
  readonly chroma: Uint8Array;
}

/** A picture whose colours are multiplied by its alpha: where that is 0 they are black. */
export interface Picture extends Frame {
  /** null: opaque. */
  readonly alpha: AlphaPlanes | null;
}

/** Mean of each 2x2 pixels. */
export function halved(plane: Uint8Array, width: number, height: number): Uint8Array {
  const out = new Uint8Array((width / 2) * (height / 2));
  let to = 0;
  for (let row = 0; row < height; row += 2) {
    const [upper, lower] = [row * width, (row + 1) * width];
    for (let column = 0; column < width; column += 2) {
      const above = (plane[upper + column] as number) + (plane[upper + column + 1] as number);
      const below = (plane[lower + column] as number) + (plane[lower + column + 1] as number);
      out[to] = (above + below + 2) >> 2;
      to += 1;
    }
  }
  return out;
}

/** Bytes that a picture holds. */
export function pictureBytes({ data, alpha }: Picture): number {
  return data.length + (alpha ? alpha.luma.length + alpha.chroma.length : 0);
}

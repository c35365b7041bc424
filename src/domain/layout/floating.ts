import { type Box, type CanvasSize, evenBox } from './box.ts';

/** Parts of the canvas; TRTC publishes them for recordings, relays use the same here. */
interface Division {
  readonly side: number;
  readonly margin: number;
  readonly perRow: number;
}

/** Pictures in all, the big one among them, up to which the small ones are four in a row. */
const FEW = 17;
const FEW_SMALL: Division = { side: 0.235, margin: 0.012, perRow: 4 };
const MANY_SMALL: Division = { side: 0.188, margin: 0.01, perRow: 5 };

/** Small pictures from the bottom left, left to right, then rows upward. */
export function floatingBoxes(count: number, { width, height }: CanvasSize): Box[] {
  const { side, margin, perRow } = count + 1 > FEW ? MANY_SMALL : FEW_SMALL;
  return Array.from({ length: count }, (_, index) => {
    const [column, row] = [index % perRow, Math.floor(index / perRow)];
    const x = margin + column * (side + margin);
    const y = 1 - (row + 1) * (side + margin);
    return evenBox(x * width, y * height, side * width, side * height);
  });
}

import { type Box, type CanvasSize, evenBox } from './box.ts';

/** Parts of the canvas; TRTC publishes them for recordings, relays use the same here. */
const SMALL = 0.235;
const MARGIN = 0.012;
const PER_ROW = 4;

/** Small pictures from the bottom left, left to right, then rows upward. */
export function floatingBoxes(count: number, { width, height }: CanvasSize): Box[] {
  return Array.from({ length: count }, (_, index) => {
    const [column, row] = [index % PER_ROW, Math.floor(index / PER_ROW)];
    const x = MARGIN + column * (SMALL + MARGIN);
    const y = 1 - (row + 1) * (SMALL + MARGIN);
    return evenBox(x * width, y * height, SMALL * width, SMALL * height);
  });
}

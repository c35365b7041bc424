import { type Box, type CanvasSize, evenBox } from './box.ts';

function gridOf(count: number): { readonly columns: number; readonly rows: number } {
  if (count === 2) return { columns: 2, rows: 1 };
  const side = Math.ceil(Math.sqrt(Math.max(1, count)));
  return { columns: side, rows: side };
}

/** Cells of one size, left to right, top to bottom: 1, 2 side by side, 2x2, 3x3, 4x4, 5x5. */
export function gridBoxes(count: number, { width, height }: CanvasSize): Box[] {
  const { columns, rows } = gridOf(count);
  return Array.from({ length: count }, (_, index) => {
    const [column, row] = [index % columns, Math.floor(index / columns)];
    return evenBox((width * column) / columns, (height * row) / rows, width / columns, height / rows);
  });
}

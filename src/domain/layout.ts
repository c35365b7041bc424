import type { LayoutSpec } from './task.ts';

/** One cell of the canvas in even pixels; a higher zOrder lies above. */
export interface LayoutBox {
  readonly inputId: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly zOrder: number;
}

export interface CanvasSize {
  readonly width: number;
  readonly height: number;
}

/** A grid shows nine; the others are only heard. */
export const MAX_GRID_CELLS = 9;

function gridOf(count: number): { columns: number; rows: number } {
  if (count <= 1) return { columns: 1, rows: 1 };
  if (count === 2) return { columns: 2, rows: 1 };
  if (count <= 4) return { columns: 2, rows: 2 };
  return { columns: 3, rows: 3 };
}

/** Even start of part `index` of `parts`. */
function evenStart(total: number, index: number, parts: number): number {
  return Math.round((total * index) / parts / 2) * 2;
}

function layOutGrid(inputIds: readonly string[], canvas: CanvasSize): LayoutBox[] {
  const shown = inputIds.slice(0, MAX_GRID_CELLS);
  const { columns, rows } = gridOf(shown.length);
  // All cells have one size, so that a user who moves to another cell keeps its decoder.
  const width = Math.floor(canvas.width / columns / 2) * 2;
  const height = Math.floor(canvas.height / rows / 2) * 2;
  return shown.map((inputId, index) => {
    const column = index % columns;
    const row = Math.floor(index / columns);
    return {
      inputId,
      x: evenStart(canvas.width, column, columns),
      y: evenStart(canvas.height, row, rows),
      width,
      height,
      zOrder: 0,
    };
  });
}

/** Boxes of the inputs in order of entry, left to right, top to bottom; inputs without a cell have none. */
export function layOut(layout: LayoutSpec, inputIds: readonly string[], canvas: CanvasSize): LayoutBox[] {
  switch (layout.mode) {
    case 'grid':
      return layOutGrid(inputIds, canvas);
  }
}

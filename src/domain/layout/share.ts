import { type Box, type CanvasSize, evenBox } from './box.ts';

/** Parts of the canvas: the big picture's size, a small one's width, and how many stand in a column. */
interface Division {
  readonly big: number;
  readonly bigHeight: number;
  readonly width: number;
  readonly perColumn: number;
  readonly columns: number;
}

/** `count` is all pictures, the big one among them. */
function divide(count: number): Division {
  if (count <= 5) return { big: 4 / 5, bigHeight: 1, width: 1 / 5, perColumn: 4, columns: 1 };
  if (count <= 7) return { big: 6 / 7, bigHeight: 1, width: 1 / 7, perColumn: 6, columns: 1 };
  if (count <= 9) return { big: 8 / 9, bigHeight: 1, width: 1 / 9, perColumn: 8, columns: 1 };
  const bigHeight = count <= 17 ? 1 : 7 / 8;
  return { big: 4 / 5, bigHeight, width: 1 / 10, perColumn: 8, columns: 2 };
}

export interface ShareBoxes {
  readonly big: Box;
  /** Fewer than asked for where not all have a place: beside an empty big place 24 have. */
  readonly small: readonly Box[];
}

/**
 * The big place at one side; the small pictures beside it in one or two columns, top to bottom, and the
 * seventeenth and later below it from the left.
 */
export function shareBoxes(small: number, side: 'left' | 'right', { width, height }: CanvasSize): ShareBoxes {
  const { big, bigHeight, ...division } = divide(small + 1);
  const mirrored = (box: Box): Box => (side === 'left' ? box : { ...box, x: width - box.x - box.width });
  /** `at` counts from the left, on whichever side these places are. */
  const place = (left: number, count: number, at: number, y: number): Box => {
    const fromBig = side === 'left' ? at : count - 1 - at;
    const x = (left + fromBig * division.width) * width;
    return mirrored(evenBox(x, y, division.width * width, height / division.perColumn));
  };
  const inColumns = division.columns * division.perColumn;
  const below = bigHeight === 1 ? 0 : Math.round(big / division.width);
  return {
    big: mirrored(evenBox(0, 0, big * width, bigHeight * height)),
    small: Array.from({ length: Math.min(small, inColumns + below) }, (_, index) => {
      if (index >= inColumns) return place(0, below, index - inColumns, bigHeight * height);
      const row = index % division.perColumn;
      const column = Math.floor(index / division.perColumn);
      return place(big, division.columns, column, (row * height) / division.perColumn);
    }),
  };
}

import { type Box, type CanvasSize, evenBox } from './box.ts';

/** Parts of the canvas: the big picture's width, a small one's size, and how many stand in a column. */
interface Division {
  readonly big: number;
  readonly width: number;
  readonly perColumn: number;
}

/** `count` is all pictures, the big one among them. */
function divide(count: number): Division {
  if (count <= 5) return { big: 4 / 5, width: 1 / 5, perColumn: 4 };
  if (count <= 7) return { big: 6 / 7, width: 1 / 7, perColumn: 6 };
  if (count <= 9) return { big: 8 / 9, width: 1 / 9, perColumn: 8 };
  return { big: 4 / 5, width: 1 / 10, perColumn: 8 };
}

export interface ShareBoxes {
  readonly big: Box;
  readonly small: readonly Box[];
}

/** The big place at one side, the small pictures beside it in one or two columns, top to bottom. */
export function shareBoxes(small: number, side: 'left' | 'right', { width, height }: CanvasSize): ShareBoxes {
  const division = divide(small + 1);
  const mirrored = (box: Box): Box => (side === 'left' ? box : { ...box, x: width - box.x - box.width });
  const columns = Math.round((1 - division.big) / division.width);
  return {
    big: mirrored(evenBox(0, 0, division.big * width, height)),
    small: Array.from({ length: small }, (_, index) => {
      const column = Math.floor(index / division.perColumn);
      // Mirrored, the first column is still the left one.
      const place = side === 'left' ? column : columns - 1 - column;
      return mirrored(
        evenBox(
          (division.big + place * division.width) * width,
          ((index % division.perColumn) * height) / division.perColumn,
          division.width * width,
          height / division.perColumn,
        ),
      );
    }),
  };
}

import { describe, expect, test } from 'vitest';
import { type LayoutBox, layOut, MAX_GRID_CELLS } from '../../../src/domain/layout.ts';

const GRID = { mode: 'grid' } as const;
const HD = { width: 1280, height: 720 };

function users(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `u${index + 1}`);
}

function places(boxes: readonly LayoutBox[]): number[][] {
  return boxes.map(({ x, y, width, height }) => [x, y, width, height]);
}

function meet(a: LayoutBox, b: LayoutBox): boolean {
  const besides = a.x + a.width <= b.x || b.x + b.width <= a.x;
  const above = a.y + a.height <= b.y || b.y + b.height <= a.y;
  return !besides && !above;
}

describe('grid', () => {
  test.each([
    [0, []],
    [1, [[0, 0, 1280, 720]]],
    [
      2,
      [
        [0, 0, 640, 720],
        [640, 0, 640, 720],
      ],
    ],
    [
      3,
      [
        [0, 0, 640, 360],
        [640, 0, 640, 360],
        [0, 360, 640, 360],
      ],
    ],
    [
      4,
      [
        [0, 0, 640, 360],
        [640, 0, 640, 360],
        [0, 360, 640, 360],
        [640, 360, 640, 360],
      ],
    ],
  ])('%i users fill the cells in order of entry', (count, wanted) => {
    expect(places(layOut(GRID, users(count), HD))).toEqual(wanted);
  });

  test('five to nine users stand in three columns', () => {
    const boxes = layOut(GRID, users(5), { width: 1920, height: 1080 });
    expect(places(boxes)).toEqual([
      [0, 0, 640, 360],
      [640, 0, 640, 360],
      [1280, 0, 640, 360],
      [0, 360, 640, 360],
      [640, 360, 640, 360],
    ]);
  });

  test('the tenth user has no cell', () => {
    const boxes = layOut(GRID, users(12), HD);
    expect(boxes.map((box) => box.inputId)).toEqual(users(MAX_GRID_CELLS));
  });

  const canvases = [
    [1280, 720],
    [640, 360],
    [720, 1280],
    [854, 480],
    [322, 182],
    [1918, 1078],
  ] as const;

  test.each(canvases)('boxes of %ix%i are even, inside, of one size and do not overlap', (width, height) => {
    for (let count = 1; count <= 9; count++) {
      const boxes = layOut(GRID, users(count), { width, height });
      expect(boxes).toHaveLength(count);
      expect(new Set(boxes.map((box) => `${box.width}x${box.height}`)).size).toBe(1);
      const values = boxes.flatMap((box) => [box.x, box.y, box.width, box.height]);
      expect(values.filter((value) => value % 2 !== 0 || value < 0)).toEqual([]);
      const outside = boxes.filter((box) => box.x + box.width > width || box.y + box.height > height);
      expect(outside).toEqual([]);
      const pairs = boxes.flatMap((box, at) => boxes.slice(at + 1).map((other) => [box, other] as const));
      expect(pairs.filter(([box, other]) => meet(box, other))).toEqual([]);
    }
  });
});

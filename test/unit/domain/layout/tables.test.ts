import { describe, expect, test } from 'vitest';
import type { LayoutBox, LayoutInput } from '../../../../src/domain/layout/box.ts';
import { layOut } from '../../../../src/domain/layout/layout.ts';
import type { LayoutSpec } from '../../../../src/domain/layout/spec.ts';

const HD = { width: 1280, height: 720 };
type Place = readonly [x: number, y: number, width: number, height: number];

function users(count: number): LayoutInput[] {
  return Array.from({ length: count }, (_, index) => {
    const userId = `u${index + 1}`;
    return { streamId: `${userId}_main`, userId, stream: 'main', audioOnly: false };
  });
}

const places = (boxes: readonly LayoutBox[]): Place[] =>
  boxes.map(({ x, y, width, height }) => [x, y, width, height]);

function of(layout: LayoutSpec, count: number, maxInputs?: number): Place[] {
  return places(layOut(layout, users(count), HD, { maxInputs }));
}

/** Every row of places with every column, as cells are filled. */
function cross(xs: readonly number[], ys: readonly number[], width: number, height: number): Place[] {
  return ys.flatMap((y) => xs.map((x): Place => [x, y, width, height]));
}

describe('grid', () => {
  const THIRDS = cross([0, 426, 854], [0, 240, 480], 426, 240);
  const QUARTERS = cross([0, 320, 640, 960], [0, 180, 360, 540], 320, 180);

  test.each<[number, readonly Place[]]>([
    [0, []],
    [1, [[0, 0, 1280, 720]]],
    [2, cross([0, 640], [0], 640, 720)],
    [3, cross([0, 640], [0, 360], 640, 360).slice(0, 3)],
    [4, cross([0, 640], [0, 360], 640, 360)],
    [5, THIRDS.slice(0, 5)],
    [7, THIRDS.slice(0, 7)],
    [9, THIRDS],
    [10, QUARTERS.slice(0, 10)],
    [16, QUARTERS],
    [17, QUARTERS],
  ])('%i users', (count, wanted) => {
    expect(of({ mode: 'grid' }, count)).toEqual(wanted);
  });

  const FIFTHS = cross([0, 256, 512, 768, 1024], [0, 144, 288, 432, 576], 256, 144);
  test.each([17, 20, 25, 26])('%i users of a recording that takes 25', (count) => {
    expect(of({ mode: 'grid' }, count, 25)).toEqual(FIFTHS.slice(0, count));
  });
});

describe('floating', () => {
  const BIG: Place = [0, 0, 1280, 720];
  /** 0.235 of the canvas 0.012 apart, from the bottom left to the top right. */
  const SMALL = cross([16, 332, 648, 964], [542, 364, 186, 8], 300, 168);

  test.each([0, 1, 2, 3, 4, 5, 7, 9, 10, 16])('%i users', (count) => {
    const wanted = [BIG, ...SMALL.slice(0, 15)].slice(0, count);
    expect(of({ mode: 'floating' }, count)).toEqual(wanted);
  });

  /** 0.188 of the canvas 0.01 apart. */
  const SMALLER = cross([12, 266, 520, 774, 1026], [578, 434, 292, 150, 8], 240, 134);
  test.each([18, 22, 25])('%i users of a recording', (count) => {
    expect(of({ mode: 'floating' }, count, 25)).toEqual([BIG, ...SMALLER].slice(0, count));
  });

  test('17 users are still four in a row', () => {
    expect(of({ mode: 'floating' }, 17, 25)).toEqual([BIG, ...SMALL]);
  });

  test('the small ones lie above the big one', () => {
    expect(layOut({ mode: 'floating' }, users(3), HD).map((box) => box.zOrder)).toEqual([0, 1, 1]);
  });
});

describe('share', () => {
  const column = (x: number, count: number, width: number, height: number) =>
    cross(
      [x],
      Array.from({ length: count }, (_, index) => index * height),
      width,
      height,
    );
  const TWO_COLUMNS = [...column(1024, 8, 128, 90), ...column(1152, 8, 128, 90)];
  const layout = { mode: 'share', main: { userId: 'u1' } } as const;

  test.each<[number, readonly Place[]]>([
    [1, [[0, 0, 1024, 720]]],
    [2, [[0, 0, 1024, 720], ...column(1024, 1, 256, 180)]],
    [3, [[0, 0, 1024, 720], ...column(1024, 2, 256, 180)]],
    [4, [[0, 0, 1024, 720], ...column(1024, 3, 256, 180)]],
    [5, [[0, 0, 1024, 720], ...column(1024, 4, 256, 180)]],
    [7, [[0, 0, 1096, 720], ...column(1098, 6, 182, 120)]],
    [9, [[0, 0, 1136, 720], ...column(1138, 8, 142, 90)]],
    [10, [[0, 0, 1024, 720], ...TWO_COLUMNS.slice(0, 9)]],
    [16, [[0, 0, 1024, 720], ...TWO_COLUMNS.slice(0, 15)]],
  ])('%i users, the first as main', (count, wanted) => {
    expect(of(layout, count)).toEqual(wanted);
  });

  const BELOW = cross([0, 128, 256, 384, 512, 640, 768, 896], [630], 128, 90);
  test.each([18, 20, 25])('%i users of a recording: those beyond two columns stand below', (count) => {
    const wanted = [[0, 0, 1024, 630], ...TWO_COLUMNS, ...BELOW].slice(0, count);
    expect(of(layout, count, 25)).toEqual(wanted);
  });

  test('beyond two columns on the left they stand below on the right, still from the left', () => {
    const left = [...column(0, 8, 128, 90), ...column(128, 8, 128, 90)];
    const below = BELOW.map(([x, ...rest]): Place => [x + 256, ...rest]);
    expect(of({ ...layout, mainSide: 'right' }, 25, 25)).toEqual([[256, 0, 1024, 630], ...left, ...below]);
  });

  test('without a main user 24 of 25 have a place', () => {
    expect(of({ mode: 'share' }, 25, 25)).toEqual([...TWO_COLUMNS, ...BELOW]);
  });

  test('without a main user its place stays empty and all others stand in the column', () => {
    expect(of({ mode: 'share' }, 4)).toEqual(column(1024, 4, 256, 180));
    expect(of({ mode: 'share', main: { userId: 'gone' } }, 16)).toEqual(TWO_COLUMNS);
  });

  test('the big picture can stand on the right', () => {
    expect(of({ ...layout, mainSide: 'right' }, 3)).toEqual([[256, 0, 1024, 720], ...column(0, 2, 256, 180)]);
    expect(of({ ...layout, mainSide: 'right' }, 10)).toEqual([
      [256, 0, 1024, 720],
      ...column(0, 8, 128, 90),
      [128, 0, 128, 90],
    ]);
  });

  test('the big picture is shown whole, the small ones are cropped, unless told otherwise', () => {
    expect(layOut(layout, users(2), HD).map((box) => box.renderMode)).toEqual(['fit', 'crop']);
    const stretched = layOut({ ...layout, renderMode: 'stretch' }, users(2), HD);
    expect(stretched.map((box) => box.renderMode)).toEqual(['stretch', 'stretch']);
  });
});

describe('custom', () => {
  const cell = (x: number, y = 0) => ({ x, y, width: 320, height: 180 });

  test.each([1, 2, 3, 4, 5, 7, 9, 10, 16])('%i users fill cells in order of entry', (count) => {
    const all = cross([0, 320, 640, 960], [0, 180, 360, 540], 320, 180);
    const cells = all.map(([x, y, width, height]) => ({ x, y, width, height }));
    expect(of({ mode: 'custom', cells }, count)).toEqual(all.slice(0, count));
  });

  test('cells keep their z-order and render mode and come to lie on even pixels', () => {
    const odd = { x: 3, y: 5, width: 321, height: 181, zOrder: 7, renderMode: 'fit' } as const;
    expect(layOut({ mode: 'custom', cells: [odd] }, users(1), HD)).toEqual([
      { streamId: 'u1_main', x: 4, y: 6, width: 320, height: 180, zOrder: 7, renderMode: 'fit' },
    ]);
  });

  test('a cell for a stream waits for it, and the others are filled with who has none', () => {
    const cells = [cell(0), { ...cell(320), source: { userId: 'U1', stream: 'main' } as const }, cell(640)];
    const at = (count: number) =>
      layOut({ mode: 'custom', cells }, users(count), HD).map((box) => [box.streamId, box.x]);
    expect(at(1)).toEqual([['u1_main', 320]]);
    expect(at(4)).toEqual([
      ['u2_main', 0],
      ['u1_main', 320],
      ['u3_main', 640],
    ]);
  });
});

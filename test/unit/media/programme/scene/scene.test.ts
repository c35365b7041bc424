import { beforeEach, expect, test } from 'vitest';
import type { CustomCell, LayoutSpec } from '../../../../../src/domain/layout/spec.ts';
import { frame, PlainInput, standScene, wanted } from '../../../../support/plain-scene.ts';

const BACKGROUND = 17;
const BLACK = 16;

let { scene, canvas, luma, show } = standScene();

beforeEach(() => {
  ({ scene, canvas, luma, show } = standScene());
});

const LEFT = { x: 0, y: 0, width: 4, height: 4 };
const INSET = { x: 2, y: 2, width: 4, height: 2 };

test('cells lie over one another by z-order, then by their place in the list', () => {
  const [low, high] = [new PlainInput('low', frame(4, 4, 5)), new PlainInput('high', frame(4, 2, 7))];
  show([LEFT, INSET], low, high);
  expect(luma()).toEqual([
    '5 5 5 5 17 17 17 17',
    '5 5 5 5 17 17 17 17',
    '5 5 7 7 7 7 17 17',
    '5 5 7 7 7 7 17 17',
  ]);
  show([{ ...LEFT, zOrder: 1 }, INSET], low, high);
  expect(luma()).toEqual([
    '5 5 5 5 17 17 17 17',
    '5 5 5 5 17 17 17 17',
    '5 5 5 5 7 7 17 17',
    '5 5 5 5 7 7 17 17',
  ]);
});

test('a new picture below is covered again by what lies above, and what did not change is not drawn', () => {
  const [low, high] = [new PlainInput('low', frame(4, 4, 5)), new PlainInput('high', frame(4, 2, 7))];
  show([LEFT, INSET], low, high);
  luma();
  low.picture = frame(4, 4, 6);
  expect(luma()[2]).toBe('6 6 7 7 7 7 17 17');
  canvas.data.fill(9, 0, 32);
  expect(luma()[2]).toBe('9 9 9 9 9 9 9 9');
  high.picture = frame(4, 2, 8);
  expect(luma()[2]).toBe('9 9 8 8 8 8 9 9');
});

test.each([
  ['fit', BLACK],
  ['fit-background', BACKGROUND],
] as const)(
  '%s leaves a margin of its colour, also when the picture becomes smaller',
  (renderMode, margin) => {
    const user = new PlainInput('ann', frame(8, 2, 5));
    show([{ x: 0, y: 0, width: 8, height: 4, renderMode }], user);
    const row = (value: number) => Array(8).fill(value).join(' ');
    // A margin of whole chroma pixels: the picture stands at the top.
    expect(luma()).toEqual([row(5), row(5), row(margin), row(margin)]);
    user.picture = frame(2, 4, 6);
    const narrow = [margin, margin, 6, 6, margin, margin, margin, margin].join(' ');
    expect(luma()).toEqual([narrow, narrow, narrow, narrow]);
  },
);

test('a change waits for all inputs, half a second at most, and then comes whole', () => {
  const [ann, bob] = [new PlainInput('ann', frame(8, 4, 5)), new PlainInput('bob', frame(4, 4, 6))];
  scene.want(wanted({ mode: 'grid' }, [ann]), 0);
  expect(scene.advance(0)).toBe(true);
  bob.ready = false;
  scene.want(wanted({ mode: 'grid' }, [ann, bob]), 100);
  expect(ann.prepared.at(-1)).toEqual({ width: 4, height: 4, renderMode: 'crop' });
  expect(scene.advance(590)).toBe(false);
  expect(luma()[0]).toBe('5 5 5 5 5 5 5 5');
  expect(scene.advance(600)).toBe(true);
  expect([ann.commits, bob.commits]).toEqual([2, 1]);
  expect(luma()[0]).toBe('5 5 5 5 6 6 6 6');
});

test('changes in quick succession do not put the first one off', () => {
  const ann = new PlainInput('ann', frame(8, 4, 5));
  ann.ready = false;
  scene.want(wanted({ mode: 'grid' }, [ann]), 0);
  scene.want(wanted({ mode: 'floating' }, [ann]), 400);
  expect(scene.advance(500)).toBe(true);
  expect(scene.advance(900)).toBe(false);
});

test('a camera that is switched off or on gives its cell back or gets one', () => {
  const [ann, bob] = [new PlainInput('ann', frame(8, 4, 5)), new PlainInput('bob', frame(4, 4, 6))];
  scene.want(wanted({ mode: 'grid' }, [ann, bob]), 0);
  scene.advance(0);
  expect(luma()[0]).toBe('5 5 5 5 6 6 6 6');
  bob.audioOnly = true;
  expect(scene.advance(1)).toBe(true);
  expect(bob.prepared.at(-1)).toBeNull();
  expect(luma()[0]).toBe('5 5 5 5 5 5 5 5');
  bob.audioOnly = false;
  expect(scene.advance(2)).toBe(true);
  expect(luma()[0]).toBe('5 5 5 5 6 6 6 6');
});

test('opacity mixes a cell and its margin with what lies below', () => {
  const [low, high] = [new PlainInput('low', frame(8, 4, 100)), new PlainInput('high', frame(4, 2, 200))];
  const cells: CustomCell[] = [
    { ...LEFT, width: 8 },
    { ...LEFT, width: 8, opacity: 0.5, zOrder: 1, renderMode: 'fit' },
  ];
  // 4x2 in 8x4 is scaled; 2x4 leaves black margins.
  show(cells, low, high);
  expect(luma()[0]).toBe('150 150 150 150 150 150 150 150');
  high.picture = frame(2, 4, 200);
  expect(luma()[0]).toBe('58 58 150 150 58 58 58 58');
  low.picture = frame(8, 4, 50);
  expect(luma()[0]).toBe('33 33 125 125 33 33 33 33');
  show(
    cells.map((cell) => ({ ...cell, opacity: cell.zOrder ? 0 : 1 })),
    low,
    high,
  );
  expect(luma()[0]).toBe('50 50 50 50 50 50 50 50');
});

test('the part of the source that a cell shows is asked of the input', () => {
  const ann = new PlainInput('ann', frame(4, 4, 5));
  const crop = { x: 10, y: 20, width: 30, height: 40 };
  show([{ ...LEFT, crop }], ann);
  expect(ann.prepared).toEqual([{ width: 4, height: 4, renderMode: 'crop', crop }]);
});

const CUSTOM: LayoutSpec = { mode: 'custom', cells: [LEFT] };

test('the background colour changes with the change that names it', () => {
  scene.want(wanted(CUSTOM, []), 0);
  // From the first moment on.
  expect(luma()[0]).toBe('17 17 17 17 17 17 17 17');
  scene.advance(0);
  const ann = new PlainInput('ann', frame(4, 4, 5));
  ann.ready = false;
  scene.want(wanted(CUSTOM, [ann], { background: '#ffffff' }), 0);
  expect(scene.advance(0)).toBe(false);
  expect(luma()[0]).toBe('17 17 17 17 17 17 17 17');
  ann.ready = true;
  expect(scene.advance(1)).toBe(true);
  expect(luma()[0]).toBe('5 5 5 5 235 235 235 235');
});

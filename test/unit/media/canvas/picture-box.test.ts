import { describe, expect, test } from 'vitest';
import { fitInside, partOf, pictureBox } from '../../../../src/media/canvas/picture-box.ts';

describe('where a picture stands in its cell', () => {
  const cell = { x: 100, y: 50, width: 200, height: 100 };

  test.each([
    ['4:3', { width: 320, height: 240 }, { width: 132, height: 100 }],
    ['16:9', { width: 1920, height: 1080 }, { width: 176, height: 100 }],
    ['2:1', { width: 400, height: 200 }, { width: 200, height: 100 }],
    ['21:9', { width: 840, height: 360 }, { width: 200, height: 84 }],
    ['1:1000', { width: 2, height: 2000 }, { width: 2, height: 100 }],
  ])('%s fits inside in even pixels', (_what, picture, wanted) => {
    expect(fitInside(picture, cell)).toEqual(wanted);
  });

  test('what fits already is centred and keeps its size', () => {
    const fitted = fitInside({ width: 320, height: 240 }, cell);
    const wanted = { x: 134, y: 50, width: 132, height: 100 };
    expect(pictureBox(fitted, cell, 'fit-background')).toEqual(wanted);
  });

  test('what was made for another cell is scaled into this one with its aspect', () => {
    expect(pictureBox({ width: 640, height: 640 }, cell, 'fit')).toEqual({
      x: 150,
      y: 50,
      width: 100,
      height: 100,
    });
  });

  test.each(['crop', 'stretch'] as const)('%s takes the whole cell', (renderMode) => {
    expect(pictureBox({ width: 640, height: 640 }, cell, renderMode)).toBe(cell);
  });
});

describe('the part of a source that a crop takes', () => {
  const source = { width: 320, height: 180 };

  test.each([
    ['lies within', { x: 160, y: 0, width: 160, height: 180 }, { x: 160, y: 0, width: 160, height: 180 }],
    [
      'is cut at the picture',
      { x: 300, y: 100, width: 500, height: 500 },
      { x: 300, y: 100, width: 20, height: 80 },
    ],
    ['is of even pixels', { x: 11, y: 3, width: 101, height: 51 }, { x: 10, y: 2, width: 102, height: 52 }],
    ['lies beyond', { x: 320, y: 0, width: 10, height: 10 }, null],
    ['leaves a pixel', { x: 318, y: 179, width: 10, height: 10 }, { x: 318, y: 178, width: 2, height: 2 }],
  ])('%s', (_what, crop, part) => {
    expect(partOf(source, crop)).toEqual(part);
  });
});

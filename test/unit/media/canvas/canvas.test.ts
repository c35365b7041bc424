import { describe, expect, test } from 'vitest';
import { FULL } from '../../../../src/media/canvas/blend.ts';
import {
  createCanvas,
  drawFrame,
  fillBox,
  parseColor,
  scaleFrame,
} from '../../../../src/media/canvas/canvas.ts';
import { type Frame, frameBytes } from '../../../../src/media/canvas/frame-pool.ts';

function plain(width: number, height: number, y: number, u: number, v: number): Frame {
  const data = Buffer.alloc(frameBytes(width, height), y);
  data.fill(u, width * height, width * height * 1.25).fill(v, width * height * 1.25);
  return { width, height, data, id: 1, ptsMs: 0 };
}

describe('canvas', () => {
  test.each([
    ['#000000', { y: 16, u: 128, v: 128 }],
    ['#ffffff', { y: 235, u: 128, v: 128 }],
    ['#ff0000', { y: 63, u: 102, v: 240 }],
  ])('%s is %o', (text, color) => {
    expect(parseColor(text)).toEqual(color);
  });

  test('a picture of the cell size fills its cell in every plane and nothing else', () => {
    const canvas = createCanvas(8, 4);
    fillBox(canvas, { x: 0, y: 0, width: 8, height: 4 }, { y: 1, u: 2, v: 3 });
    const box = { x: 4, y: 2, width: 4, height: 2 };
    drawFrame(canvas, plain(4, 2, 10, 20, 30), { box, clip: box, weight: FULL });
    expect([...canvas.data]).toEqual([
      ...Array(16).fill(1),
      ...[1, 1, 1, 1, 10, 10, 10, 10, 1, 1, 1, 1, 10, 10, 10, 10],
      ...[2, 2, 2, 2, 2, 2, 20, 20],
      ...[3, 3, 3, 3, 3, 3, 30, 30],
    ]);
  });

  test('a picture of another size is scaled to fill the cell, cut at the sides', () => {
    const frame = plain(8, 4, 0, 5, 6);
    for (let row = 0; row < 4; row++)
      for (let column = 0; column < 8; column++) frame.data[row * 8 + column] = column;
    const { data } = scaleFrame(frame, { width: 4, height: 4 }, false);
    expect([...data.subarray(0, 4)]).toEqual([2, 3, 4, 5]);
    expect([...data.subarray(16)]).toEqual([5, 5, 5, 5, 6, 6, 6, 6]);
  });
});

test('one colour fills a box in every plane and nothing else', () => {
  const canvas = createCanvas(4, 4);
  fillBox(canvas, { x: 0, y: 0, width: 4, height: 4 }, { y: 1, u: 2, v: 3 });
  fillBox(canvas, { x: 2, y: 0, width: 2, height: 2 }, { y: 7, u: 8, v: 9 });
  expect([...canvas.data]).toEqual([
    ...[1, 1, 7, 7, 1, 1, 7, 7, ...Array(8).fill(1)],
    ...[2, 8, 2, 2],
    ...[3, 9, 3, 3],
  ]);
});

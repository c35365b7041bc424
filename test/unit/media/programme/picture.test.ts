import { describe, expect, test } from 'vitest';
import { FULL } from '../../../../src/media/programme/blend.ts';
import {
  createCanvas,
  drawFrame,
  fillBox,
  parseColor,
  scaleFrame,
} from '../../../../src/media/programme/canvas.ts';
import { createFramePool, type Frame, frameBytes } from '../../../../src/media/programme/frame-pool.ts';
import { fitInside, partOf, pictureBox } from '../../../../src/media/programme/picture-box.ts';
import { createVideoFeed } from '../../../../src/media/programme/video-feed.ts';

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

describe('video feed', () => {
  function fed(...times: number[]) {
    const pool = createFramePool(4, 2);
    const feed = createVideoFeed(pool, 4, 2);
    for (const ptsMs of times) feed.push(Object.assign(pool.take(), { ptsMs }));
    return feed;
  }

  test('shows the newest picture whose time has come and holds it', () => {
    const feed = fed(0, 33, 66, 100);
    expect(feed.pick(-1)).toBeNull();
    expect(feed.pick(70)?.ptsMs).toBe(66);
    const held = feed.pick(100);
    expect(feed.pick(5000)).toBe(held);
  });

  test('a picture of a reused buffer has an id of its own', () => {
    const pool = createFramePool(4, 2);
    const feed = createVideoFeed(pool, 4, 2);
    const seen = new Set<number>();
    for (let ptsMs = 0; ptsMs < 500; ptsMs += 10) {
      feed.push(Object.assign(pool.take(), { ptsMs }));
      const id = feed.pick(ptsMs)?.id;
      if (id !== undefined) seen.add(id);
    }
    expect(seen.size).toBe(50);
  });

  test('too many waiting pictures are thinned out and still shown at their time', () => {
    const taken: number[] = [];
    const pool = createFramePool(4, 2);
    const feed = createVideoFeed({ ...pool, giveBack: (frame) => taken.push(frame.ptsMs) }, 4, 2);
    for (let ptsMs = 0; ptsMs < 1000; ptsMs += 5) feed.push(Object.assign(pool.take(), { ptsMs }));
    expect(taken.length).toBeGreaterThan(60);
    for (let now = 0; now < 1000; now += 50) {
      const behindMs = now - (feed.pick(now)?.ptsMs ?? Number.NEGATIVE_INFINITY);
      expect(behindMs).toBeGreaterThanOrEqual(0);
      expect(behindMs).toBeLessThan(25);
    }
  });

  test('a picture from a far future is shown as it comes', () => {
    const feed = fed(...Array.from({ length: 100 }, (_, index) => 1_000_000 + index));
    expect(feed.pick(0)?.ptsMs).toBe(1_000_099);
  });
});

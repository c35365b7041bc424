import { describe, expect, test } from 'vitest';
import { FULL } from '../../../../src/media/canvas/blend.ts';
import {
  createCanvas,
  drawFrame,
  drawPicture,
  fillBox,
  parseColor,
} from '../../../../src/media/canvas/canvas.ts';
import { frameBytes } from '../../../../src/media/canvas/frame-pool.ts';
import type { Picture } from '../../../../src/media/canvas/picture.ts';
import { textPicture } from '../../../../src/media/pictures/text-picture.ts';

const WHOLE = { x: 0, y: 0, width: 8, height: 8 };

function grey(luma: number) {
  const canvas = createCanvas(8, 8);
  fillBox(canvas, WHOLE, { y: luma, u: 100, v: 150 });
  return canvas;
}

/** One colour and one alpha everywhere, by the arithmetic of real numbers. */
function plain(width: number, height: number, color: string, alpha: number): Picture {
  return textPicture({ width, height, data: new Uint8Array(width * height).fill(alpha) }, color);
}

function mixed(below: number, above: number, alpha: number): number {
  return above * (alpha / 255) + below * (1 - alpha / 255);
}

describe('a picture with alpha', () => {
  test.each([0, 1, 2, 64, 127, 128, 129, 200, 254, 255])(
    'of %i mixes with what lies below, in luma and chroma',
    (alpha) => {
      for (const color of ['#ffffff', '#000000', '#ff0000', '#0000ff', '#12a4c8']) {
        const canvas = grey(180);
        const { y, u, v } = parseColor(color);
        drawPicture(canvas, plain(8, 8, color, alpha), { box: WHOLE, clip: WHOLE, weight: FULL });
        const [luma, first, second] = [canvas.data[0], canvas.data[64], canvas.data[80]] as number[];
        expect(Math.abs((luma ?? 0) - mixed(180, y, alpha))).toBeLessThanOrEqual(2);
        expect(Math.abs((first ?? 0) - mixed(100, u, alpha))).toBeLessThanOrEqual(2);
        expect(Math.abs((second ?? 0) - mixed(150, v, alpha))).toBeLessThanOrEqual(2);
        // Every pixel of a plane is alike: no row or edge is left out.
        expect(new Set(canvas.data.subarray(0, 64)).size).toBe(1);
        expect(new Set(canvas.data.subarray(64, 80)).size).toBe(1);
      }
    },
  );

  test('that covers fully or not at all leaves exact values', () => {
    const canvas = grey(180);
    drawPicture(canvas, plain(8, 8, '#ff0000', 0), { box: WHOLE, clip: WHOLE, weight: FULL });
    expect(canvas.data).toEqual(grey(180).data);
    drawPicture(canvas, plain(8, 8, '#ff0000', 255), { box: WHOLE, clip: WHOLE, weight: FULL });
    const { y, u, v } = parseColor('#ff0000');
    expect([canvas.data[0], canvas.data[64], canvas.data[80]]).toEqual([y, u, v]);
  });

  test('at an odd edge colours half of the chroma pixel that it half covers', () => {
    const mask = new Uint8Array(64);
    for (let row = 0; row < 8; row++) mask.fill(255, row * 8, row * 8 + 3);
    const canvas = grey(180);
    const picture = textPicture({ width: 8, height: 8, data: mask }, '#0000ff');
    drawPicture(canvas, picture, { box: WHOLE, clip: WHOLE, weight: FULL });
    const { y, u } = parseColor('#0000ff');
    expect([...canvas.data.subarray(0, 8)]).toEqual([y, y, y, 180, 180, 180, 180, 180]);
    expect([...canvas.data.subarray(64, 68)]).toEqual([u, (u + 100) / 2, 100, 100]);
  });

  test('drawn in parts is as drawn at once', () => {
    const box = { x: 2, y: 2, width: 6, height: 4 };
    const picture = plain(6, 4, '#20c040', 90);
    for (let at = 0; at < picture.data.length; at++) picture.data[at] = (at * 37) % 90;
    const [whole, parts] = [grey(200), grey(200)];
    drawPicture(whole, picture, { box, clip: WHOLE, weight: 200 });
    for (const x of [0, 2, 4, 6]) {
      for (const y of [0, 4]) {
        const clip = { x, y, width: 2, height: 4 };
        drawPicture(parts, picture, { box, clip, weight: 200 });
      }
    }
    expect(parts.data).toEqual(whole.data);
    expect(whole.data).not.toEqual(grey(200).data);
  });
});

test.each([0, 64, 128, 255, 256])('weight %i of an opaque picture or colour is its share', (weight) => {
  const frame = { width: 8, height: 8, data: Buffer.alloc(frameBytes(8, 8), 40), id: 1, ptsMs: 0 };
  const [canvas, filled] = [grey(200), grey(200)];
  drawFrame(canvas, frame, { box: WHOLE, clip: WHOLE, weight });
  fillBox(filled, WHOLE, { y: 40, u: 40, v: 40 }, weight);
  expect(canvas.data).toEqual(filled.data);
  const share = weight / 256;
  for (const [at, below] of [
    [0, 200],
    [64, 100],
    [95, 150],
  ] as const) {
    expect(Math.abs((canvas.data[at] ?? 0) - (40 * share + below * (1 - share)))).toBeLessThanOrEqual(1);
  }
});

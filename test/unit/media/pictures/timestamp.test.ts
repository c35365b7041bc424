import { describe, expect, test } from 'vitest';
import { WATERMARK_PLACES } from '../../../../src/domain/programme.ts';
import {
  composeText,
  type GlyphStrip,
  glyphBoxes,
  glyphPlace,
  measureStrip,
  placedAt,
  TIME_GLYPHS,
  timestampText,
} from '../../../../src/media/pictures/timestamp.ts';

describe('the text of a moment', () => {
  test.each([
    ['2026-11-22T21:05:09.999Z', 0, '2026-11-22 21:05:09'],
    ['2026-11-22T21:05:09.000Z', 8, '2026-11-23 05:05:09'],
    ['2026-11-22T21:05:09.000Z', 5.5, '2026-11-23 02:35:09'],
    ['2026-11-22T21:05:09.000Z', 5.75, '2026-11-23 02:50:09'],
    ['2026-11-22T02:05:09.000Z', -3.5, '2026-11-21 22:35:09'],
    ['2024-02-28T23:30:00.000Z', 1, '2024-02-29 00:30:00'],
    ['2026-12-31T23:59:59.000Z', -12, '2026-12-31 11:59:59'],
    ['2026-12-31T12:00:00.000Z', 14, '2027-01-01 02:00:00'],
  ])('%s at %d is %s', (moment, timeZone, text) => {
    expect(timestampText(Date.parse(moment), timeZone)).toBe(text);
  });
});

const FONT_SIZE = 20;

/** A strip whose glyphs are blocks, each of a width of its own and filled with its number. */
function strip(): GlyphStrip {
  const place = glyphPlace(FONT_SIZE);
  const width = place * TIME_GLYPHS.length;
  const data = new Uint8Array(width * place);
  for (const [at] of TIME_GLYPHS.entries()) {
    for (let row = 4; row < 16; row++) {
      const left = row * width + at * place + 1;
      data.fill(100 + at, left, left + 3 + (at % 5));
    }
  }
  return measureStrip({ width, height: place, data });
}

describe('a time put together from glyphs', () => {
  test('finds each glyph in the strip', () => {
    const { glyphs } = strip();
    expect(glyphs).toHaveLength(12);
    expect(glyphs[7]).toEqual({ left: 7 * 20 + 1, width: 5 });
    expect(glyphs[11]).toEqual({ left: 11 * 20 + 1, width: 4 });
  });

  test('has all its glyphs in order, none over another, all inside', () => {
    const text = '2026-11-22 21:05:39';
    const { boxes, width } = glyphBoxes(text, strip());
    expect(boxes).toHaveLength(text.length - 1);
    for (const [at, box] of boxes.entries()) {
      const next = boxes[at + 1]?.x ?? width;
      expect(box.x).toBeGreaterThan(0);
      expect(box.x + box.width).toBeLessThan(next);
    }
    expect(width % 2).toBe(0);
  });

  test('does not move from second to second, whatever its digits', () => {
    const places = ['2026-11-22 21:05:39', '1111-11-11 11:11:11'].map((text) => {
      const { boxes, width } = glyphBoxes(text, strip());
      // The signs between the digits stand where they stood.
      return [width, ...boxes.filter(({ left }) => left >= 10 * 20).map(({ x }) => x)];
    });
    expect(places[0]).toEqual(places[1]);
  });

  test('shows the pixels of its glyphs and nothing else', () => {
    const made = strip();
    const text = '12:30';
    const { data, width, height } = composeText(text, made);
    expect(height).toBe(20);
    const row = [...data.subarray(10 * width, 11 * width)].filter((value) => value !== 0);
    const wanted = [...text].flatMap((character) => {
      const at = TIME_GLYPHS.indexOf(character);
      return Array(made.glyphs[at]?.width ?? 0).fill(100 + at);
    });
    expect(row).toEqual(wanted);
    expect(data.subarray(0, width).every((value) => value === 0)).toBe(true);
  });
});

test.each(WATERMARK_PLACES)(
  'at %s it lies on even pixels within the canvas, a little from the edge',
  (place) => {
    const [picture, canvas] = [
      { width: 300, height: 36 },
      { width: 1280, height: 720 },
    ];
    const box = placedAt(place, picture, canvas);
    expect(box).toMatchObject(picture);
    const [right, below] = [1280 - box.x - 300, 720 - box.y - 36];
    const sides = { left: box.x, right, top: box.y, bottom: below };
    for (const [side, distance] of Object.entries(sides)) {
      expect(distance % 2).toBe(0);
      if (place.includes(side)) expect(distance).toBeCloseTo(18, -1);
      else expect(distance).toBeGreaterThanOrEqual(18);
    }
    if (!/left|right/.test(place)) expect(Math.abs(box.x - right)).toBeLessThanOrEqual(2);
    if (place === 'centre') expect(Math.abs(box.y - below)).toBeLessThanOrEqual(2);
  },
);

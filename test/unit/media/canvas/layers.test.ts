import { describe, expect, test } from 'vitest';
import { damage, intersection, type Layer, planDraws, without } from '../../../../src/media/canvas/layers.ts';
import { seededWhole } from '../../../support/random.ts';

const CANVAS = { x: 0, y: 0, width: 24, height: 16 };

const even = (value: number) => value * 2;

function someBox(next: (below: number) => number) {
  const width = even(1 + next(8));
  const height = even(1 + next(6));
  // Some reach beyond the canvas, as watermarks may.
  return { x: even(next(12)), y: even(next(8)), width, height };
}

type Look = Layer & { readonly value: number };

function someLayers(next: (below: number) => number, count: number): Look[] {
  const ground: Look = { key: 'ground', box: CANVAS, opaque: true, stamp: 0, value: 1 };
  const others = Array.from({ length: count }, (_, at) => ({
    ...{ key: `layer ${at}`, box: someBox(next), opaque: next(2) === 0 },
    ...{ stamp: 0, value: 2 + at },
  }));
  return [ground, ...others];
}

/** A canvas whose pixels hold what was drawn there: what is translucent is added to what lies below. */
function draw(pixels: string[], layer: Look, clip: typeof CANVAS): void {
  const look = `${layer.value}.${layer.stamp}`;
  for (let y = clip.y; y < clip.y + clip.height; y++) {
    for (let x = clip.x; x < clip.x + clip.width; x++) {
      const at = y * CANVAS.width + x;
      pixels[at] = layer.opaque ? look : `${pixels[at]} ${look}`;
    }
  }
}

function drawAll(layers: readonly Look[]): string[] {
  const pixels: string[] = Array(CANVAS.width * CANVAS.height).fill('');
  for (const layer of layers) {
    const clip = intersection(layer.box, CANVAS);
    if (clip) draw(pixels, layer, clip);
  }
  return pixels;
}

/** Some layers look different, some of them moved too. */
function changed(layers: readonly Look[], next: (below: number) => number): Look[] {
  return layers.map((layer, at) => {
    const how = at === 0 ? 9 : next(6);
    if (how === 0) return { ...layer, stamp: layer.stamp + 1 };
    if (how === 1) return { ...layer, stamp: layer.stamp + 1, box: someBox(next) };
    if (how === 2) return { ...layer, stamp: layer.stamp + 1, opaque: !layer.opaque };
    return layer;
  });
}

describe('what is drawn anew', () => {
  test.each(Array.from({ length: 60 }, (_, seed) => [seed]))(
    'gives the same picture as drawing everything, change after change (%i)',
    (seed) => {
      const next = seededWhole(seed);
      let layers = someLayers(next, 1 + next(7));
      let before: readonly Layer[] | null = null;
      const pixels: string[] = Array(CANVAS.width * CANVAS.height).fill('garbage');
      for (let step = 0; step < 20; step++) {
        for (const { layer, clip } of planDraws(layers, damage(CANVAS, before, layers))) {
          draw(pixels, layers[layer] as Look, clip);
        }
        expect(pixels).toEqual(drawAll(layers));
        before = layers;
        // Now and then one goes or two change places.
        if (next(8) === 0 && layers.length > 2) layers = layers.filter((_, at) => at !== 1);
        else if (next(8) === 0) layers = [...layers.slice(0, 1), ...layers.slice(1).reverse()];
        else layers = changed(layers, next);
      }
    },
  );

  test('is nothing when nothing changed', () => {
    const layers = someLayers(seededWhole(1), 5);
    expect(damage(CANVAS, layers, [...layers])).toEqual([]);
    expect(planDraws(layers, [])).toEqual([]);
  });

  test('is the changed cell and the part of what lies above it, not what it hides', () => {
    const cell = { key: 'cell', box: { x: 0, y: 0, width: 12, height: 8 }, opaque: true, stamp: 1 };
    const mark = { key: 'mark', box: { x: 8, y: 4, width: 8, height: 8 }, opaque: false, stamp: 1 };
    const ground = { key: 'ground', box: CANVAS, opaque: true, stamp: 0 };
    const now = [ground, { ...cell, stamp: 2 }, mark];
    const region = damage(CANVAS, [ground, cell, mark], now);
    expect(region).toEqual([cell.box]);
    expect(planDraws(now, region)).toEqual([
      { layer: 1, clip: cell.box },
      { layer: 2, clip: { x: 8, y: 4, width: 4, height: 4 } },
    ]);
  });
});

test('what is left of a box without another does not overlap and is the rest', () => {
  const next = seededWhole(7);
  for (let round = 0; round < 300; round++) {
    const [from, hole] = [someBox(next), someBox(next)];
    const parts = without(from, hole);
    const area = (box: { width: number; height: number } | null) => (box ? box.width * box.height : 0);
    const rest = area(from) - area(intersection(from, hole));
    expect(parts.reduce((sum, part) => sum + area(part), 0)).toBe(rest);
    for (const part of parts) {
      expect(intersection(part, hole)).toBeNull();
      expect(intersection(part, from)).toEqual(part);
    }
  }
});

import type { Box } from '../../domain/layout/box.ts';

/** Something that stands on the canvas at this tick. */
export interface Layer {
  /** Who it is, from one tick to the next. */
  readonly key: string;
  readonly box: Box;
  /** It hides all that lies below its box. */
  readonly opaque: boolean;
  /** Another one: it looks different. */
  readonly stamp: number;
}

/** A part of a layer to be drawn: its place in the list, and where. */
export interface Draw {
  readonly layer: number;
  readonly clip: Box;
}

/** null when they have nothing in common. */
export function intersection(a: Box, b: Box): Box | null {
  const [x, y] = [Math.max(a.x, b.x), Math.max(a.y, b.y)];
  const width = Math.min(a.x + a.width, b.x + b.width) - x;
  const height = Math.min(a.y + a.height, b.y + b.height) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}

/** What is left of one rectangle without another, in up to four that do not overlap. */
export function without(from: Box, hole: Box): Box[] {
  const cut = intersection(from, hole);
  if (cut === null) return [from];
  const { x, width } = from;
  const [below, right] = [cut.y + cut.height, cut.x + cut.width];
  const sides = { y: cut.y, height: cut.height };
  return [
    { x, width, y: from.y, height: cut.y - from.y },
    { ...sides, x, width: cut.x - x },
    { ...sides, x: right, width: x + width - right },
    { x, width, y: below, height: from.y + from.height - below },
  ].filter((part) => part.width > 0 && part.height > 0);
}

/** Adds a rectangle to some that do not overlap, so that they still do not. */
function add(region: Box[], box: Box): void {
  let parts = [box];
  for (const known of region) parts = parts.flatMap((part) => without(part, known));
  region.push(...parts);
}

function sameBox(a: Box, b: Box): boolean {
  return a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
}

/** Where a canvas that shows `before` must be drawn anew to show `now`; the parts do not overlap. */
export function damage(canvas: Box, before: readonly Layer[] | null, now: readonly Layer[]): Box[] {
  const isSameStack =
    before?.length === now.length && before.every((layer, at) => layer.key === now[at]?.key);
  if (!before || !isSameStack) return [canvas];
  const region: Box[] = [];
  for (const [at, layer] of now.entries()) {
    const known = before[at];
    if (!known || known.stamp === layer.stamp) continue;
    for (const box of sameBox(known.box, layer.box) ? [layer.box] : [known.box, layer.box]) {
      const part = intersection(box, canvas);
      if (part) add(region, part);
    }
  }
  return region;
}

/**
 * What to draw, from low to high, so that the damaged region shows the layers: nothing that an opaque layer
 * hides, and no pixel of a layer twice. The lowest layer is opaque and fills the canvas.
 */
export function planDraws(layers: readonly Layer[], damaged: readonly Box[]): Draw[] {
  const draws: Draw[] = [];
  let open = [...damaged];
  for (let layer = layers.length - 1; layer >= 0 && open.length > 0; layer--) {
    const { box, opaque } = layers[layer] as Layer;
    for (const part of open) {
      const clip = intersection(part, box);
      if (clip) draws.push({ layer, clip });
    }
    if (opaque) open = open.flatMap((part) => without(part, box));
  }
  return draws.reverse();
}

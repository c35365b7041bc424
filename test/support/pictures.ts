import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Box, colourDistance, type Picture, type Rgb } from './media-checks.ts';

const run = promisify(execFile);

/** Every picture of a file, scaled down to this size. */
export async function allPictures(file: string, width: number, height: number): Promise<Picture[]> {
  const args = ['-v', 'error', '-i', file, '-an', '-fps_mode', 'passthrough'];
  const scaled = ['-vf', `scale=${width}:${height}:flags=area`, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'];
  const { stdout } = await run('ffmpeg', [...args, ...scaled], {
    encoding: 'buffer',
    maxBuffer: 2 * 1024 ** 3,
  });
  const bytes = width * height * 3;
  return Array.from({ length: Math.floor(stdout.length / bytes) }, (_, index) => ({
    width,
    height,
    rgb: stdout.subarray(index * bytes, (index + 1) * bytes),
  }));
}

/** A part of the picture that has one colour; later ones lie above. */
export interface Patch extends Box {
  readonly colour: Rgb;
}

export function patch(colour: Rgb, x: number, y: number, width: number, height: number): Patch {
  return { colour, x, y, width, height };
}

function inside(box: Box, x: number, y: number, by: number): boolean {
  return x >= box.x - by && x < box.x + box.width + by && y >= box.y - by && y < box.y + box.height + by;
}

function isNearEdge(patches: readonly Patch[], x: number, y: number, near: number): boolean {
  return patches.some((patch) => inside(patch, x, y, near) && !inside(patch, x, y, -near));
}

const STEP = 6;
const NEAR = 5;
/** Codec and colour conversion move a channel by less. */
const TOLERANCE = 60;

/** Places of the picture, but those at an edge, that do not have the colour of their patch, or else the background. */
export function differences(picture: Picture, patches: readonly Patch[], background: Rgb): string[] {
  const wrong: string[] = [];
  for (let y = STEP / 2; y < picture.height; y += STEP) {
    for (let x = STEP / 2; x < picture.width; x += STEP) {
      if (isNearEdge(patches, x, y, NEAR)) continue;
      const wanted = patches.findLast((patch) => inside(patch, x, y, 0))?.colour ?? background;
      const at = (y * picture.width + x) * 3;
      const [r = 0, g = 0, b = 0] = picture.rgb.subarray(at, at + 3);
      if (colourDistance([r, g, b], wanted) > TOLERANCE)
        wrong.push(`${x},${y} is ${[r, g, b]}, not ${wanted}`);
    }
  }
  return wrong;
}

const REACH = 6;
/** A sharp edge between two colours moves by less in 4:2:0 and a codec. */
const EDGE_TOLERANCE = 2.5;
const PLACES = [0.5, 0.25, 0.75, 0.1, 0.9];

function colourAt(picture: Picture, x: number, y: number): Rgb {
  const [r = 0, g = 0, b = 0] = picture.rgb.subarray((y * picture.width + x) * 3);
  return [r, g, b];
}

/** Places across the middle of each side of a box, from 6 pixels inside to 6 outside. */
function crossings({ x, y, width, height }: Box, place: number): (readonly [number, number])[][] {
  const steps = Array.from({ length: 2 * REACH }, (_, index) => index - REACH);
  const along = { x: Math.round(x + width * place), y: Math.round(y + height * place) };
  return [
    steps.map((step) => [x - 1 - step, along.y]),
    steps.map((step) => [x + width + step, along.y]),
    steps.map((step) => [along.x, y - 1 - step]),
    steps.map((step) => [along.x, y + height + step]),
  ].map((line) => line.map(([px = 0, py = 0]) => [Math.round(px), Math.round(py)]));
}

/** How far the edge on this line is from where it should be; null when there is no edge, or more than one. */
function edgeOffset(
  picture: Picture,
  patches: readonly Patch[],
  background: Rgb,
  line: readonly (readonly [number, number])[],
): number | null {
  if (line.some(([x, y]) => x < 0 || y < 0 || x >= picture.width || y >= picture.height)) return null;
  const owners = line.map(([x, y]) => patches.findLast((patch) => inside(patch, x, y, 0)));
  const inner = owners[0]?.colour ?? background;
  const outer = owners.at(-1)?.colour ?? background;
  const expected = owners.findIndex((owner) => owner !== owners[0]);
  const isSingle = expected > 0 && owners.slice(expected).every((owner) => owner === owners.at(-1));
  if (!isSingle || colourDistance(inner, outer) < TOLERANCE) return null;
  const crossed = line.findIndex(([x, y]) => {
    const seen = colourAt(picture, x, y);
    return colourDistance(seen, outer) < colourDistance(seen, inner);
  });
  return crossed < 0 ? REACH : crossed - expected;
}

/** Edges of patches that stand elsewhere than they should; those that cannot be seen do not count. */
export function edgesAround(picture: Picture, patches: readonly Patch[], background: Rgb): string[] {
  return patches.flatMap((patch, index) =>
    ['left', 'right', 'top', 'bottom'].flatMap((side, at) => {
      const offsets = PLACES.map((place) =>
        edgeOffset(picture, patches, background, crossings(patch, place)[at] ?? []),
      );
      const offset = offsets.find((one) => one !== null) ?? 0;
      return Math.abs(offset) > EDGE_TOLERANCE ? [`patch ${index}: ${side} edge off by ${offset}`] : [];
    }),
  );
}

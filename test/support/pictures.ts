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

import { type Frame, frameBytes, nextFrameId } from './frame-pool.ts';

const BOX_LUMA = 44;
const FIGURE_LUMA = 92;
const NEUTRAL = 128;

/** Head and shoulders, in parts of the smaller side around the middle. */
function isFigure(dx: number, dy: number): boolean {
  const head = dx * dx + (dy + 0.12) ** 2 < 0.1 ** 2;
  const shoulders = dy > 0.02 && dy < 0.24 && (dx / 0.2) ** 2 + ((dy - 0.24) / 0.22) ** 2 < 1;
  return head || shoulders;
}

function draw(width: number, height: number): Frame {
  const data = Buffer.alloc(frameBytes(width, height), NEUTRAL);
  const side = Math.min(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const figure = isFigure((x - width / 2) / side, (y - height / 2) / side);
      data[y * width + x] = figure ? FIGURE_LUMA : BOX_LUMA;
    }
  }
  return { width, height, data, id: nextFrameId(), ptsMs: 0 };
}

/** Layouts made of ever new sizes must not fill the memory. */
const MAX_KEPT = 32;

/** Pictures that stand for a user without a picture, drawn once a size. */
export function createPlaceholders(): { get(width: number, height: number): Frame } {
  const drawn = new Map<string, Frame>();
  return {
    get(width, height) {
      const key = `${width}x${height}`;
      const known = drawn.get(key);
      if (known) return known;
      const frame = draw(width, height);
      if (drawn.size >= MAX_KEPT) drawn.clear();
      drawn.set(key, frame);
      return frame;
    },
  };
}

import { parseColor } from '../canvas/canvas.ts';
import { frameBytes, nextFrameId } from '../canvas/frame-pool.ts';
import { halved, type Picture } from '../canvas/picture.ts';

/** How much of each pixel the text covers, 0 to 255; even sides. */
export interface TextMask {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

interface Ink {
  /** Y, U and V, black being 0. */
  readonly values: readonly [number, number, number];
  /** 0 to 1. */
  readonly alpha: number;
}

const ZERO = [16, 128, 128] as const;

/** `#rrggbb` or `#rrggbbaa`. */
function parseInk(text: string): Ink {
  const { y, u, v } = parseColor(text);
  const alpha = /^#[0-9a-f]{6}([0-9a-f]{2})$/i.exec(text)?.[1] ?? 'ff';
  return { values: [y - ZERO[0], u - ZERO[1], v - ZERO[2]], alpha: Number.parseInt(alpha, 16) / 255 };
}

/** For each value of the mask the value of a plane, or (plane 3) the alpha. */
function tableOf(plane: number, ink: Ink, paper: Ink | null): Uint8Array {
  const [zero, own, below] =
    plane === 3 ? [0, 255, 255] : [ZERO[plane] ?? 0, ink.values[plane] ?? 0, paper?.values[plane] ?? 0];
  return Uint8Array.from({ length: 256 }, (_, mask) => {
    const covers = (mask / 255) * ink.alpha;
    return Math.round(zero + own * covers + below * (1 - covers) * (paper?.alpha ?? 0));
  });
}

/** The text in its colour on its background (none by default), as a picture. */
export function textPicture(mask: TextMask, color: string, background?: string): Picture {
  const { width, height } = mask;
  const [ink, paper] = [parseInk(color), background === undefined ? null : parseInk(background)];
  const quarter = halved(mask.data, width, height);
  const paint = (plane: number, from: Uint8Array): Uint8Array => {
    const table = tableOf(plane, ink, paper);
    const out = new Uint8Array(from.length);
    for (let at = 0; at < from.length; at++) out[at] = table[from[at] as number] as number;
    return out;
  };
  const data = Buffer.allocUnsafeSlow(frameBytes(width, height));
  data.set(paint(0, mask.data));
  data.set(paint(1, quarter), width * height);
  data.set(paint(2, quarter), width * height * 1.25);
  const alpha = { luma: paint(3, mask.data), chroma: paint(3, quarter) };
  return { width, height, data, id: nextFrameId(), ptsMs: 0, alpha };
}

import { type Box, type CanvasSize, evenBox } from '../../domain/layout/box.ts';
import type { WatermarkPlace } from '../../domain/programme.ts';
import type { TextMask } from './text-picture.ts';

/** What the time is written with; a blank needs no picture. */
export const TIME_GLYPHS = [...'0123456789-:'];
const DIGITS = 10;

const HOUR_MS = 3_600_000;
/** Parts of the font's size. */
const BETWEEN = 0.05;
const BLANK = 0.3;
/** From the canvas' edge, in parts of its height. */
const MARGIN = 0.025;

/** `YYYY-MM-DD hh:mm:ss` so many hours from UTC. */
export function timestampText(unixMs: number, timeZone: number): string {
  return new Date(unixMs + timeZone * HOUR_MS).toISOString().slice(0, 19).replace('T', ' ');
}

/** Width of a glyph's place in the strip; the widest digit of any font has room. */
export function glyphPlace(fontSize: number): number {
  return Math.ceil(fontSize / 2) * 2;
}

/** The part of the strip that a glyph is. */
interface Glyph {
  readonly left: number;
  readonly width: number;
}

/** The glyphs of a strip rendered once, with the columns where there is something of each. */
export interface GlyphStrip {
  readonly mask: TextMask;
  readonly glyphs: readonly Glyph[];
}

function isInked({ data, width, height }: TextMask, column: number): boolean {
  for (let row = 0; row < height; row++) if (data[row * width + column] !== 0) return true;
  return false;
}

export function measureStrip(mask: TextMask): GlyphStrip {
  const place = mask.width / TIME_GLYPHS.length;
  const glyphs = TIME_GLYPHS.map((_, at) => {
    const columns = Array.from({ length: place }, (_column, index) => at * place + index);
    const inked = columns.filter((column) => isInked(mask, column));
    const left = inked[0] ?? at * place;
    return { left, width: (inked.at(-1) ?? left) - left + 1 };
  });
  return { mask, glyphs };
}

/** A glyph of the strip and where it goes. */
export interface GlyphBox extends Glyph {
  readonly x: number;
}

/** Where the glyphs of a text stand; all digits take the same room, so that nothing moves from second to second. */
export function glyphBoxes(text: string, { mask, glyphs }: GlyphStrip): { boxes: GlyphBox[]; width: number } {
  const digit = Math.max(...glyphs.slice(0, DIGITS).map((glyph) => glyph.width));
  const between = Math.max(1, Math.round(mask.height * BETWEEN));
  const boxes: GlyphBox[] = [];
  let x = between;
  for (const character of text) {
    const at = TIME_GLYPHS.indexOf(character);
    const glyph = glyphs[at];
    const room = !glyph ? Math.round(mask.height * BLANK) : at < DIGITS ? digit : glyph.width;
    if (glyph) boxes.push({ ...glyph, x: x + Math.floor((room - glyph.width) / 2) });
    x += room + between;
  }
  return { boxes, width: Math.ceil(x / 2) * 2 };
}

/** The text put together from the strip. */
export function composeText(text: string, strip: GlyphStrip): TextMask {
  const { boxes, width } = glyphBoxes(text, strip);
  const { mask } = strip;
  const data = new Uint8Array(width * mask.height);
  for (const { left, x, width: columns } of boxes) {
    for (let row = 0; row < mask.height; row++) {
      const from = row * mask.width + left;
      data.set(mask.data.subarray(from, from + columns), row * width + x);
    }
  }
  return { width, height: mask.height, data };
}

/** The box of a picture of this size at a place of the canvas, a little from its edges. */
export function placedAt(place: WatermarkPlace, { width, height }: CanvasSize, canvas: CanvasSize): Box {
  const margin = MARGIN * canvas.height;
  const [right, bottom] = [canvas.width - width - margin, canvas.height - height - margin];
  const middle = (canvas.width - width) / 2;
  switch (place) {
    case 'top-left':
      return evenBox(margin, margin, width, height);
    case 'top-right':
      return evenBox(right, margin, width, height);
    case 'bottom-left':
      return evenBox(margin, bottom, width, height);
    case 'bottom-right':
      return evenBox(right, bottom, width, height);
    case 'top':
      return evenBox(middle, margin, width, height);
    case 'bottom':
      return evenBox(middle, bottom, width, height);
    case 'centre':
      return evenBox(middle, (canvas.height - height) / 2, width, height);
  }
}

import type { CanvasSize } from '../../domain/layout/box.ts';
import { type Canvas, createCanvas, fillBox, parseColor, type YuvColor } from '../canvas/canvas.ts';

const WHITE: YuvColor = { y: 235, u: 128, v: 128 };
/** Degrees between two colours that follow one another: no two of many are alike. */
const GOLDEN_ANGLE = 137.5;
const SATURATION = 0.55;
const LIGHTNESS = 0.38;

/** `#rrggbb`, another one for each index. */
export function cardColor(index: number): string {
  const hue = (210 + index * GOLDEN_ANGLE) % 360;
  const part = (shift: number): string => {
    const k = (shift + hue / 30) % 12;
    const spread = SATURATION * Math.min(LIGHTNESS, 1 - LIGHTNESS);
    const value = LIGHTNESS - spread * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(value * 255)
      .toString(16)
      .padStart(2, '0');
  };
  return `#${part(0)}${part(8)}${part(4)}`;
}

/** A frame along the edges, which a cut takes away, and a circle, which a stretch bends. */
function drawFigures(card: Canvas): void {
  const { width, height } = card;
  const line = Math.max(2, Math.round(Math.min(width, height) / 120) * 2);
  const [right, bottom] = [width - line, height - line];
  fillBox(card, { x: 0, y: 0, width, height: line }, WHITE);
  fillBox(card, { x: 0, y: bottom, width, height: line }, WHITE);
  fillBox(card, { x: 0, y: 0, width: line, height }, WHITE);
  fillBox(card, { x: right, y: 0, width: line, height }, WHITE);
  const radius = 0.42 * Math.min(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const distance = Math.hypot(x + 0.5 - width / 2, y + 0.5 - height / 2);
      if (Math.abs(distance - radius) <= line / 2) card.data[y * width + x] = WHITE.y;
    }
  }
}

/** A camera's picture as yuv420p: one colour, a frame and a circle. */
export function drawTestCard({ width, height }: CanvasSize, color: string): Buffer {
  const card = createCanvas(width, height);
  fillBox(card, { x: 0, y: 0, width, height }, parseColor(color));
  drawFigures(card);
  return card.data;
}

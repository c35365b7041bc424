import { GatewayError } from '../errors.ts';
import { canonicalUser, parseUserId } from '../ids.ts';
import { type CanvasSize, MAX_INPUTS } from './box.ts';
import type { CustomCell, CustomLayout, LayoutSpec } from './spec.ts';

function refuse(message: string): never {
  throw new GatewayError('bad-request', message);
}

function nameOf({ source }: CustomCell): string | null {
  return source ? `${canonicalUser(source.userId)} ${source.stream}` : null;
}

function checkCustom({ cells }: CustomLayout, canvas: CanvasSize): void {
  if (cells.length > MAX_INPUTS) refuse(`a custom layout has at most ${MAX_INPUTS} cells`);
  for (const [at, cell] of cells.entries()) {
    if (cell.source) parseUserId(cell.source.userId);
    const sides = [cell.x, cell.y, cell.width - 2, cell.height - 2];
    if (sides.some((side) => !Number.isInteger(side) || side < 0)) {
      refuse(`cell ${at + 1}: places are whole pixels from 0, sizes from 2`);
    }
    if (cell.x + cell.width > canvas.width || cell.y + cell.height > canvas.height) {
      refuse(`cell ${at + 1} reaches beyond the ${canvas.width}x${canvas.height} canvas`);
    }
  }
  const names = cells.map(nameOf).filter((name) => name !== null);
  if (new Set(names).size < names.length) refuse('a stream can stand in one cell only');
}

/** Throws `bad-request` or `bad-user-id` for a layout that cannot be shown on this canvas. */
export function checkLayout(layout: LayoutSpec, canvas: CanvasSize): void {
  if (layout.mode === 'custom') checkCustom(layout, canvas);
  else if (layout.mode !== 'grid' && layout.main) parseUserId(layout.main.userId);
}

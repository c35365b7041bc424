import { parseUserId } from '../ids.ts';
import { checkPictureUrl } from '../picture-url.ts';
import { LIMITS } from '../programme-limits.ts';
import { roomUserKey } from '../room-user.ts';
import { assertNumber, assertOneOf, assertWhole, refuse } from '../rule.ts';
import { type CanvasSize, DEFAULT_MAX_INPUTS } from './box.ts';
import {
  type CustomCell,
  type CustomLayout,
  type LayoutSpec,
  RENDER_MODES,
  type SourceCrop,
} from './spec.ts';

const MIN_SIDE = 2;

function nameOf({ source }: CustomCell): string | null {
  return source ? `${roomUserKey(source)} ${source.stream}` : null;
}

function checkPlace(what: string, cell: CustomCell, canvas: CanvasSize | null): void {
  const sides = [cell.x, cell.y, cell.width - MIN_SIDE, cell.height - MIN_SIDE];
  if (sides.some((side) => !Number.isInteger(side) || side < 0)) {
    refuse(`${what}: places are whole pixels from 0, sizes from ${MIN_SIDE}`);
  }
  if (canvas && (cell.x + cell.width > canvas.width || cell.y + cell.height > canvas.height)) {
    refuse(`${what} reaches beyond the ${canvas.width}x${canvas.height} canvas`);
  }
}

function checkCrop(what: string, crop: SourceCrop): void {
  const sides = [crop.x, crop.y, crop.width - 1, crop.height - 1];
  if (sides.some((side) => !Number.isInteger(side) || side < 0)) {
    refuse(`${what}: a crop begins at whole pixels from 0 and is 1 pixel large at least`);
  }
  if (crop.x + crop.width > LIMITS.cropEdge || crop.y + crop.height > LIMITS.cropEdge) {
    refuse(`${what}: a crop ends within ${LIMITS.cropEdge} pixels of the picture`);
  }
}

function checkCell(what: string, cell: CustomCell, canvas: CanvasSize | null): void {
  checkPlace(what, cell, canvas);
  if (cell.source) parseUserId(cell.source.userId);
  if (cell.zOrder !== undefined) assertWhole(`${what}: a z-order`, cell.zOrder, LIMITS.zOrder);
  if (cell.renderMode !== undefined) assertOneOf(`${what}: a render mode`, cell.renderMode, RENDER_MODES);
  if (cell.crop) checkCrop(what, cell.crop);
  if (cell.placeholder !== undefined) checkPictureUrl(what, cell.placeholder);
  if (cell.opacity !== undefined) assertNumber(`${what}: an opacity`, cell.opacity, LIMITS.opacity);
}

/** A cell counts against the limit whatever fills it, also where it only ever shows its placeholder. */
function checkCustom({ cells }: CustomLayout, canvas: CanvasSize | null, maxInputs: number): void {
  if (cells.length === 0) refuse('a custom layout has at least one cell');
  if (cells.length > maxInputs) refuse(`a custom layout has at most ${maxInputs} cells here`);
  for (const [at, cell] of cells.entries()) checkCell(`cell ${at + 1}`, cell, canvas);
  const names = cells.map(nameOf).filter((name) => name !== null);
  if (new Set(names).size < names.length) refuse('a stream can stand in one cell only');
}

/** Throws `bad-request` or `bad-user-id` for a layout that cannot be shown on this canvas (null: only heard). */
export function checkLayout(
  layout: LayoutSpec,
  canvas: CanvasSize | null,
  maxInputs = DEFAULT_MAX_INPUTS,
): void {
  if (layout.mode === 'custom') {
    checkCustom(layout, canvas, maxInputs);
    return;
  }
  if (layout.renderMode !== undefined) assertOneOf('a render mode', layout.renderMode, RENDER_MODES);
  if (layout.mode !== 'grid' && layout.main) parseUserId(layout.main.userId);
}

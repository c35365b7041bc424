import type { Box, CanvasSize } from '../../domain/layout/box.ts';
import type { RenderMode, SourceCrop } from '../../domain/layout/spec.ts';

const LEAST = 2;
/** Rounding to even pixels moves a size by no more. */
const ROUNDING = 2;

function evenPart(value: number): number {
  return Math.max(LEAST, Math.floor(value / 2) * 2);
}

/** The largest even size of the picture's aspect that the cell can hold. */
export function fitInside(picture: CanvasSize, cell: CanvasSize): CanvasSize {
  const scale = Math.min(cell.width / picture.width, cell.height / picture.height);
  // What reaches the cell's side does so exactly, whatever the division left over.
  return {
    width: evenPart(Math.min(cell.width, picture.width * scale + 1e-6)),
    height: evenPart(Math.min(cell.height, picture.height * scale + 1e-6)),
  };
}

/** What a picture has of the crop, in even pixels; null when that is nothing. */
export function partOf(picture: CanvasSize, crop: SourceCrop): Box | null {
  const [x, y] = [Math.floor(crop.x / 2) * 2, Math.floor(crop.y / 2) * 2];
  const width = Math.min(crop.x + crop.width, picture.width) - x;
  const height = Math.min(crop.y + crop.height, picture.height) - y;
  if (width < LEAST || height < LEAST) return null;
  return { x, y, width: evenPart(width), height: evenPart(height) };
}

function centred(size: CanvasSize, cell: Box): Box {
  return {
    ...size,
    x: cell.x + Math.floor((cell.width - size.width) / 4) * 2,
    y: cell.y + Math.floor((cell.height - size.height) / 4) * 2,
  };
}

/** Where in its cell a decoded picture stands; what is left over of the cell is margin. */
export function pictureBox(picture: CanvasSize, cell: Box, renderMode: RenderMode): Box {
  if (renderMode === 'crop' || renderMode === 'stretch') return cell;
  const inner = fitInside(picture, cell);
  const isFitted =
    picture.width <= cell.width &&
    picture.height <= cell.height &&
    Math.abs(picture.width - inner.width) <= ROUNDING &&
    Math.abs(picture.height - inner.height) <= ROUNDING;
  return centred(isFitted ? { width: picture.width, height: picture.height } : inner, cell);
}

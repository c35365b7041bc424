/** No level of H.264 or H.265 allows a longer side. */
const MAX_SIDE = 16_888;

/** A picture's size as its stream tells it; throws RangeError for one that no picture has. */
export function shownSize(
  width: number,
  height: number,
): { readonly width: number; readonly height: number } {
  if (width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE) {
    throw new RangeError(`no picture has ${width}x${height} pixels`);
  }
  return { width, height };
}

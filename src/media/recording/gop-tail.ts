/** Decoding and presentation time of one picture, ms. */
export interface PictureTimes {
  readonly dtsMs: number;
  readonly ptsMs: number;
}

/** FLV times are rounded to ms. */
const ROUNDING_MS = 3;

/**
 * How many pictures of a GOP cut at its end can be shown without a hole. A picture sent ahead of those shown
 * before it is left out when these were cut off, with all that was decoded after it: they may refer to it.
 */
export function wholePictures(gop: readonly PictureTimes[]): number {
  const [key] = gop;
  if (!key) return 0;
  const delayMs = key.ptsMs - key.dtsMs;
  let count = gop.length;
  for (;;) {
    const shownMs = (gop[count - 1]?.dtsMs ?? 0) + delayMs + ROUNDING_MS;
    const ahead = gop.findIndex(({ ptsMs }, index) => index < count && ptsMs > shownMs);
    if (ahead < 0) return count;
    count = ahead;
  }
}

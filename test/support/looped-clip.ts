import { type FlvTag, isMedia, type TAG_AUDIO, type TAG_VIDEO } from '../../src/media/flv/tag.ts';

/**
 * Compares a copy with the clip it comes from, which was played over and over: packets follow one another byte for
 * byte as in the clip, its begin after its end. The timestamp of the first one that does not, or null.
 */
export function firstWrongPacket(
  clip: readonly FlvTag[],
  copy: readonly FlvTag[],
  type: typeof TAG_AUDIO | typeof TAG_VIDEO,
): number | null {
  const wanted = clip.filter((tag) => tag.type === type && isMedia(tag));
  const got = copy.filter((tag) => tag.type === type && isMedia(tag));
  const [first] = got;
  if (!first) throw new Error('the copy has no such packets');
  // A steady tone repeats itself: the place of the clip that fits for longest is where the copy began.
  const lengths = wanted.flatMap((tag, begin) => {
    if (!tag.data.equals(first.data)) return [];
    const end = got.findIndex((other, i) => !wanted[(begin + i) % wanted.length]?.data.equals(other.data));
    return [end < 0 ? got.length : end];
  });
  const fits = Math.max(0, ...lengths);
  return got[fits]?.timestamp ?? null;
}

import { describe, expect, it } from 'vitest';
import { wholePictures } from '../../../../src/media/recording/gop-tail.ts';

/** Presentation numbers in decoding order, 40 ms apart, shown two frames after they are decoded. */
const gop = (shown: readonly number[]) =>
  shown.map((number, index) => ({ dtsMs: index * 40, ptsMs: 80 + number * 40 }));

describe('the end of a cut picture group', () => {
  it.each([
    ['pictures in order', [0, 1, 2, 3], 4],
    ['whole groups of B-frames', [0, 4, 2, 1, 3, 8, 6, 5, 7], 9],
    ['a group cut after its first picture', [0, 4, 2, 1, 3, 8], 5],
    ['a group cut before its last picture', [0, 4, 2, 1, 3, 8, 6, 5], 5],
    ['a key frame alone', [0], 1],
    ['nothing', [], 0],
  ])('keeps of %s what can be shown without a hole', (_name, shown, whole) => {
    expect(wholePictures(gop(shown))).toBe(whole);
  });
});

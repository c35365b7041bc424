import { describe, expect, it } from 'vitest';
import { type FlvTag, TAG_AUDIO, TAG_VIDEO } from '../../../../src/media/flv/tag.ts';
import { JournalPlanner } from '../../../../src/media/recording/journal-plan.ts';

const HOUR = 3_600_000;

const tag = (type: 8 | 9, timestamp: number, bytes: readonly number[]): FlvTag => ({
  ...{ type, timestamp },
  data: Buffer.from(bytes),
});
const videoHeader = (version = 1) => tag(TAG_VIDEO, 0, [0x17, 0, 0, 0, 0, version]);
const audioHeader = () => tag(TAG_AUDIO, 0, [0xaf, 0, 0x11, 0x90]);
const key = (at: number) => tag(TAG_VIDEO, at, [0x17, 1, 0, 0, 0, 9]);
const delta = (at: number) => tag(TAG_VIDEO, at, [0x27, 1, 0, 0, 0, 9]);
const sound = (at: number) => tag(TAG_AUDIO, at, [0xaf, 1, 9]);

/** The parts of a journal of these tags, each 100 bytes long there. */
function partsOf(...tags: readonly FlvTag[]) {
  const planner = new JournalPlanner();
  for (const [index, each] of tags.entries()) planner.add({ tag: each, endByte: 113 + index * 100 });
  return planner.finish().parts.map(({ fromByte, toByte, videoFrames, audioFrames, firstMs }) => ({
    ...{ from: (fromByte - 13) / 100, to: (toByte - 13) / 100 },
    ...{ videoFrames, audioFrames, firstMs },
  }));
}

describe('the plan of a journal', () => {
  it('is one file where headers are only repeated', () => {
    const again = [videoHeader(), audioHeader(), key(40), sound(41)];
    expect(partsOf(videoHeader(), audioHeader(), key(0), sound(1), ...again)).toEqual([
      { from: 0, to: 8, videoFrames: 2, audioFrames: 2, firstMs: 0 },
    ]);
  });

  it('begins a file at a header that differs', () => {
    expect(partsOf(videoHeader(), audioHeader(), key(0), sound(1), videoHeader(2), key(40))).toEqual([
      { from: 0, to: 4, videoFrames: 1, audioFrames: 1, firstMs: 0 },
      { from: 4, to: 6, videoFrames: 1, audioFrames: 0, firstMs: 40 },
    ]);
  });

  it('begins a file behind a gap longer than one can hold', () => {
    const back = 7 * HOUR;
    const start = [videoHeader(), audioHeader(), key(0), sound(1)];
    const expected = [
      { from: 0, to: 4, videoFrames: 1, audioFrames: 1, firstMs: 0 },
      { from: 4, to: 6, videoFrames: 1, audioFrames: 1, firstMs: back },
    ];
    expect(partsOf(...start, key(back), sound(back + 1))).toEqual(expected);
    expect(partsOf(...start, sound(back), key(back + 1))).toEqual(expected);
    expect(partsOf(...start, key(5 * HOUR), sound(5 * HOUR))).toHaveLength(1);
  });

  it('begins a file at a key frame when the sound was away for that long', () => {
    const pictures = [1, 2, 3, 4, 5, 6].map((hour) => key(hour * HOUR));
    const late = [delta(6 * HOUR + 40), key(6 * HOUR + 80), sound(7 * HOUR), sound(14 * HOUR)];
    expect(partsOf(videoHeader(), audioHeader(), key(0), sound(1), ...pictures, ...late)).toEqual([
      { from: 0, to: 11, videoFrames: 8, audioFrames: 1, firstMs: 0 },
      { from: 11, to: 13, videoFrames: 1, audioFrames: 1, firstMs: 6 * HOUR + 80 },
      { from: 13, to: 14, videoFrames: 0, audioFrames: 1, firstMs: 14 * HOUR },
    ]);
  });

  it('needs no second file for pictures alone', () => {
    expect(partsOf(videoHeader(), key(0), key(100 * HOUR))).toHaveLength(1);
  });
});

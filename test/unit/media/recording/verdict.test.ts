import { describe, expect, it } from 'vitest';
import { judgeFile } from '../../../../src/media/recording/verdict.ts';

const GOOD = { framesFound: 100, framesWanted: 100, durationMs: 4000, gaps: [], intact: true };

describe('the verdict on a finished file', () => {
  it('is playable without loss when every frame is there', () => {
    expect(judgeFile(GOOD)).toEqual({ playable: true, gaps: 0, secondsLost: 0 });
  });

  it.each([
    ['frames are missing', { framesFound: 99 }],
    ['there is no frame', { framesFound: 0, framesWanted: 0 }],
    ['it has no length', { durationMs: 0 }],
    ['what was read back is not what was recorded', { intact: false }],
  ])('is not playable when %s', (_name, change) => {
    expect(judgeFile({ ...GOOD, ...change }).playable).toBe(false);
  });

  it('adds up what the gaps took', () => {
    const gaps = [
      { atMs: 0, durationMs: 1640 },
      { atMs: 9000, durationMs: 2500 },
    ];
    expect(judgeFile({ ...GOOD, gaps })).toEqual({ playable: true, gaps: 2, secondsLost: 4.1 });
  });
});

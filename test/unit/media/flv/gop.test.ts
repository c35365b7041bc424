import { describe, expect, it } from 'vitest';
import { createGopKeeper, snapshotTags } from '../../../../src/media/flv/gop.ts';
import { scriptTag } from '../../../../src/media/flv/script.ts';
import type { FlvTag } from '../../../../src/media/flv/tag.ts';

const video = (timestamp: number, isKey: boolean, bytes = 10): FlvTag => ({
  type: 9,
  timestamp,
  data: Buffer.concat([Buffer.from([isKey ? 0x17 : 0x27, 1]), Buffer.alloc(bytes)]),
});
const audio = (timestamp: number): FlvTag => ({ type: 8, timestamp, data: Buffer.from([0xaf, 1, 0]) });
const videoHeader = (config: number): FlvTag => ({
  type: 9,
  timestamp: 0,
  data: Buffer.from([0x17, 0, 0, 0, 0, config]),
});
const audioHeader: FlvTag = { type: 8, timestamp: 0, data: Buffer.from([0xaf, 0, 0x11, 0x90]) };
const times = (tags: readonly FlvTag[]) => tags.map((tag) => tag.timestamp);

describe('a GOP keeper', () => {
  it('keeps headers, metadata and what came since the last key frame', () => {
    const keeper = createGopKeeper();
    const metadata = scriptTag('onMetaData', [{}]);
    const before = [metadata, videoHeader(1), audioHeader, audio(5), video(10, false)];
    for (const tag of [...before, video(20, true), audio(25), video(50, true), audio(55), video(60, false)]) {
      keeper.push(tag);
    }
    const snapshot = keeper.snapshot();
    expect(snapshot).toMatchObject({ metadata, videoHeader: videoHeader(1), audioHeader });
    expect(times(snapshot.tags)).toEqual([50, 55, 60]);
    expect(times(snapshotTags(snapshot))).toEqual([50, 50, 50, 50, 55, 60]);
  });

  it('gives a snapshot that later tags do not change', () => {
    const keeper = createGopKeeper();
    keeper.push(video(0, true));
    const { tags } = keeper.snapshot();
    keeper.push(video(33, false));
    expect(times(tags)).toEqual([0]);
  });

  it('forgets frames of another configuration, and keeps them when the same header comes again', () => {
    const keeper = createGopKeeper();
    for (const tag of [videoHeader(1), video(0, true), videoHeader(1)]) keeper.push(tag);
    expect(times(keeper.snapshot().tags)).toEqual([0]);
    keeper.push(videoHeader(2));
    keeper.push(video(33, false));
    expect(keeper.snapshot().tags).toEqual([]);
    expect(keeper.snapshot().videoHeader?.data[5]).toBe(2);
  });

  for (const limits of [{ maxBytes: 100 }, { maxTags: 3 }]) {
    it(`keeps no GOP beyond ${JSON.stringify(limits)} and begins again at the next key frame`, () => {
      const keeper = createGopKeeper(limits);
      keeper.push(video(0, true, 30));
      for (const time of [33, 66, 100, 133]) keeper.push(video(time, false, 30));
      expect(keeper.snapshot().tags).toEqual([]);
      keeper.push(video(200, true, 30));
      expect(times(keeper.snapshot().tags)).toEqual([200]);
    });
  }

  it('is empty after clear', () => {
    const keeper = createGopKeeper();
    for (const tag of [videoHeader(1), audioHeader, video(0, true)]) keeper.push(tag);
    keeper.clear();
    expect(keeper.snapshot()).toEqual({ metadata: null, videoHeader: null, audioHeader: null, tags: [] });
  });
});

import { describe, expect, test } from 'vitest';
import { createFramePool } from '../../../../../src/media/canvas/frame-pool.ts';
import { createVideoFeed } from '../../../../../src/media/programme/input/video-feed.ts';

describe('video feed', () => {
  function fed(...times: number[]) {
    const pool = createFramePool(4, 2);
    const feed = createVideoFeed(pool, 4, 2);
    for (const ptsMs of times) feed.push(Object.assign(pool.take(), { ptsMs }));
    return feed;
  }

  test('shows the newest picture whose time has come and holds it', () => {
    const feed = fed(0, 33, 66, 100);
    expect(feed.pick(-1)).toBeNull();
    expect(feed.pick(70)?.ptsMs).toBe(66);
    const held = feed.pick(100);
    expect(feed.pick(5000)).toBe(held);
  });

  test('a picture of a reused buffer has an id of its own', () => {
    const pool = createFramePool(4, 2);
    const feed = createVideoFeed(pool, 4, 2);
    const seen = new Set<number>();
    for (let ptsMs = 0; ptsMs < 500; ptsMs += 10) {
      feed.push(Object.assign(pool.take(), { ptsMs }));
      const id = feed.pick(ptsMs)?.id;
      if (id !== undefined) seen.add(id);
    }
    expect(seen.size).toBe(50);
  });

  test('too many waiting pictures are thinned out and still shown at their time', () => {
    const taken: number[] = [];
    const pool = createFramePool(4, 2);
    const feed = createVideoFeed({ ...pool, giveBack: (frame) => taken.push(frame.ptsMs) }, 4, 2);
    for (let ptsMs = 0; ptsMs < 1000; ptsMs += 5) feed.push(Object.assign(pool.take(), { ptsMs }));
    expect(taken.length).toBeGreaterThan(60);
    for (let now = 0; now < 1000; now += 50) {
      const behindMs = now - (feed.pick(now)?.ptsMs ?? Number.NEGATIVE_INFINITY);
      expect(behindMs).toBeGreaterThanOrEqual(0);
      expect(behindMs).toBeLessThan(25);
    }
  });

  test('a picture from a far future is shown as it comes', () => {
    const feed = fed(...Array.from({ length: 100 }, (_, index) => 1_000_000 + index));
    expect(feed.pick(0)?.ptsMs).toBe(1_000_099);
  });
});

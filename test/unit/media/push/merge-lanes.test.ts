import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { FlvTag } from '../../../../src/media/flv/tag.ts';
import { createMergeLanes } from '../../../../src/media/push/merge-lanes.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function sound(timestamp: number): FlvTag {
  return { type: 8, timestamp, data: Buffer.from([0xaf, 1, timestamp & 0xff]) };
}

it('a target that moves from window to window gets every tag once and in order, and so do those beside it', () => {
  const lanes = createMergeLanes();
  const got = { moving: [] as number[], short: [] as number[], long: [] as number[] };
  const taker = (times: number[]) => ({
    write: ({ tags }: { tags: readonly FlvTag[] }) => void times.push(...tags.map((tag) => tag.timestamp)),
  });
  const moving = taker(got.moving);
  lanes.add(taker(got.short), 40);
  lanes.add(taker(got.long), 350);
  lanes.add(moving, 40);
  const lengths = [350, 0, 350, 40, 100, 350];
  for (let at = 0; at < 1000; at += 10) {
    lanes.push(sound(at));
    vi.advanceTimersByTime(10);
    // Never at a boundary of both.
    if (at % 150 === 70) lanes.move(moving, lengths.shift() ?? 0);
  }
  lanes.flush();
  const all = Array.from({ length: 100 }, (_, n) => n * 10);
  expect(lengths).toHaveLength(0);
  expect(got).toEqual({ moving: all, short: all, long: all });
  lanes.clear();
  expect(vi.getTimerCount()).toBe(0);
});

it('what came gathered goes out at once to whom waits no longer than that, and to the others within their window', () => {
  const lanes = createMergeLanes();
  const got = { short: [] as number[][], same: [] as number[][], long: [] as number[][] };
  for (const [name, mergeMs] of [
    ['short', 40],
    ['same', 100],
    ['long', 350],
  ] as const) {
    lanes.add({ write: ({ tags }) => void got[name].push(tags.map((tag) => tag.timestamp)) }, mergeMs);
  }
  const read = (times: readonly number[]) => {
    for (const time of times) lanes.push(sound(time));
    lanes.cameGathered(100);
  };
  read([0, 20]);
  expect(got).toEqual({ short: [[0, 20]], same: [[0, 20]], long: [] });
  lanes.flush();
  read([40, 60]);
  vi.advanceTimersByTime(249);
  expect(got.long).toEqual([[0, 20]]);
  vi.advanceTimersByTime(1);
  expect(got.long.at(-1)).toEqual([40, 60]);
  lanes.clear();
  expect(vi.getTimerCount()).toBe(0);
});

it('what was gathered for less than it was before waits for the rest of its window', () => {
  const lanes = createMergeLanes();
  const got: number[] = [];
  lanes.add({ write: ({ tags }) => void got.push(...tags.map((tag) => tag.timestamp)) }, 200);
  lanes.cameGathered(300);
  lanes.push(sound(0));
  lanes.cameGathered(50);
  vi.advanceTimersByTime(149);
  expect(got).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(got).toEqual([0]);
  expect(vi.getTimerCount()).toBe(0);
});

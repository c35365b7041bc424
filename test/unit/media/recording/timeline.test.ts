import { describe, expect, it } from 'vitest';
import { type FlvTag, TAG_AUDIO, TAG_VIDEO } from '../../../../src/media/flv/tag.ts';
import { NEW_TIMELINE, Timeline } from '../../../../src/media/recording/timeline.ts';

const START = 1_700_000_000_000;
const video = (timestamp: number, offset = 0): FlvTag => {
  const data = Buffer.from([0x17, 1, 0, 0, 0]);
  data.writeIntBE(offset, 2, 3);
  return { type: TAG_VIDEO, timestamp: timestamp >>> 0, data };
};
const audio = (timestamp: number): FlvTag => ({
  type: TAG_AUDIO,
  timestamp: timestamp >>> 0,
  data: Buffer.from([0xaf, 1]),
});
const live = (afterMs: number) => ({ wallMs: START + afterMs, cached: false });
const cached = (afterMs: number) => ({ wallMs: START + afterMs, cached: true });

describe('a recording timeline', () => {
  it('begins at 0 whatever the source counts from', () => {
    const timeline = new Timeline(NEW_TIMELINE);
    expect(timeline.place(video(987_654), live(0))).toBe(0);
    expect(timeline.place(audio(987_664), live(3))).toBe(10);
    expect(timeline.startedAtMs).toBe(START);
  });

  it('keeps the source clock through network delay', () => {
    const timeline = new Timeline(NEW_TIMELINE);
    timeline.place(video(0), live(0));
    expect(timeline.place(video(40), live(4000))).toBe(40);
    expect(timeline.place(video(80), live(4001))).toBe(80);
  });

  it('keeps a hole that the source itself has', () => {
    const timeline = new Timeline(NEW_TIMELINE);
    timeline.place(video(0), live(0));
    expect(timeline.place(video(5000), live(5000))).toBe(5000);
  });

  it.each([
    ['an hour ahead', 3_600_000],
    ['back to zero', -50_000],
  ])('takes the wall clock where the source jumps %s', (_name, jump) => {
    const timeline = new Timeline(NEW_TIMELINE);
    timeline.place(video(60_000), live(0));
    timeline.place(video(60_040), live(40));
    expect(timeline.place(video(60_080 + jump), live(80))).toBe(80);
    expect(timeline.place(audio(60_090 + jump), live(90))).toBe(90);
    expect(timeline.place(video(60_120 + jump), live(120))).toBe(120);
  });

  it('never goes back within a track, not even behind a shown picture of the source before', () => {
    const timeline = new Timeline(NEW_TIMELINE);
    timeline.place(video(10_000, 80), live(0));
    timeline.place(video(10_040, 200), live(1));
    const next = timeline.place(video(0), live(2)) ?? 0;
    expect(next).toBeGreaterThan(40 + 200);
    expect(timeline.place(video(40), live(42))).toBe(next + 40);
  });

  it('goes on through the wrap of 32 bit', () => {
    const timeline = new Timeline(NEW_TIMELINE);
    timeline.place(video(2 ** 32 - 20), live(0));
    expect(timeline.place(video(20), live(40))).toBe(40);
    expect(timeline.place(audio(30), live(50))).toBe(50);
  });

  it('counts the time away by the wall clock when another publisher takes over', () => {
    const timeline = new Timeline(NEW_TIMELINE);
    timeline.place(video(500), live(0));
    timeline.interrupt();
    expect(timeline.place(video(0), live(60_000))).toBe(60_000);
  });

  it('leaves out what a reconnection repeats', () => {
    const timeline = new Timeline(NEW_TIMELINE);
    for (let ms = 0; ms <= 200; ms += 40) timeline.place(video(ms), live(ms));
    expect(timeline.place(video(120), cached(130))).toBeNull();
    expect(timeline.place(video(200), cached(210))).toBeNull();
    expect(timeline.place(video(240), cached(250))).toBe(240);
    expect(timeline.place(video(280), live(290))).toBe(280);
  });

  it('goes on after a restart of ours without repeating and without shifting', () => {
    const before = new Timeline(NEW_TIMELINE);
    for (let ms = 0; ms <= 2000; ms += 40) before.place(video(70_000 + ms), live(ms));
    const { startedAtMs, lastMs, sourceOffsetMs } = before;
    const after = new Timeline({ startedAtMs, lastMs, sourceOffsetMs });
    expect(after.place(video(71_000), cached(1000))).toBeNull();
    expect(after.place(video(72_000), cached(2000))).toBeNull();
    expect(after.place(video(72_040), cached(2040))).toBe(2040);
    expect(after.place(video(72_080), live(6000))).toBe(2080);
  });

  it('keeps the gap when another source is there after a restart of ours', () => {
    const after = new Timeline({ startedAtMs: START, lastMs: 2000, sourceOffsetMs: -70_000 });
    expect(after.place(video(0), cached(9000))).toBe(9000);
    expect(after.place(video(40), cached(9040))).toBe(9040);
  });
});

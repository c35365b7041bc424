import { describe, expect, test } from 'vitest';
import { type FlvTag, TAG_AUDIO, TAG_SCRIPT, TAG_VIDEO } from '../../../../../src/media/flv/tag.ts';
import { Interleaver } from '../../../../../src/media/programme/output/interleave.ts';
import { type TrackFrame, TrackOrder } from '../../../../../src/media/programme/output/output-order.ts';

const header = (mark: number): FlvTag => ({
  type: TAG_VIDEO,
  timestamp: 0,
  data: Buffer.from([0x17, 0, 0, 0, 0, mark]),
});
const endOfSequence = (timestamp: number): FlvTag => ({
  type: TAG_VIDEO,
  timestamp,
  data: Buffer.from([0x17, 2, 0, 0, 0]),
});
const frame = (timestamp: number, type: 8 | 9 = TAG_VIDEO): FlvTag => ({
  type,
  timestamp,
  data: type === TAG_VIDEO ? Buffer.from([0x27, 1, 0, 0, 0]) : Buffer.from([0xaf, 1]),
});

describe('a track made by encoders that follow each other', () => {
  function watched() {
    const passed: TrackFrame<string>[] = [];
    const order = new TrackOrder<string>((one) => passed.push(one));
    const enter = () => {
      const lane = order.open('');
      lane.enter();
      return lane;
    };
    return { order, enter, passed };
  }
  const outline = (frames: readonly TrackFrame<string>[]) =>
    frames.map((one) => [one.frame.timestamp, one.header?.data[5] ?? null]);

  test('what the next one writes waits for the end of the one before', () => {
    const { enter, passed } = watched();
    const [first, second, third] = [enter(), enter(), enter()];
    first.push(header(1));
    first.push(frame(0));
    second.push(header(2));
    second.push(frame(80));
    third.push(frame(120));
    first.push(frame(40));
    expect(outline(passed)).toEqual([
      [0, 1],
      [40, null],
    ]);
    first.end();
    second.end();
    expect(outline(passed).slice(2)).toEqual([
      [80, 2],
      [120, null],
    ]);
  });

  /** Every order in which the steps of several can come, those of one staying in order; as indexes. */
  function interleavings(left: readonly number[]): number[][] {
    if (left.every((steps) => steps === 0)) return [[]];
    return left.flatMap((steps, one) =>
      steps === 0 ? [] : interleavings(left.with(one, steps - 1)).map((rest) => [one, ...rest]),
    );
  }

  test('whichever writes or ends first, each frame comes, in the order of its encoder', () => {
    for (const steps of interleavings([3, 3, 3])) {
      const { enter, passed } = watched();
      const lanes = [enter(), enter(), enter()].map((lane, at) => [
        () => lane.push(frame(at * 80)),
        () => lane.push(frame(at * 80 + 40)),
        () => lane.end(),
      ]);
      for (const one of steps) lanes[one]?.shift()?.();
      expect(
        passed.map((one) => one.frame.timestamp),
        steps.join(''),
      ).toEqual([0, 40, 80, 120, 160, 200]);
    }
  });

  test('one that is not in use keeps nobody waiting; in use, it begins with what it wrote before', () => {
    const { order, enter, passed } = watched();
    const first = enter();
    const [unused, ready] = [order.open(''), order.open('')];
    ready.push(header(2));
    const instead = enter();
    first.push(frame(0));
    first.end();
    instead.push(frame(40));
    ready.enter();
    ready.push(frame(80));
    unused.end();
    instead.end();
    expect(outline(passed)).toEqual([
      [0, null],
      [40, null],
      [80, 2],
    ]);
  });

  test('one that was given no picture leaves the time alone, wherever its end of sequence lies', () => {
    const { enter, passed } = watched();
    const [first, second] = [enter(), enter()];
    first.push(header(1));
    first.push(endOfSequence(2 ** 31 - 1001));
    first.end();
    second.push(frame(40));
    expect(outline(passed)).toEqual([[40, 1]]);
  });

  test('times only grow, a header comes with its first frame and only when it is another one', () => {
    const { enter, passed } = watched();
    const first = enter();
    for (const tag of [header(1), frame(0), frame(40)]) first.push(tag);
    first.end();
    const second = enter();
    const script: FlvTag = { type: TAG_SCRIPT, timestamp: 0, data: Buffer.from([2]) };
    for (const tag of [script, header(1), frame(20), frame(40), frame(60)]) second.push(tag);
    second.end();
    const third = enter();
    for (const tag of [header(3), frame(50), frame(90)]) third.push(tag);
    expect(outline(passed)).toEqual([
      [0, 1],
      [40, null],
      [60, null],
      [90, 3],
    ]);
    expect(passed[3]?.header?.timestamp).toBe(90);
  });
});

describe('interleaving', () => {
  function watched(hasVideo = true) {
    const passed: [number, number][] = [];
    const order = new Interleaver({ hasVideo, onTag: (tag) => passed.push([tag.type, tag.timestamp]) });
    const push = (type: 8 | 9, ms: number, nowMs: number) => order.push(type, [frame(ms, type)], nowMs);
    return { order, passed, push };
  }

  test('brings both tracks into the order of their times', () => {
    const { passed, push } = watched();
    push(TAG_VIDEO, 0, 10);
    push(TAG_VIDEO, 33, 40);
    push(TAG_AUDIO, 0, 60);
    push(TAG_AUDIO, 21, 61);
    push(TAG_AUDIO, 43, 70);
    expect(passed).toEqual([
      [TAG_VIDEO, 0],
      [TAG_AUDIO, 0],
      [TAG_AUDIO, 21],
      [TAG_VIDEO, 33],
    ]);
  });

  test('sound goes on when no picture comes, a little later', () => {
    const { order, passed, push } = watched();
    push(TAG_VIDEO, 0, 0);
    for (let ms = 0; ms <= 2000; ms += 20) push(TAG_AUDIO, ms, ms);
    expect(passed.at(-1)).toEqual([TAG_AUDIO, 1600]);
    order.release(2400);
    expect(passed.at(-1)).toEqual([TAG_AUDIO, 2000]);
    push(TAG_VIDEO, 1900, 2401);
    expect(passed.at(-1)).toEqual([TAG_VIDEO, 1900]);
  });

  test('without pictures sound waits for nothing', () => {
    const { passed, push } = watched(false);
    push(TAG_AUDIO, 0, 0);
    push(TAG_AUDIO, 20, 20);
    expect(passed).toHaveLength(2);
  });
});

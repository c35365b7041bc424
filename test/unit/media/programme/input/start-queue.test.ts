import { expect, test } from 'vitest';
import { createStartQueue } from '../../../../../src/media/programme/input/start-queue.ts';

const DEAR_MS = 20;

/** A queue on a clock that only its starts move. */
function rig() {
  let nowMs = 0;
  const begun: string[] = [];
  const queue = createStartQueue(() => nowMs);
  return {
    queue,
    begun,
    add: (name: string) =>
      queue.add(() => {
        begun.push(name);
        nowMs += DEAR_MS;
      }),
  };
}

test('nothing starts before there is time for it', () => {
  const { begun, add } = rig();
  add('a');
  expect(begun).toEqual([]);
});

test('of many starts only those run that fit before the next tick, in order', () => {
  const { queue, begun, add } = rig();
  for (const name of ['a', 'b', 'c', 'd']) add(name);
  queue.run(50);
  expect(begun).toEqual(['a', 'b']);
  queue.run(1000);
  expect(begun).toEqual(['a', 'b', 'c', 'd']);
  queue.run(2000);
  expect(begun).toHaveLength(4);
});

test('where ticks follow each other too fast, one start goes with each', () => {
  const { queue, begun, add } = rig();
  for (const name of ['a', 'b', 'c']) add(name);
  queue.run(10);
  expect(begun).toEqual(['a']);
  queue.run(15);
  expect(begun).toEqual(['a', 'b']);
});

test('what was taken back does not start', () => {
  const { queue, begun, add } = rig();
  const takeBack = add('a');
  add('b');
  takeBack();
  queue.run(1000);
  expect(begun).toEqual(['b']);
});

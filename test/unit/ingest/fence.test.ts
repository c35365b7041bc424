import { expect, test } from 'vitest';
import { Fence } from '../../../src/ingest/fence.ts';

test('a lower epoch is late for ever, an equal one is the same run', () => {
  const fence = new Fence();
  expect(fence.admit('task', 5, 0)).toBe(true);
  expect(fence.admit('task', 5, 1)).toBe(true);
  expect(fence.admit('task', 4, 2)).toBe(false);
  expect(fence.admit('task', 6, 3)).toBe(true);
  expect(fence.admit('task', 5, 4)).toBe(false);
  expect(fence.admit('other', 1, 5)).toBe(true);
});

test('what it remembers is bounded, the latest used last', () => {
  const fence = new Fence();
  for (let i = 0; i < 20_000; i += 1) fence.admit(`task ${i}`, 5, i);
  expect(fence.admit('task 19999', 4, 20_000)).toBe(false);
  expect(fence.admit('task 0', 4, 20_000)).toBe(true);
});

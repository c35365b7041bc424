import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { sharedInterval } from '../../../../src/media/push/shared-interval.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

it('calls all listeners of one length in one turn of the loop, whenever they came, and ends with the last of them', () => {
  const calls: string[] = [];
  const note = (name: string) => () => void calls.push(`${name} ${Date.now() - startMs}`);
  const startMs = Date.now();
  const stopFirst = sharedInterval(note('first'), 250);
  vi.advanceTimersByTime(100);
  const stopSecond = sharedInterval(note('second'), 250);
  const stopOther = sharedInterval(note('other'), 400);
  expect(vi.getTimerCount()).toBe(2);
  vi.advanceTimersByTime(400);
  expect(calls).toEqual(['first 250', 'second 250', 'first 500', 'second 500', 'other 500']);
  stopFirst();
  stopOther();
  calls.length = 0;
  vi.advanceTimersByTime(250);
  expect(calls).toEqual(['second 750']);
  stopSecond();
  expect(vi.getTimerCount()).toBe(0);
});

it('knows those that are given twice apart, and stops each once', () => {
  let calls = 0;
  const count = () => {
    calls += 1;
  };
  const stops = [sharedInterval(count, 50), sharedInterval(count, 50)];
  stops[0]?.();
  stops[0]?.();
  vi.advanceTimersByTime(50);
  expect(calls).toBe(1);
  stops[1]?.();
  expect(vi.getTimerCount()).toBe(0);
});

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Turns } from '../../../jobs/turns.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** Whether the worker may ask after each of these steps, in ms. */
async function asksAfter(turns: Turns, steps: readonly number[]): Promise<(boolean | null)[]> {
  let asks: boolean | null = null;
  void turns.next().then((may) => {
    asks = may;
  });
  const seen: (boolean | null)[] = [];
  for (const ms of steps) {
    await vi.advanceTimersByTimeAsync(ms);
    seen.push(asks);
  }
  return seen;
}

test('a worker asks at once, and after a turn that was left out when others had theirs', async () => {
  const turns = new Turns();
  expect(await asksAfter(turns, [0])).toEqual([true]);
  turns.leaveOut(500);
  // The job comes back after 500 ms; the others have 300 ms from then.
  expect(await asksAfter(turns, [500, 299, 1])).toEqual([null, null, true]);
  expect(await asksAfter(turns, [0])).toEqual([true]);
});

test('the longest of several turns left out counts', async () => {
  const turns = new Turns();
  turns.leaveOut(500);
  turns.leaveOut(20);
  expect(await asksAfter(turns, [799, 1])).toEqual([null, true]);
});

test('one that is closed asks no more, at once', async () => {
  const turns = new Turns();
  turns.leaveOut(500);
  const asked = asksAfter(turns, [100, 0]);
  setTimeout(() => turns.close(), 50);
  expect(await asked).toEqual([false, false]);
  expect(await asksAfter(turns, [0])).toEqual([false]);
  expect(vi.getTimerCount()).toBe(0);
});

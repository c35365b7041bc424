import { expect, test } from 'vitest';
import { StartBackoff } from '../../../src/rooms/start-backoff.ts';

/** When a job that ends at once is started, looking every 100 ms. */
function startTimes(backoff: StartBackoff, untilMs: number): number[] {
  const times: number[] = [];
  for (let nowMs = 0; nowMs <= untilMs; nowMs += 100) {
    if (backoff.tryStart('push-a', nowMs)) times.push(nowMs);
  }
  return times;
}

test('a job that crashes at once is started after 0, 1, 2 and then every 5 s', () => {
  expect(startTimes(new StartBackoff(), 20_000)).toEqual([0, 100, 1_100, 3_100, 8_100, 13_100, 18_100]);
});

test('a run of half a minute makes the next start immediate again', () => {
  const backoff = new StartBackoff();
  for (const nowMs of [0, 100, 1_100, 3_100]) expect(backoff.tryStart('push-a', nowMs)).toBe(true);
  expect(backoff.tryStart('push-a', 33_100)).toBe(true);
  expect(backoff.tryStart('push-a', 33_200)).toBe(true);
});

test('jobs do not wait for each other', () => {
  const backoff = new StartBackoff();
  for (const nowMs of [0, 100]) backoff.tryStart('push-a', nowMs);
  expect(backoff.tryStart('push-a', 200)).toBe(false);
  expect(backoff.tryStart('push-b', 200)).toBe(true);
});

import { describe, expect, it } from 'vitest';
import { AskPace } from '../../../jobs/unfinished.ts';

const MINUTE = 60_000;

/** Minutes at which a recording that is never finished is asked for, looked at once a minute. */
function asksOf(pace: AskPace, taskId: string, minutes: number): number[] {
  return Array.from({ length: minutes }, (_none, minute) => minute).filter((minute) =>
    pace.take(taskId, minute * MINUTE),
  );
}

describe('the pace of asking for unfinished recordings', () => {
  it('asks again at the next look, then more and more seldom, and at least hourly', () => {
    expect(asksOf(new AskPace(), 'a', 250)).toEqual([0, 1, 2, 4, 8, 16, 32, 64, 124, 184, 244]);
  });

  it('keeps recordings apart', () => {
    const pace = new AskPace();
    expect(pace.take('a', 0)).toBe(true);
    expect(pace.take('b', 0)).toBe(true);
    expect(pace.take('a', 1)).toBe(false);
  });
});

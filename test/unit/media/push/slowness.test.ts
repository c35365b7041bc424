import { describe, expect, it } from 'vitest';
import { createSlowness } from '../../../../src/media/push/slowness.ts';

describe('a slow peer', () => {
  const quiet = { lagMs: 4000, droppedFrames: 0, kbps: 80 };

  it('is told with its figures when it has lagged for five seconds, and again every ten', () => {
    const slowness = createSlowness(() => 4096);
    const told = (nowMs: number, droppedFrames = 0) =>
      slowness.look('lagging', { ...quiet, nowMs, droppedFrames });
    expect(told(0)).toBeNull();
    expect(told(4900)).toBeNull();
    expect(told(5000)).toBe("the server takes 80 of the stream's 4096 kbit/s: it is 4 s behind");
    expect(told(14_000, 50)).toBeNull();
    expect(told(15_000, 60)).toContain('60 frames were left out');
    expect(told(25_000, 75)).toContain('15 frames were left out');
  });

  it('is told at once when frames were dropped, whatever the stream has', () => {
    const slowness = createSlowness(() => 0);
    const told = slowness.look('lagging', { ...quiet, nowMs: 0, droppedFrames: 7 });
    expect(told).toBe('the server takes 80 kbit/s: it is 4 s behind, 7 frames were left out');
  });

  it('is not told of a lag that goes by itself', () => {
    const slowness = createSlowness(() => 4096);
    expect(slowness.look('lagging', { ...quiet, nowMs: 0 })).toBeNull();
    expect(slowness.look('taking', { ...quiet, nowMs: 3000 })).toBeNull();
    expect(slowness.look('lagging', { ...quiet, nowMs: 6000 })).toBeNull();
  });
});

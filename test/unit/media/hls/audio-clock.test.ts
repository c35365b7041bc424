import { describe, expect, it } from 'vitest';
import { AudioClock } from '../../../../src/media/hls/audio-clock.ts';

describe('the clock of AAC frames', () => {
  it('takes rounding out and keeps real steps', () => {
    const clock = new AudioClock(48_000);
    const placed = [0, 21, 43, 64, 1000, 1021].map((ms) => clock.place(ms));
    expect(placed.map((ms) => Math.round(ms * 48))).toEqual([0, 1024, 2048, 3072, 48_000, 49_024]);
  });

  it('follows a source whose clock is slow', () => {
    const clock = new AudioClock(48_000);
    const frameMs = clock.frameMs * 1.001;
    let last = 0;
    for (let frame = 0; frame < 10_000; frame += 1) last = clock.place(Math.round(frame * frameMs));
    expect(Math.abs(last - 9999 * frameMs)).toBeLessThan(10);
  });
});

/** The programme's sound: 48 kHz, stereo. */
export const SAMPLE_RATE = 48_000;
export const CHANNELS = 2;

/** Longer lateness (a suspended machine) is not made up for. */
const MAX_CATCH_UP_MS = 10_000;

export interface FrameClock {
  /** Monotonic ms at which frame n is due. */
  dueAt(frame: number): number;
  /** First sample of frame n: exact over any time, because it is computed from n and never summed up. */
  firstSample(frame: number): number;
  /** Frames due now and not taken yet. */
  framesDue(nowMs: number): number;
  /** The frame that next() gives. */
  readonly upcoming: number;
  /** Takes the next frame. */
  next(): number;
  /** Leaves out frames that nobody can make up for after a long pause; returns how many. */
  skipAhead(nowMs: number): number;
}

/** Frame n is due at startMs + n / fps. */
export function createFrameClock({ fps, startMs }: { fps: number; startMs: number }): FrameClock {
  let upcoming = 0;
  const dueAt = (frame: number): number => startMs + (frame * 1000) / fps;

  return {
    dueAt,
    firstSample: (frame) => Math.round((frame * SAMPLE_RATE) / fps),
    framesDue: (nowMs) => Math.max(0, Math.floor(((nowMs - startMs) * fps) / 1000 + 1e-6) + 1 - upcoming),
    get upcoming() {
      return upcoming;
    },
    next: () => upcoming++,
    skipAhead(nowMs) {
      if (nowMs - dueAt(upcoming) <= MAX_CATCH_UP_MS) return 0;
      const target = Math.floor(((nowMs - startMs) * fps) / 1000);
      const skipped = target - upcoming;
      upcoming = target;
      return skipped;
    },
  };
}

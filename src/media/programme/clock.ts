/** The programme's sound: 48 kHz, stereo. */
export const SAMPLE_RATE = 48_000;
export const CHANNELS = 2;

/** Of one tick: two of the longest, where the rate changes. */
export const MAX_TICK_SAMPLES = 3842;

/** Longer lateness (a suspended machine) is not made up for. */
const MAX_CATCH_UP_MS = 10_000;
/** Sound is mixed at least so often: more of it at once would not be there yet. */
const MIN_TICK_RATE = 25;
/** Of a programme without pictures. */
const SOUND_TICK_RATE = 50;

export interface Tick {
  /** Monotonic ms. */
  readonly dueMs: number;
  /** Number of the picture since the programme's start, at its rate; null at ticks for sound alone. */
  readonly frame: number | null;
  /** Monotonic ms of the first sample. */
  readonly soundMs: number;
  /** Samples to mix, from the programme's start: exact over any time, because never summed up. */
  readonly firstSample: number;
  readonly endSample: number;
}

export interface ProgrammeClock {
  /** Ticks due now and not taken yet. */
  ticksDue(nowMs: number): number;
  /** When the tick is due that next() gives. */
  readonly upcomingMs: number;
  next(): Tick;
  /** Leaves out ticks that nobody can make up for after a long pause; returns how many pictures these are. */
  skipAhead(nowMs: number): number;
  /** Pictures a second from the next tick on; null: sound only. Pictures of all rates stand on grids from the same start. */
  setFps(fps: number | null): void;
}

/** Ticks for pictures and, where these are rare, for sound between them. */
export function createProgrammeClock({
  fps: firstFps,
  startMs,
}: {
  fps: number | null;
  startMs: number;
}): ProgrammeClock {
  let ticksPerFrame = 0;
  let rate = SOUND_TICK_RATE;
  let upcoming = 0;
  let soundEnd = 0;
  const dueAt = (tick: number): number => startMs + (tick * 1000) / rate;
  const sampleAt = (tick: number): number => Math.round((tick * SAMPLE_RATE) / rate);
  const isFrame = (tick: number): boolean => ticksPerFrame > 0 && tick % ticksPerFrame === 0;

  function setFps(fps: number | null): void {
    const atMs = dueAt(upcoming) - startMs;
    ticksPerFrame = fps === null ? 0 : Math.ceil(MIN_TICK_RATE / fps);
    rate = fps === null ? SOUND_TICK_RATE : fps * ticksPerFrame;
    upcoming = Math.max(0, Math.ceil((atMs * rate) / 1000 - 1e-6));
  }

  setFps(firstFps);
  return {
    ticksDue: (nowMs) => Math.max(0, Math.floor(((nowMs - startMs) * rate) / 1000 + 1e-6) + 1 - upcoming),
    get upcomingMs() {
      return dueAt(upcoming);
    },
    next() {
      const tick = upcoming++;
      const firstSample = soundEnd;
      soundEnd = sampleAt(upcoming);
      const frame = isFrame(tick) ? tick / ticksPerFrame : null;
      const soundMs = startMs + (firstSample * 1000) / SAMPLE_RATE;
      return { dueMs: dueAt(tick), soundMs, frame, firstSample, endSample: soundEnd };
    },
    skipAhead(nowMs) {
      if (nowMs - dueAt(upcoming) <= MAX_CATCH_UP_MS) return 0;
      const target = Math.floor(((nowMs - startMs) * rate) / 1000);
      const skipped = target - upcoming;
      upcoming = target;
      soundEnd = sampleAt(target);
      return ticksPerFrame === 0 ? 0 : Math.round(skipped / ticksPerFrame);
    },
    setFps,
  };
}

import { createAnchor } from './anchor.ts';
import { createReserve } from './reserve.ts';

/** Which moment of an input's timeline the programme shows: one for picture and sound. */
export interface Playout {
  /** A live packet of the timeline (ms) arrived now (monotonic ms). */
  observe(timestampMs: number, arrivalMs: number): void;
  /** The decoder has given all up to here. */
  decoded(reachedMs: number, nowMs: number): void;
  /** ms of the timeline that are due; null before the first packet. */
  at(nowMs: number): number | null;
  /** The next packets belong to another timeline. */
  reset(): void;
}

export interface PlayoutOptions {
  readonly delayMs: number;
  /** While it sounds, small changes are made slowly, so that sound, which skips and repeats, stays with the picture. */
  readonly isSounding: () => boolean;
}

/** Half of what the sound can skip or repeat. */
const SLEW = 0.15;
/** Beyond this it is gone to at once. Sound does so from 200 ms on, wherever in its tolerance it was. */
const JUMP_MS = 300;

export function createPlayout({ delayMs, isSounding }: PlayoutOptions): Playout {
  const reserve = createReserve();
  const delay = (): number => delayMs + reserve.extraMs;
  const anchor = createAnchor({ toleranceMs: delay });
  /** now - timeline, as it is applied. */
  let lagMs: number | null = null;
  let lastMs = 0;

  function follow(targetMs: number, nowMs: number): number {
    const from = lagMs ?? targetMs;
    const off = targetMs - from;
    const step = Math.max(0, nowMs - lastMs) * SLEW;
    const isSmall = Math.abs(off) <= JUMP_MS;
    return isSmall && isSounding() ? from + Math.max(-step, Math.min(step, off)) : targetMs;
  }

  function at(nowMs: number): number | null {
    if (anchor.offsetMs === null) return null;
    lagMs = follow(anchor.offsetMs + delay(), nowMs);
    lastMs = Math.max(lastMs, nowMs);
    return nowMs - lagMs;
  }

  return {
    observe: anchor.observe,
    decoded(reachedMs, nowMs) {
      const dueMs = at(nowMs);
      if (dueMs !== null) reserve.observe(reachedMs - dueMs, nowMs);
    },
    at,
    reset() {
      anchor.reset();
      lagMs = null;
    },
  };
}

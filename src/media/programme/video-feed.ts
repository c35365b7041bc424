import { type Frame, type FramePool, nextFrameId } from './frame-pool.ts';

/** Decoded pictures of one input at one size, waiting for their time. */
export interface VideoFeed {
  readonly width: number;
  readonly height: number;
  push(frame: Frame): void;
  /** The picture to show at this time of the input's timeline; the one before it goes back to the pool. */
  pick(timelineMs: number): Frame | null;
  /** Whether pick would give a picture that is at most this much older than the time. */
  isFresh(timelineMs: number, maxAgeMs: number): boolean;
  /** Time of the newest picture, waiting or shown; null before the first. */
  readonly newestMs: number | null;
  close(): void;
}

/** About a second at 30 fps: beyond it the source's times are nonsense and the oldest goes. */
const MAX_WAITING = 36;

export function createVideoFeed(pool: FramePool, width: number, height: number): VideoFeed {
  let waiting: Frame[] = [];
  let shown: Frame | null = null;
  let closed = false;

  function showNext(): void {
    const next = waiting.shift();
    if (!next) return;
    if (shown) pool.giveBack(shown);
    shown = next;
  }

  const newest = (): number | null => (waiting.at(-1) ?? shown)?.ptsMs ?? null;

  return {
    width,
    height,
    push(frame) {
      if (closed) {
        pool.giveBack(frame);
        return;
      }
      frame.id = nextFrameId();
      waiting.push(frame);
      if (waiting.length > MAX_WAITING) showNext();
    },
    pick(timelineMs) {
      while ((waiting[0]?.ptsMs ?? Number.POSITIVE_INFINITY) <= timelineMs) showNext();
      return shown;
    },
    get newestMs() {
      return newest();
    },
    isFresh(timelineMs, maxAgeMs) {
      const ms = newest();
      return ms !== null && ms >= timelineMs - maxAgeMs;
    },
    close() {
      closed = true;
      for (const frame of waiting) pool.giveBack(frame);
      waiting = [];
      // The shown picture may still stand on a canvas of this tick; it is left to the collector.
      shown = null;
    },
  };
}

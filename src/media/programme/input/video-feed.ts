import { type Frame, type FramePool, nextFrameId } from '../../canvas/frame-pool.ts';

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

/** Pictures wait for as long as sound may: about two seconds, less of big ones. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
const [MIN_WAITING, MAX_WAITING] = [36, 128];
/** No picture waits for so long: a source whose times are nonsense is shown as it comes. */
const MAX_WAIT_MS = 5000;

export function createVideoFeed(pool: FramePool, width: number, height: number): VideoFeed {
  let waiting: Frame[] = [];
  let shown: Frame | null = null;
  let closed = false;
  const maxWaiting = Math.max(
    MIN_WAITING,
    Math.min(MAX_WAITING, Math.floor(MAX_WAITING_BYTES / pool.frameBytes)),
  );

  /** Every other picture goes: those left keep their times, and stay with the sound. */
  function thinOut(): void {
    waiting = waiting.filter((frame, index) => {
      const stays = index % 2 === 0 || index === waiting.length - 1;
      if (!stays) pool.giveBack(frame);
      return stays;
    });
  }

  function isDue(frame: Frame | undefined, timelineMs: number): boolean {
    return frame !== undefined && (frame.ptsMs <= timelineMs || frame.ptsMs > timelineMs + MAX_WAIT_MS);
  }

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
      if (waiting.length > maxWaiting) thinOut();
    },
    pick(timelineMs) {
      while (isDue(waiting[0], timelineMs)) showNext();
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

import { createRebaser, type TimestampJump } from '../../flv/rebase.ts';
import { type FlvTag, isMedia } from '../../flv/tag.ts';
import type { InputReports } from './input-reports.ts';

/** Puts what arrives of a stream on one timeline without jumps, and tells of those there were. */
export interface Arrivals {
  place(tag: FlvTag, arrival: { readonly arrivalMs: number; readonly cached: boolean }): FlvTag;
  /** The next tags come from another publisher or connection. */
  restart(): void;
}

/** Nothing for so long is a hole. */
const HOLE_MS = 1000;
const HALF_RANGE = 2 ** 31;

export function createArrivals({
  reports,
  baseMs,
}: {
  readonly reports: InputReports;
  readonly baseMs: number;
}): Arrivals {
  let arrivalMs = 0;
  let lastMs: number | null = null;
  let lastSource = 0;

  function onJump({ stepMs }: TimestampJump): void {
    // Behind a hole the source's clock may rightly have gone on.
    const waitedMs = lastMs === null ? 0 : arrivalMs - lastMs;
    if (stepMs === null || Math.abs(stepMs - waitedMs) < HOLE_MS) return;
    reports.changed('timestamps', `jumped by ${stepMs} ms`);
  }

  const rebaser = createRebaser({ baseMs, gap: 'elapsed', now: () => arrivalMs, onJump });

  function notice(tag: FlvTag): void {
    const pauseMs = lastMs === null ? 0 : arrivalMs - lastMs;
    if (pauseMs >= HOLE_MS) reports.changed('gap', `nothing came for ${Math.round(pauseMs)} ms`);
    if (lastMs !== null && lastSource - tag.timestamp > HALF_RANGE) {
      reports.changed('timestamps', 'wrapped at 2^32 ms');
    }
  }

  return {
    place(tag, arrival) {
      arrivalMs = arrival.arrivalMs;
      const placed = rebaser.rebase(tag);
      if (!isMedia(tag)) return placed;
      if (!arrival.cached) notice(tag);
      lastMs = arrivalMs;
      lastSource = tag.timestamp;
      return placed;
    },
    restart() {
      rebaser.discontinuity();
      lastMs = null;
    },
  };
}

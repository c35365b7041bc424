/** Delay beyond the playout delay for an input whose decoder gives its sound and pictures too late for it. */
export interface Reserve {
  readonly extraMs: number;
  /** `marginMs`: how far the decoded media reaches beyond what is due now, with the extra delay. */
  observe(marginMs: number, nowMs: number): void;
}

/** Looked at once a window: the best margin of it counts, so that a single hiccup changes nothing. */
const WINDOW_MS = 1000;
/** Below it, sound breaks off at every tick. */
const LEAST_MARGIN_MS = 60;
const GOOD_MARGIN_MS = 90;
/** More than needed: given back little by little, each step of it within what drift correction hides. */
const AMPLE_MARGIN_MS = 160;
const GIVE_BACK_MS = 5;
const MAX_EXTRA_MS = 2000;
const MAX_STEP_MS = 500;

/** Grows at once where a busy machine or a slow codec needs it, and shrinks slowly. */
export function createReserve(): Reserve {
  let extraMs = 0;
  let best = Number.NEGATIVE_INFINITY;
  let least = Number.POSITIVE_INFINITY;
  let windowEndsMs: number | null = null;

  function close(): void {
    if (best < LEAST_MARGIN_MS) extraMs += Math.min(MAX_STEP_MS, GOOD_MARGIN_MS - best);
    else if (least > AMPLE_MARGIN_MS) extraMs -= GIVE_BACK_MS;
    extraMs = Math.max(0, Math.min(MAX_EXTRA_MS, extraMs));
    best = Number.NEGATIVE_INFINITY;
    least = Number.POSITIVE_INFINITY;
  }

  return {
    get extraMs() {
      return extraMs;
    },
    observe(marginMs, nowMs) {
      windowEndsMs ??= nowMs + WINDOW_MS;
      best = Math.max(best, marginMs);
      least = Math.min(least, marginMs);
      if (nowMs < windowEndsMs) return;
      windowEndsMs = nowMs + WINDOW_MS;
      close();
    },
  };
}

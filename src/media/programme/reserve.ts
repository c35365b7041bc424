/** Delay beyond the playout delay for an input whose decoder gives its sound and pictures too late for it. */
export interface Reserve {
  readonly extraMs: number;
  /** `marginMs`: how far what was just decoded reaches beyond what is due now, with the extra delay. */
  observe(marginMs: number, nowMs: number): void;
}

/** Looked at once a window: the best margin of it counts, so that a single hiccup changes nothing. */
const WINDOW_MS = 1000;
/** Nothing came for so long: what comes then is late by the source, and says nothing of the decoder. */
const PAUSE_MS = 500;
/** Below it, sound breaks off at every tick. */
const LEAST_MARGIN_MS = 60;
const GOOD_MARGIN_MS = 90;
/** More than needed: a tenth of it is given back each window, in steps that drift correction hides. */
const AMPLE_MARGIN_MS = 160;
const GIVE_BACK_SHARE = 0.1;
const MAX_GIVE_BACK_MS = 50;
const MAX_EXTRA_MS = 2000;
const MAX_STEP_MS = 500;

/** Grows at once where a busy machine or a slow codec needs it, and shrinks slowly. */
export function createReserve(): Reserve {
  let extraMs = 0;
  let best = Number.NEGATIVE_INFINITY;
  let least = Number.POSITIVE_INFINITY;
  let windowEndsMs = 0;
  let lastMs = Number.NEGATIVE_INFINITY;

  function open(nowMs: number): void {
    windowEndsMs = nowMs + WINDOW_MS;
    best = Number.NEGATIVE_INFINITY;
    least = Number.POSITIVE_INFINITY;
  }

  function conclude(): void {
    if (best < LEAST_MARGIN_MS) extraMs += Math.min(MAX_STEP_MS, GOOD_MARGIN_MS - best);
    else if (least > AMPLE_MARGIN_MS)
      extraMs -= Math.min(MAX_GIVE_BACK_MS, (least - GOOD_MARGIN_MS) * GIVE_BACK_SHARE);
    extraMs = Math.max(0, Math.min(MAX_EXTRA_MS, extraMs));
  }

  return {
    get extraMs() {
      return extraMs;
    },
    observe(marginMs, nowMs) {
      if (nowMs - lastMs > PAUSE_MS) open(nowMs);
      lastMs = nowMs;
      best = Math.max(best, marginMs);
      least = Math.min(least, marginMs);
      if (nowMs < windowEndsMs) return;
      conclude();
      open(nowMs);
    },
  };
}

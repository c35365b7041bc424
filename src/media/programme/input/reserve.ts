/** Delay beyond the playout delay, for an input that comes in bursts or whose decoder is late. */
export interface Reserve {
  readonly extraMs: number;
  /** `marginMs`: how far what was just decoded reaches beyond what is due now, with the extra delay. */
  observe(marginMs: number, nowMs: number): void;
}

const WINDOW_MS = 1000;
/** Shortages are remembered for so many windows; one alone is a hiccup and changes nothing. */
const WINDOWS = 10;
/** Nothing came for so long: no delay of ours makes up for that, and what follows says nothing until it is in time. */
const PAUSE_MS = 2000;
/** Below it, sound breaks off at every tick. */
const LEAST_MARGIN_MS = 60;
const GOOD_MARGIN_MS = 90;
/** More than needed: a tenth of it is given back each window, in steps that drift correction hides. */
const AMPLE_MARGIN_MS = 160;
const GIVE_BACK_SHARE = 0.1;
const MAX_GIVE_BACK_MS = 20;
const MAX_EXTRA_MS = 2000;
const MAX_STEP_MS = 500;

/** The extra delay with which the margins of a window would just have been none. */
interface Need {
  /** For the worst of them. */
  readonly most: number;
  /** For the best of them. */
  readonly least: number;
}

const NOTHING: Need = { most: Number.NEGATIVE_INFINITY, least: Number.POSITIVE_INFINITY };

/** Grows at once where sound would break off again and again, and shrinks slowly. */
export function createReserve(): Reserve {
  let extraMs = 0;
  let now = NOTHING;
  let recent: Need[] = [];
  let windowEndsMs = 0;
  let lastMs = Number.NEGATIVE_INFINITY;
  let inTime = false;

  function open(nowMs: number): void {
    windowEndsMs = nowMs + WINDOW_MS;
    now = NOTHING;
  }

  /** What is too late for any delay, and all until it is in time again, came late once and not by its nature. */
  function countsAsShortage(marginMs: number): boolean {
    const needMs = extraMs - marginMs;
    if (needMs > MAX_EXTRA_MS) inTime = false;
    else inTime ||= marginMs >= LEAST_MARGIN_MS;
    return inTime;
  }

  function conclude(): void {
    recent = [...recent, now].slice(-WINDOWS);
    const [worst = 0, again = Number.NEGATIVE_INFINITY] = recent
      .map((need) => need.most)
      .sort((a, b) => b - a);
    const best = extraMs - now.least;
    if (best < LEAST_MARGIN_MS) extraMs += Math.min(MAX_STEP_MS, GOOD_MARGIN_MS - best);
    else if (extraMs - again < LEAST_MARGIN_MS) extraMs = again + GOOD_MARGIN_MS;
    else if (extraMs - worst > AMPLE_MARGIN_MS)
      extraMs -= Math.min(MAX_GIVE_BACK_MS, (extraMs - worst - GOOD_MARGIN_MS) * GIVE_BACK_SHARE);
    extraMs = Math.max(0, Math.min(MAX_EXTRA_MS, extraMs));
  }

  return {
    get extraMs() {
      return extraMs;
    },
    observe(marginMs, nowMs) {
      if (nowMs - lastMs > PAUSE_MS) {
        open(nowMs);
        inTime = false;
      }
      lastMs = nowMs;
      const needMs = extraMs - marginMs;
      const most = countsAsShortage(marginMs) ? Math.max(now.most, needMs) : now.most;
      now = { most, least: Math.min(now.least, needMs) };
      if (nowMs < windowEndsMs) return;
      conclude();
      open(nowMs);
    },
  };
}

export interface DuePoint {
  readonly nowMs: number;
  /** Age of the oldest picture that waits, for the encoder or for being drawn. */
  readonly behindMs: number;
  /** Pictures that wait for the encoder. */
  readonly waiting: number;
}

/** So far behind is no trouble: a busy machine makes up for it without a gap. It is also where overload is held. */
const FREE_BEHIND_MS = 250;
/** For so long it has to be behind without a break: what is shorter is a hiccup of the machine. */
const STANDING_MS = 300;
/** From here on a smaller and smaller share is taken whatever else is known; an encoder that works never gets far. */
const MUCH_BEHIND_MS = 500;
const MOST_BEHIND_MS = 1000;
const LEAST_SHARE = 1 / 8;
/** What the encoder takes is measured over this time when it begins to be behind. */
const MEASURE_MS = 1000;
/**
 * The share is held by a loop over how far behind the encoder is, in seconds: FOLLOW moves it for good, DAMP only for
 * the moment. DAMP is twice the root of FOLLOW, where a loop settles soonest without swinging.
 */
const FOLLOW = 0.2;
const DAMP = 0.9;
/** No single moment moves the share by more than this part of itself. */
const MOST_NUDGE = 0.25;
/** Behind by less than this for so long, there is room for more: the longer, the faster the share rises. */
const IDLE_BEHIND_MS = 100;
const IDLE_MS = 400;
const IDLE_RISE = 1.5;

/** The most that may be taken when it is behind by so much. */
function capAt(behindMs: number): number {
  const part = (behindMs - MUCH_BEHIND_MS) / (MOST_BEHIND_MS - MUCH_BEHIND_MS);
  return Math.max(LEAST_SHARE, Math.min(1, 1 - part * (1 - LEAST_SHARE)));
}

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));

/** What part of the pictures that were due the encoder took of late. */
class Capacity {
  #points: { readonly atMs: number; readonly due: number; readonly taken: number }[] = [];
  #due = 0;
  #admitted = 0;

  observe({ nowMs, waiting }: DuePoint): void {
    this.#due += 1;
    this.#points.push({ atMs: nowMs, due: this.#due, taken: this.#admitted - waiting });
    while ((this.#points[0]?.atMs ?? nowMs) < nowMs - MEASURE_MS) this.#points.shift();
  }

  admitted(): void {
    this.#admitted += 1;
  }

  get share(): number {
    const [first, last] = [this.#points[0], this.#points.at(-1)];
    if (!first || !last || last.due === first.due) return 1;
    return (last.taken - first.taken) / (last.due - first.due);
  }
}

/** Follows what the encoder can do, so that it stays a little behind: never idle, and never far. */
export class EncoderShare {
  readonly #capacity = new Capacity();
  /** 1: all are taken, and nothing is followed. */
  #share = 1;
  #lastMs: number | null = null;
  /** When it was last behind by little. */
  #freeMs = Number.POSITIVE_INFINITY;
  /** When it was last behind by more than an idle one. */
  #busyMs = 0;

  /** 0 to 1. */
  at(point: DuePoint): number {
    this.#capacity.observe(point);
    const { nowMs, behindMs } = point;
    const seconds = (nowMs - (this.#lastMs ?? nowMs)) / 1000;
    this.#lastMs = nowMs;
    if (behindMs <= FREE_BEHIND_MS) this.#freeMs = nowMs;
    if (behindMs >= IDLE_BEHIND_MS) this.#busyMs = nowMs;
    const cap = capAt(behindMs);
    if (this.#share === 1) {
      if (nowMs - this.#freeMs > STANDING_MS) this.#share = clamp(this.#capacity.share, LEAST_SHARE, 0.99);
      return Math.min(this.#share, cap);
    }
    const error = (FREE_BEHIND_MS - Math.min(behindMs, MOST_BEHIND_MS)) / 1000;
    const idle = Math.max(0, nowMs - this.#busyMs - IDLE_MS) / 1000;
    this.#share = clamp(
      this.#share * Math.exp((FOLLOW * error + IDLE_RISE * idle) * seconds),
      LEAST_SHARE,
      1,
    );
    const nudged = this.#share * (1 + clamp(DAMP * error, -MOST_NUDGE, MOST_NUDGE));
    return this.#share === 1 ? cap : Math.min(nudged, 1, cap);
  }

  admitted(): void {
    this.#capacity.admitted();
  }
}

import type { Overload } from '../../../domain/job.ts';
import type { MixEventBody } from '../../../domain/mix-event.ts';

export interface DuePoint {
  readonly nowMs: number;
  /** Age of the oldest picture that waits, for the encoder or for being drawn. */
  readonly behindMs: number;
  /** Pictures that wait for the encoder. */
  readonly waiting: number;
}

/** Decides which pictures are left out when encoder or machine cannot keep up: evenly, and as few as it takes. */
export interface OverloadGovernor {
  /** Whether the picture that is due is drawn and encoded. Asked for each. */
  admits(point: DuePoint): boolean;
  /** Ticks that came later than the next one was due. */
  late(ticks: number): void;
  /** What the last ten seconds were like; null while nothing had to be left out. */
  status(): Overload | null;
}

/** So far behind is no trouble: a busy machine makes up for it without a gap. */
const FREE_BEHIND_MS = 250;
/** For so long it has to be behind without a break: what is shorter is a hiccup of the machine. */
const STANDING_MS = 300;
/** From here on a smaller and smaller share is taken whatever else is known; an encoder that works never gets far. */
const MUCH_BEHIND_MS = 500;
const MOST_BEHIND_MS = 1000;
const LEAST_SHARE = 1 / 8;
/** What the encoder takes is measured over this time, and followed twice in it. */
const MEASURE_MS = 1000;
const FOLLOW_MS = 500;
/** A little less than the encoder can do lets it work off what waits. */
const [DRAIN, DRAIN_FAST] = [0.95, 0.85];
/** Nearly nothing waits: there may be room for more. */
const CAUGHT_UP_MS = 100;
/** Times in which the share would rise from nothing to all: longer after each relapse, shorter after calm. */
const [MIN_RISE_MS, MAX_RISE_MS] = [1000, 50_000];
const RELAPSE_MS = 6000;
/** Nothing left out for this long: it is over. */
const CALM_MS = 5000;
const WINDOW_MS = 10_000;
const BUCKET_MS = 1000;
/** A picture now and then is no overload. */
const NOTABLE_SHARE = 0.02;
const NOTABLE_DROPS = 3;

/** The most that may be taken when it is behind by so much. */
function capAt(behindMs: number): number {
  const part = (behindMs - MUCH_BEHIND_MS) / (MOST_BEHIND_MS - MUCH_BEHIND_MS);
  return Math.max(LEAST_SHARE, Math.min(1, 1 - part * (1 - LEAST_SHARE)));
}

interface Bucket {
  readonly atMs: number;
  due: number;
  dropped: number;
  behindMs: number;
  lateTicks: number;
}

/** Figures of the last ten seconds. */
class Window {
  #buckets: Bucket[] = [];
  #lateTicks = 0;

  late(ticks: number): void {
    this.#lateTicks += ticks;
  }

  count({ nowMs, behindMs }: DuePoint, dropped: boolean): void {
    const last = this.#buckets.at(-1);
    const isNew = last === undefined || nowMs - last.atMs >= BUCKET_MS;
    const bucket = isNew ? { atMs: nowMs, due: 0, dropped: 0, behindMs: 0, lateTicks: 0 } : last;
    if (isNew) this.#buckets.push(bucket);
    bucket.due += 1;
    bucket.dropped += dropped ? 1 : 0;
    bucket.behindMs = Math.max(bucket.behindMs, behindMs);
    bucket.lateTicks += this.#lateTicks;
    this.#lateTicks = 0;
    while ((this.#buckets[0]?.atMs ?? nowMs) < nowMs - WINDOW_MS) this.#buckets.shift();
  }

  figures(): Omit<Bucket, 'atMs'> {
    const sum = { due: 0, dropped: 0, behindMs: 0, lateTicks: 0 };
    for (const bucket of this.#buckets) {
      sum.due += bucket.due;
      sum.dropped += bucket.dropped;
      sum.behindMs = Math.max(sum.behindMs, bucket.behindMs);
      sum.lateTicks += bucket.lateTicks;
    }
    return sum;
  }
}

/** What part of the pictures that were due the encoder took in the last second. */
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

/** Follows what the encoder can do: down at once, up slowly and more slowly after each relapse. */
class Share {
  readonly #capacity = new Capacity();
  #share = 1;
  #riseMs = MIN_RISE_MS;
  #lastMs: number | null = null;
  #fellMs = Number.NEGATIVE_INFINITY;
  #rose = false;
  /** When it was last behind by little. */
  #freeMs = Number.POSITIVE_INFINITY;

  /** 0 to 1. */
  at(point: DuePoint): number {
    this.#capacity.observe(point);
    const { nowMs, behindMs } = point;
    const passedMs = nowMs - (this.#lastMs ?? nowMs);
    this.#lastMs = nowMs;
    if (behindMs <= FREE_BEHIND_MS) this.#freeMs = nowMs;
    if (nowMs - this.#freeMs > STANDING_MS) this.#fall(point);
    else if (behindMs < CAUGHT_UP_MS) this.#rise(nowMs, passedMs);
    return Math.min(this.#share, capAt(behindMs));
  }

  admitted(): void {
    this.#capacity.admitted();
  }

  #fall({ nowMs, behindMs }: DuePoint): void {
    const sinceMs = nowMs - this.#fellMs;
    if (sinceMs < FOLLOW_MS) return;
    if (this.#rose && sinceMs < RELAPSE_MS) this.#riseMs = Math.min(this.#riseMs * 2, MAX_RISE_MS);
    this.#fellMs = nowMs;
    this.#rose = false;
    const drain = behindMs > MUCH_BEHIND_MS ? DRAIN_FAST : DRAIN;
    this.#share = Math.max(LEAST_SHARE, Math.min(this.#share, this.#capacity.share * drain));
  }

  #rise(nowMs: number, passedMs: number): void {
    this.#rose = true;
    this.#share = Math.min(1, this.#share + passedMs / this.#riseMs);
    if (nowMs - this.#fellMs < RELAPSE_MS) return;
    this.#riseMs = Math.max(MIN_RISE_MS, this.#riseMs / 2);
    this.#fellMs = nowMs;
  }
}

/** The share of pictures that the encoder can do, laid out evenly. */
export function createOverloadGovernor(onEvent: (event: MixEventBody) => void): OverloadGovernor {
  const window = new Window();
  const share = new Share();
  let credit = 0;
  let droppedMs = Number.NEGATIVE_INFINITY;
  let since: number | null = null;

  function judge(nowMs: number): void {
    const { due, dropped, behindMs } = window.figures();
    const droppedShare = dropped / due;
    const isNew = since === null && droppedMs === nowMs;
    if (isNew && dropped >= NOTABLE_DROPS && droppedShare >= NOTABLE_SHARE) {
      since = Date.now();
      onEvent({ type: 'overloaded', droppedShare, behindMs: Math.round(behindMs) });
    } else if (since !== null && nowMs - droppedMs > CALM_MS) {
      since = null;
      onEvent({ type: 'recovered' });
    }
  }

  return {
    admits(point) {
      credit += share.at(point);
      const isTaken = credit >= 1;
      if (isTaken) {
        credit -= 1;
        share.admitted();
      } else droppedMs = point.nowMs;
      window.count(point, !isTaken);
      judge(point.nowMs);
      return isTaken;
    },
    late: (ticks) => window.late(ticks),
    status() {
      if (since === null) return null;
      const { due, dropped, behindMs, lateTicks } = window.figures();
      return { since, droppedShare: dropped / due, behindMs: Math.round(behindMs), lateTicks };
    },
  };
}

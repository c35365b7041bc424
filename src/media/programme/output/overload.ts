import type { Overload } from '../../../domain/job.ts';
import type { MixEventBody } from '../../../domain/mix-event.ts';
import { type DuePoint, EncoderShare } from './encoder-share.ts';

/** Decides which pictures are left out when encoder or machine cannot keep up: evenly, and as few as it takes. */
export interface OverloadGovernor {
  /** Whether the picture that is due is drawn and encoded. Asked for each. */
  admits(point: DuePoint): boolean;
  /** Ticks that came later than the next one was due. */
  late(ticks: number): void;
  /** What the last ten seconds were like; null while nothing had to be left out. */
  status(): Overload | null;
}

/** Nothing left out for this long: it is over. */
const CALM_MS = 5000;
const WINDOW_MS = 10_000;
const BUCKET_MS = 1000;
/** A picture now and then is no overload. */
const NOTABLE_SHARE = 0.02;
const NOTABLE_DROPS = 3;

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

/** The share of pictures that the encoder can do, laid out evenly. */
export function createOverloadGovernor(onEvent: (event: MixEventBody) => void): OverloadGovernor {
  const window = new Window();
  const share = new EncoderShare();
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

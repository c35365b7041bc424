/** Where a live timeline stands against our clock. */
export interface Anchor {
  /** A packet of the timeline (ms) arrived now (monotonic ms). Packets that came from a cache must not be told. */
  observe(timestampMs: number, arrivalMs: number): void;
  /** Least (arrival - timestamp) of the window in ms; null before the first packet. */
  readonly offsetMs: number | null;
  /** Forgets all (another timeline). */
  reset(): void;
}

export interface AnchorOptions {
  /** Packets later than this against the anchor cannot be shown in time: the delay of the playout. */
  readonly toleranceMs: () => number;
}

const WINDOW_MS = 2000;
const BUCKET_MS = 100;
/** When every packet of this time came too late, older ones no longer count. */
const ALL_LATE_MS = 1000;

interface Bucket {
  readonly index: number;
  least: number;
}

/** Sliding minimum in buckets of 100 ms, so that its cost does not grow with the packet rate. */
export function createAnchor({ toleranceMs }: AnchorOptions): Anchor {
  let buckets: Bucket[] = [];
  let offsetMs: number | null = null;
  let lastInTimeMs = 0;

  return {
    get offsetMs() {
      return offsetMs;
    },
    observe(timestampMs, arrivalMs) {
      const offset = arrivalMs - timestampMs;
      if (offsetMs === null || offset <= offsetMs + toleranceMs()) lastInTimeMs = arrivalMs;
      const keepMs = arrivalMs - lastInTimeMs >= ALL_LATE_MS ? ALL_LATE_MS : WINDOW_MS;
      const index = Math.floor(arrivalMs / BUCKET_MS);
      const newest = buckets.at(-1);
      if (newest?.index === index) newest.least = Math.min(newest.least, offset);
      else buckets.push({ index, least: offset });
      const oldest = index - keepMs / BUCKET_MS;
      if ((buckets[0]?.index ?? index) <= oldest) buckets = buckets.filter((bucket) => bucket.index > oldest);
      offsetMs = Math.min(...buckets.map((bucket) => bucket.least));
    },
    reset() {
      buckets = [];
      offsetMs = null;
      lastInTimeMs = 0;
    },
  };
}

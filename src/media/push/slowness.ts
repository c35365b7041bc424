import type { Delivery } from './delivery.ts';

export interface SlownessFacts {
  readonly nowMs: number;
  readonly lagMs: number;
  /** Of the session. */
  readonly droppedFrames: number;
  /** Taken by the peer. */
  readonly kbps: number;
}

/** Watches one session for a peer that takes less than the stream has. */
export interface Slowness {
  /** What is to be told of it now: when it is clear that it is slow, and then again now and then. */
  look(delivery: Delivery, facts: SlownessFacts): string | null;
}

/** A lag that goes by itself is no fault of the peer. */
const CLEAR_MS = 5000;
const EVERY_MS = 10_000;

export function createSlowness(streamKbps: () => number): Slowness {
  let since: number | null = null;
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let toldDropped = 0;

  function sentence({ lagMs, kbps }: SlownessFacts, dropped: number): string {
    const all = streamKbps();
    const taken = `the server takes ${kbps}${all > 0 ? ` of the stream's ${all}` : ''} kbit/s`;
    const behind = `it is ${Math.round(lagMs / 1000)} s behind`;
    return `${taken}: ${behind}${dropped > 0 ? `, ${dropped} frames were left out` : ''}`;
  }

  return {
    look(delivery, facts) {
      const { nowMs, droppedFrames } = facts;
      if (delivery !== 'lagging') {
        since = null;
        return null;
      }
      since ??= nowMs;
      const dropped = droppedFrames - toldDropped;
      const isClear = dropped > 0 || (facts.lagMs > 0 && nowMs - since >= CLEAR_MS);
      if (!isClear || nowMs - toldAtMs < EVERY_MS) return null;
      toldAtMs = nowMs;
      toldDropped = droppedFrames;
      return sentence(facts, dropped);
    },
  };
}

import { timestampStep } from '../flv/rebase.ts';
import type { TakenHow } from './delivery.ts';

/** Byte counts of one connection. */
export interface SentCounts {
  readonly writtenBytes: number;
  /** Handed to the kernel. */
  readonly sentBytes: number;
  readonly ackedBytes: number | null;
  /** How often the peer has acknowledged. */
  readonly acknowledgements: number;
  /** At least so many were confirmed by the peer's TCP; null where the system does not tell. */
  readonly confirmedBytes: number | null;
  /** So many were written when that was found out. */
  readonly confirmedOf: number;
}

export interface LagMeter {
  /** Media up to this timestamp (from `fromMs`, when it was several frames) was written; the count stands at writtenBytes. */
  wrote(timestamp: number, writtenBytes: number, fromMs?: number): void;
  /** The peer was asked to acknowledge every so many bytes. */
  askedFor(ackEveryBytes: number): void;
  /** Reads the counts; call it a few times a second. */
  update(counts: SentCounts, nowMs: number): void;
  how(): TakenHow;
  /** Media written but not known to be taken by the peer, in ms. */
  lagMs(): number;
  /** Media waiting in this process, in ms, when the kernel was handed sentBytes. */
  queuedMs(sentBytes: number): number;
  /** Since when bytes have been outstanding and none was taken, in ms; 0 when all is well. */
  stalledMs(nowMs: number): number;
}

interface Mark {
  readonly timestamp: number;
  endBytes: number;
}

/** Marks are merged below this distance, and there are never more than this many. */
const MARK_EVERY_MS = 50;
const MAX_MARKS = 1024;
const UNTOLD_MARKS = 128;
/** Acknowledgements are believed when the peer has sent this many. */
const TRUSTED_ACKS = 2;

/** Measures how far the peer is behind what was written, by the best that is known of what it took. */
export function createLagMeter(ackEveryBytes: number): LagMeter {
  let marks: Mark[] = [];
  let newest: number | null = null;
  // Peers may acknowledge less often than they were asked: so much may be outstanding without a lag.
  let ackStep = ackEveryBytes;
  let counts: SentCounts = {
    writtenBytes: 0,
    sentBytes: 0,
    ackedBytes: null,
    acknowledgements: 0,
    confirmedBytes: null,
    confirmedOf: 0,
  };
  let taken = 0;
  let takenAt: number | null = null;

  /** Several acknowledgements may have come since the last look: their mean counts. */
  function learnAckStep(next: SentCounts): void {
    const times = next.acknowledgements - counts.acknowledgements;
    if (times > 0) ackStep = Math.max(ackStep, ((next.ackedBytes ?? 0) - (counts.ackedBytes ?? 0)) / times);
  }

  function how(): TakenHow {
    if (counts.acknowledgements >= TRUSTED_ACKS) return 'acknowledged';
    return counts.confirmedBytes === null ? 'handed' : 'confirmed';
  }

  /** What the peer has surely no trouble with. */
  function takenBytes(): number {
    const { sentBytes, ackedBytes, confirmedBytes } = counts;
    if (how() === 'acknowledged') return Math.min(sentBytes, (ackedBytes ?? 0) + 2 * ackStep);
    return Math.min(sentBytes, confirmedBytes ?? sentBytes);
  }

  /** What no later way of counting takes back; while nobody tells, the newest marks are kept for who will. */
  function surelyTaken(): number {
    if (how() === 'acknowledged') return counts.ackedBytes ?? 0;
    return counts.confirmedBytes ?? marks.at(-UNTOLD_MARKS)?.endBytes ?? 0;
  }

  function forget(bytes: number): void {
    const done = marks.findIndex((mark) => mark.endBytes > bytes);
    if (done !== 0) marks = done < 0 ? [] : marks.slice(done);
  }

  function mediaBehind(bytes: number): number {
    const first = marks.find((mark) => mark.endBytes > bytes);
    return first === undefined || newest === null ? 0 : Math.max(0, timestampStep(first.timestamp, newest));
  }

  /** As of when the system was asked: what was written since says nothing. */
  function confirmedLagMs(): number {
    const first = marks.find((mark) => mark.endBytes > takenBytes());
    const last = marks.findLast((mark) => mark.endBytes <= counts.confirmedOf);
    return first && last ? Math.max(0, timestampStep(first.timestamp, last.timestamp)) : 0;
  }

  return {
    wrote(timestamp, writtenBytes, fromMs = timestamp) {
      newest = timestamp;
      const last = marks.at(-1);
      const near = last !== undefined && Math.abs(timestampStep(last.timestamp, timestamp)) < MARK_EVERY_MS;
      if (last !== undefined && (near || marks.length >= MAX_MARKS)) last.endBytes = writtenBytes;
      else marks.push({ timestamp: fromMs, endBytes: writtenBytes });
    },
    askedFor(bytes) {
      ackStep = bytes;
    },
    update(next, nowMs) {
      const before = how();
      learnAckStep(next);
      counts = next;
      const now = takenBytes();
      // Another way of counting begins at another count.
      const isNews = now > taken || how() !== before;
      if (isNews || next.writtenBytes <= now || takenAt === null) takenAt = nowMs;
      taken = how() === before ? Math.max(taken, now) : now;
      forget(surelyTaken());
    },
    how,
    lagMs: () => (how() === 'confirmed' ? confirmedLagMs() : mediaBehind(takenBytes())),
    queuedMs: mediaBehind,
    stalledMs: (nowMs) => (takenAt === null ? 0 : nowMs - takenAt),
  };
}

import { timestampStep } from '../flv/rebase.ts';

/** Byte counts of one connection, as the publisher gives them. */
export interface SentCounts {
  readonly writtenBytes: number;
  /** Handed to the kernel. */
  readonly sentBytes: number;
  readonly ackedBytes: number | null;
}

export interface LagMeter {
  /** Media up to this timestamp (from `fromMs`, when it was several frames) was written; the count stands at writtenBytes. */
  wrote(timestamp: number, writtenBytes: number, fromMs?: number): void;
  /** Reads the counts; call it a few times a second. */
  update(counts: SentCounts, nowMs: number): void;
  /** Media written but not known to be taken by the peer, in ms. */
  readonly lagMs: number;
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
/** Acknowledgements are believed when the peer has sent this many. */
const TRUSTED_ACKS = 2;

/** Measures how far the peer is behind what was written, by acknowledgements or by what the kernel took. */
export function createLagMeter(ackEveryBytes: number): LagMeter {
  let marks: Mark[] = [];
  let newest: number | null = null;
  let acks = 0;
  let lastAcked = 0;
  // Peers may acknowledge less often than they were asked: so much may be outstanding without a lag.
  let ackStep = ackEveryBytes;
  let counts: SentCounts = { writtenBytes: 0, sentBytes: 0, ackedBytes: null };
  let taken = 0;
  let takenAt: number | null = null;

  function readAcks(acked: number): void {
    if (acked === lastAcked) return;
    ackStep = Math.max(ackStep, acked - lastAcked);
    lastAcked = acked;
    acks += 1;
  }

  /** What the peer has surely no trouble with. */
  function takenBytes(): number {
    if (acks < TRUSTED_ACKS) return counts.sentBytes;
    return Math.min(counts.sentBytes, lastAcked + 2 * ackStep);
  }

  function mediaBehind(bytes: number): number {
    const first = marks.find((mark) => mark.endBytes > bytes);
    return first === undefined || newest === null ? 0 : Math.max(0, timestampStep(first.timestamp, newest));
  }

  return {
    wrote(timestamp, writtenBytes, fromMs = timestamp) {
      newest = timestamp;
      const last = marks.at(-1);
      const near = last !== undefined && Math.abs(timestampStep(last.timestamp, timestamp)) < MARK_EVERY_MS;
      if (last !== undefined && (near || marks.length >= MAX_MARKS)) last.endBytes = writtenBytes;
      else marks.push({ timestamp: fromMs, endBytes: writtenBytes });
    },
    update(next, nowMs) {
      counts = next;
      if (next.ackedBytes !== null) readAcks(next.ackedBytes);
      const now = takenBytes();
      if (now > taken || next.writtenBytes <= now || takenAt === null) takenAt = nowMs;
      taken = Math.max(taken, now);
      const done = marks.findIndex((mark) => mark.endBytes > taken);
      if (done !== 0) marks = done < 0 ? [] : marks.slice(done);
    },
    get lagMs() {
      return mediaBehind(takenBytes());
    },
    queuedMs: mediaBehind,
    stalledMs: (nowMs) => (takenAt === null ? 0 : nowMs - takenAt),
  };
}

/**
 * How it is known what a peer takes: it acknowledges; the system tells what its TCP has confirmed; or only what the
 * kernel was handed can be counted.
 */
export type TakenHow = 'acknowledged' | 'confirmed' | 'handed';

export interface DeliveryFacts {
  readonly how: TakenHow;
  /** Since the server accepted the stream. */
  readonly ageMs: number;
  /** Of the stream, counted that way. */
  readonly takenBytes: number;
  /** For so long bytes have been waiting and none was taken; 0 when nothing waits. */
  readonly idleMs: number;
  /** Media that was sent and not taken. */
  readonly lagMs: number;
  /** Since the last dropped frame; null without one. */
  readonly sinceDropMs: number | null;
}

export interface DeliveryLimits {
  /** Media the peer may be behind before the target counts as degraded. */
  readonly degradedLagMs: number;
  /** How long a drop counts as degraded. */
  readonly degradedAfterDropMs: number;
  /** An acknowledging peer that acknowledges nothing for so long has stalled. */
  readonly stalledMs: number;
}

/** `unproven`: the server accepted the stream, and nothing shows yet that it reads it. */
export type Delivery = 'unproven' | 'taking' | 'lagging' | 'stalled';

interface Rule {
  /** Of the stream: buffers on the way hold less. */
  readonly proofBytes: number;
  /** Times `stalledMs`. */
  readonly patience: number;
}

/**
 * An acknowledgement is written by who read the bytes. Confirmed bytes may lie in the peer's receive buffer, which
 * holds up to 130 kB (loopback) when nobody reads, and its window opens in steps: a peer that reads 10 kB/s confirms
 * 95 kB every 10 s. Handed bytes may lie in the send buffer, which holds about 4 MB.
 */
const RULES: Readonly<Record<TakenHow, Rule>> = {
  acknowledged: { proofBytes: 1, patience: 1 },
  confirmed: { proofBytes: 512 * 1024, patience: 3 },
  handed: { proofBytes: 4.5 * 1024 * 1024, patience: 1 },
};

/** A stream of few bytes is proven by time: after so long, when some of it was taken within the latter. */
const PROOF_MS = 15_000;
const PROOF_IDLE_MS = 10_000;
/** What a session begins with is several seconds of media at once: no lag before it had this time. */
const OPENING_MS = 3000;

function isProof({ how, ageMs, takenBytes, idleMs }: DeliveryFacts): boolean {
  return takenBytes >= RULES[how].proofBytes || (ageMs >= PROOF_MS && idleMs < PROOF_IDLE_MS);
}

/** What the counts of a session say; `wasProven`: it took bytes before. */
export function judgeDelivery(facts: DeliveryFacts, limits: DeliveryLimits, wasProven: boolean): Delivery {
  const { how, ageMs, idleMs, lagMs, sinceDropMs } = facts;
  if (idleMs > limits.stalledMs * RULES[how].patience) return 'stalled';
  if (!wasProven && !isProof(facts)) return 'unproven';
  if (sinceDropMs !== null && sinceDropMs < limits.degradedAfterDropMs) return 'lagging';
  return lagMs > limits.degradedLagMs && ageMs > OPENING_MS ? 'lagging' : 'taking';
}

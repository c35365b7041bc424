import type { Logger } from 'pino';
import { type AttemptRules, type Attempts, nextAttemptAt } from '../domain/callback/attempts.ts';
import { type CallbackOutcome, callbackBody } from '../domain/callback/callback.ts';
import type { OutboxEntry } from './outbox.ts';

export interface AppDeliveryDeps {
  readonly log: Logger;
  readonly rules: AttemptRules;
  /** Null when it was taken, else why not. Never throws. */
  readonly post: (body: Buffer, signal: AbortSignal) => Promise<string | null>;
  /** Nobody else delivers now. */
  readonly maySend: () => boolean;
  readonly onEnded: (entry: OutboxEntry, outcome: CallbackOutcome) => void;
}

interface Lane {
  readonly queue: OutboxEntry[];
  isSending: boolean;
  /** With the first of the queue; null before the first of them. */
  attempts: Attempts | null;
  dueAt: number;
}

/** Of one app at the same time: one server that hangs must not take all of ours. */
const MAX_SENDING = 8;

/** Delivers the events of one app: those of a lane one after the other, lanes beside one another. */
export class AppDelivery {
  readonly #deps: AppDeliveryDeps;
  readonly #lanes = new Map<string, Lane>();
  readonly #over = new AbortController();
  #sending = 0;
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: AppDeliveryDeps) {
    this.#deps = deps;
  }

  /** Events that have not ended. */
  get waiting(): number {
    return this.#waiting;
  }

  add(entries: readonly OutboxEntry[]): void {
    for (const entry of entries) {
      const name = entry.event.lane;
      const lane = this.#lanes.get(name) ?? { queue: [], isSending: false, attempts: null, dueAt: 0 };
      this.#lanes.set(name, lane);
      lane.queue.push(entry);
      this.#waiting += 1;
    }
    this.pump();
  }

  /** Sends what is due; call it now and then, too: sending may have been forbidden. */
  pump(): void {
    clearTimeout(this.#timer);
    if (this.#over.signal.aborted || !this.#deps.maySend()) return;
    const nowMs = performance.now();
    let nextAt = Number.POSITIVE_INFINITY;
    for (const [name, lane] of [...this.#lanes]) {
      if (this.#sending >= MAX_SENDING) return;
      if (lane.isSending) continue;
      if (lane.dueAt <= nowMs) void this.#send(name, lane);
      else nextAt = Math.min(nextAt, lane.dueAt);
    }
    if (nextAt < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.pump(), nextAt - nowMs);
  }

  /** Sends nothing more; what is under way is broken off. */
  stop(): void {
    this.#over.abort();
    clearTimeout(this.#timer);
  }

  async #send(name: string, lane: Lane): Promise<void> {
    const [entry] = lane.queue;
    if (entry === undefined) return;
    // Behind the others, so that all lanes have their turn.
    this.#lanes.delete(name);
    this.#lanes.set(name, lane);
    lane.isSending = true;
    this.#sending += 1;
    const lastAt = performance.now();
    const { firstAt, count } = lane.attempts ?? { firstAt: lastAt, count: 0 };
    lane.attempts = { firstAt, lastAt, count: count + 1 };
    const reason = await this.#deps.post(callbackBody(entry.event, Date.now()), this.#over.signal);
    if (this.#over.signal.aborted) return;
    lane.isSending = false;
    this.#sending -= 1;
    if (reason === null) this.#end(name, lane, entry, 'delivered');
    else this.#failed(name, lane, entry, reason);
    this.pump();
  }

  #failed(name: string, lane: Lane, entry: OutboxEntry, reason: string): void {
    const { log, rules } = this.#deps;
    if (lane.attempts === null) return;
    const { lane: of, type } = entry.event;
    const next = nextAttemptAt(lane.attempts, performance.now(), rules);
    const told = { lane: of, type, attempts: lane.attempts.count, reason };
    if (next === null) {
      log.warn(told, 'a callback was given up');
      this.#end(name, lane, entry, 'given-up');
      return;
    }
    log.debug(told, 'a callback failed');
    lane.dueAt = next;
  }

  #end(name: string, lane: Lane, entry: OutboxEntry, outcome: CallbackOutcome): void {
    lane.queue.shift();
    lane.attempts = null;
    lane.dueAt = 0;
    this.#waiting -= 1;
    if (lane.queue.length === 0) this.#lanes.delete(name);
    this.#deps.onEnded(entry, outcome);
  }
}

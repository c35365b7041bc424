import { Histogram, type HistogramView } from '../domain/histogram.ts';

/** Who closed a connection first. */
export type ClosedBy = 'gateway' | 'client';

/** What a gateway counted of its signalling since it started, and what there is now. */
export interface SignalView {
  /** Connections that are logged in. */
  readonly sessions: number;
  readonly notLoggedIn: number;
  /** By error code. */
  readonly loginsRefused: ReadonlyMap<string, number>;
  readonly resumed: number;
  /** Logins that wanted to resume and began a new session. */
  readonly notResumed: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly closes: readonly { readonly by: ClosedBy; readonly code: string; readonly count: number }[];
  /** Seconds from an event of a room that has members here to its sending. */
  readonly eventDelay: HistogramView;
}

const DELAY_BOUNDS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
/** Said by browsers and libraries, or by no one; a client may say any other, and is not counted apart for it. */
const CLIENT_CODES: readonly number[] = [1000, 1001, 1005, 1006];

function countUp(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** The counters of one gateway's signalling: names of users, rooms and apps are none of them. */
export class SignalCounts {
  messagesIn = 0;
  messagesOut = 0;
  readonly #loginsRefused = new Map<string, number>();
  readonly #closes = { gateway: new Map<string, number>(), client: new Map<string, number>() };
  readonly #eventDelay = new Histogram(DELAY_BOUNDS_SECONDS);
  #resumed = 0;
  #notResumed = 0;

  loginRefused(code: string): void {
    countUp(this.#loginsRefused, code);
  }

  /** A login that wanted to resume was answered. */
  resumption(isResumed: boolean): void {
    if (isResumed) this.#resumed += 1;
    else this.#notResumed += 1;
  }

  closed(by: ClosedBy, code: number): void {
    const isCounted = by === 'gateway' || CLIENT_CODES.includes(code);
    countUp(this.#closes[by], isCounted ? String(code) : 'other');
  }

  /** Clocks of gateways differ a little. */
  eventSent(delayMs: number): void {
    this.#eventDelay.observe(Math.max(0, delayMs) / 1000);
  }

  view(now: Pick<SignalView, 'sessions' | 'notLoggedIn'>): SignalView {
    const closesBy = (by: ClosedBy) => [...this.#closes[by]].map(([code, count]) => ({ by, code, count }));
    return {
      ...now,
      loginsRefused: new Map(this.#loginsRefused),
      resumed: this.#resumed,
      notResumed: this.#notResumed,
      messagesIn: this.messagesIn,
      messagesOut: this.messagesOut,
      closes: [...closesBy('gateway'), ...closesBy('client')],
      eventDelay: this.#eventDelay.view(),
    };
  }
}

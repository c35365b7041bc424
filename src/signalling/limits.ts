/** Bounds on what one client may cost. */
export interface SignalLimits {
  /** Of one message, in bytes. */
  readonly maxMessageBytes: number;
  /** A client is a slow reader when more than that waits to be sent. */
  readonly maxBufferedBytes: number;
  /** Messages, pings and pongs of a client, on average. */
  readonly messagesPerSecond: number;
  readonly messageBurst: number;
  /** Requests that wait for the one before them. */
  readonly maxWaitingRequests: number;
  readonly loginMs: number;
  readonly pingEveryMs: number;
  readonly silentMs: number;
  /** How long a client that is being closed may take to say so too. */
  readonly closeMs: number;
  readonly maxConnections: number;
  /** Of connections that have not logged in; the oldest gives way to the newest. */
  readonly maxNotLoggedIn: number;
  readonly sweepEveryMs: number;
  /** How often a room hears of levels that changed. */
  readonly levelsEveryMs: number;
  /** How long before its expiry a ticket is said to be expiring. */
  readonly ticketNoticeMs: number;
}

export const DEFAULT_SIGNAL_LIMITS: SignalLimits = {
  maxMessageBytes: 64 * 1024,
  maxBufferedBytes: 1024 * 1024,
  messagesPerSecond: 20,
  messageBurst: 100,
  maxWaitingRequests: 100,
  loginMs: 10_000,
  pingEveryMs: 15_000,
  silentMs: 45_000,
  closeMs: 5000,
  maxConnections: 12_000,
  maxNotLoggedIn: 4000,
  sweepEveryMs: 1000,
  levelsEveryMs: 500,
  ticketNoticeMs: 60_000,
};

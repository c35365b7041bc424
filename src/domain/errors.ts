/** Every failure roomcast can name. The code is stable; texts may change. */
export type ErrorCode =
  // callers
  | 'bad-request'
  | 'bad-config'
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'too-large'
  | 'limit-reached'
  // identity
  | 'sig-malformed'
  | 'sig-mismatch'
  | 'sig-expired'
  | 'bad-room-id'
  | 'bad-user-id'
  | 'bad-app-id'
  | 'ticket-invalid'
  | 'ticket-expired'
  // destinations
  | 'name-not-found'
  | 'connection-refused'
  | 'unreachable'
  | 'tls-failed'
  | 'certificate-refused'
  | 'handshake-failed'
  | 'app-refused'
  | 'login-refused'
  | 'key-refused'
  | 'closed-by-peer'
  | 'stalled'
  | 'too-slow'
  // media and system
  | 'bad-media'
  | 'fenced'
  | 'source-lost'
  | 'child-failed'
  | 'tool-missing'
  | 'disk'
  | 'redis-away'
  | 'no-capacity'
  | 'timeout'
  | 'internal';

/** Whose fault a failure is: it decides who is told and whether a retry can help. */
export type Blame = 'caller' | 'source' | 'destination' | 'system';

export interface ErrorDetails {
  readonly blame?: Blame;
  readonly retry?: 'never' | 'later';
  /** Loggable values only: never a key, a signature or a whole URL. */
  readonly context?: Readonly<Record<string, string | number | boolean | null>>;
  readonly cause?: unknown;
}

/** The one base of all errors roomcast throws; `code` is what code decides on, `message` is for people. */
export class GatewayError extends Error {
  override readonly name: string = 'GatewayError';
  readonly code: ErrorCode;
  readonly blame: Blame;
  readonly retry: 'never' | 'later';
  readonly context: Readonly<Record<string, string | number | boolean | null>>;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.blame = details.blame ?? 'caller';
    this.retry = details.retry ?? (this.blame === 'caller' ? 'never' : 'later');
    this.context = details.context ?? {};
  }
}

/** Any thrown value as a GatewayError; what we did not name becomes `internal` and keeps its cause. */
export function toGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new GatewayError('internal', message, { blame: 'system', cause: error });
}

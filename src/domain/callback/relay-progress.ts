import type { ErrorCode } from '../errors.ts';
import type { TargetState } from '../job.ts';

/** TRTC's status of a relay to one URL. */
const RELAY_STATUS = {
  idle: 0,
  connecting: 1,
  running: 2,
  recovering: 3,
  failed: 4,
  disconnecting: 5,
} as const;
type RelayStatus = (typeof RELAY_STATUS)[keyof typeof RELAY_STATUS];

export interface RelayError {
  /** An ErrorCode. */
  readonly code: string;
  readonly message: string;
}

/** One 401 to be told. */
export interface RelayTold {
  readonly status: RelayStatus;
  readonly error: RelayError | null;
}

/** What of a target was told so far. */
export interface RelayProgress {
  readonly status: RelayStatus;
  /** The last failure since it was on the air. */
  readonly error: RelayError | null;
  /** Unix ms: since when it has this status, and when that is told again; null for never. */
  readonly since: number;
  readonly repeatAt: number | null;
}

export interface RelayStep {
  readonly progress: RelayProgress;
  readonly told: readonly RelayTold[];
}

const REPEAT_MS = 5000;
const REPEATED_FOR_MS = 60_000;

export const NOT_TOLD: RelayProgress = { status: RELAY_STATUS.idle, error: null, since: 0, repeatAt: null };

type Phase = 'trying' | 'running' | 'failed' | 'off';

const PHASE: Readonly<Record<TargetState, Phase>> = {
  idle: 'off',
  connecting: 'trying',
  live: 'running',
  degraded: 'running',
  'backing-off': 'trying',
  refused: 'failed',
  failed: 'failed',
  paused: 'off',
  stopped: 'off',
};

/** Which statuses follow one another on the way to a phase; empty: it is there. */
const WAY: Readonly<Record<Phase, Readonly<Record<RelayStatus, readonly RelayStatus[]>>>> = {
  trying: { 0: [1], 1: [], 2: [3], 3: [], 4: [1], 5: [1] },
  running: { 0: [2], 1: [2], 2: [], 3: [2], 4: [2], 5: [2] },
  failed: { 0: [], 1: [4, 0], 2: [3, 4, 0], 3: [4, 0], 4: [0], 5: [0] },
  off: { 0: [], 1: [5, 0], 2: [5, 0], 3: [5, 0], 4: [0], 5: [0] },
};

const isRepeated = (status: RelayStatus) =>
  status === RELAY_STATUS.connecting || status === RELAY_STATUS.recovering;
const showsError = (status: RelayStatus) => isRepeated(status) || status === RELAY_STATUS.failed;

/** The target went to a state, by a failure or not. */
export function relayChanged(
  before: RelayProgress,
  change: { readonly to: TargetState; readonly error: RelayError | null },
  nowMs: number,
): RelayStep {
  const phase = PHASE[change.to];
  const error = phase === 'running' || phase === 'off' ? null : (change.error ?? before.error);
  const told = WAY[phase][before.status].map((status) => ({
    status,
    error: showsError(status) ? error : null,
  }));
  const last = told.at(-1);
  if (last === undefined) return { progress: { ...before, error }, told };
  const repeatAt = isRepeated(last.status) ? nowMs + REPEAT_MS : null;
  return { progress: { status: last.status, error, since: nowMs, repeatAt }, told };
}

/** Tells again what lasts: every 5 s, for a minute. Call it about every second. */
export function relayWaited(before: RelayProgress, nowMs: number): RelayStep {
  const { status, error, since, repeatAt } = before;
  if (repeatAt === null || nowMs < repeatAt) return { progress: before, told: [] };
  const next = repeatAt + REPEAT_MS;
  const isOver = next > since + REPEATED_FOR_MS;
  return { progress: { ...before, repeatAt: isOver ? null : next }, told: [{ status, error }] };
}

/** Our numbers for what TRTC leaves open; 1 is any failure that has none of its own. */
const ERROR_NUMBERS: Readonly<Partial<Record<ErrorCode, number>>> = {
  'bad-request': 2,
  'name-not-found': 10,
  'connection-refused': 11,
  unreachable: 12,
  'tls-failed': 13,
  'certificate-refused': 14,
  'handshake-failed': 15,
  timeout: 16,
  'app-refused': 20,
  'login-refused': 21,
  'key-refused': 22,
  'closed-by-peer': 30,
  stalled: 31,
  'too-slow': 32,
};

/** ErrorCode and ErrorMsg of a 401; 0 and empty without a failure. */
export function relayErrorFields(error: RelayError | null): { ErrorCode: number; ErrorMsg: string } {
  return error === null
    ? { ErrorCode: 0, ErrorMsg: '' }
    : { ErrorCode: ERROR_NUMBERS[error.code as ErrorCode] ?? 1, ErrorMsg: error.message };
}

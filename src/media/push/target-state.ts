import type { ErrorCode } from '../../domain/errors.ts';
import type { TargetState } from '../../domain/job.ts';

export type TargetEvent =
  /** The source stream is there and may be sent. */
  | 'source-up'
  /** The source has been away for longer than the grace. */
  | 'source-away'
  | 'connected'
  | 'lagging'
  | 'recovered'
  /** Network trouble: a retry can help. */
  | 'failed'
  /** The platform said no for good. */
  | 'refused'
  /** The backoff is over, or somebody asked for a retry. */
  | 'retry'
  /** Somebody asked for a retry while there is nothing to send. */
  | 'forgive'
  | 'stop';

/**
 * Legal transitions. idle: nothing to send. connecting: an attempt runs. live, degraded: a session is open.
 * backing-off: waits for the next attempt. refused: waits for "retry now" only. stopped: the end.
 */
const TRANSITIONS: Readonly<Record<TargetState, Partial<Readonly<Record<TargetEvent, TargetState>>>>> = {
  idle: { 'source-up': 'connecting', stop: 'stopped' },
  connecting: {
    connected: 'live',
    failed: 'backing-off',
    refused: 'refused',
    'source-away': 'idle',
    stop: 'stopped',
  },
  live: {
    lagging: 'degraded',
    failed: 'backing-off',
    refused: 'refused',
    'source-away': 'idle',
    stop: 'stopped',
  },
  degraded: {
    recovered: 'live',
    failed: 'backing-off',
    refused: 'refused',
    'source-away': 'idle',
    stop: 'stopped',
  },
  'backing-off': { retry: 'connecting', 'source-away': 'idle', stop: 'stopped' },
  refused: { retry: 'connecting', forgive: 'idle', stop: 'stopped' },
  failed: { retry: 'connecting', forgive: 'idle', stop: 'stopped' },
  paused: { stop: 'stopped' },
  stopped: {},
};

/** The state after an event, or null when the event means nothing there. */
export function nextTargetState(state: TargetState, event: TargetEvent): TargetState | null {
  return TRANSITIONS[state][event] ?? null;
}

/**
 * A name that is still taken by our own lost session is refused with the code of a bad key, so the first
 * refusals are retried; a target that was live for a while has shown that its key is good.
 */
export const REFUSALS_BEFORE_STOP = 3;

/** Whether an attempt that failed so is the last one. `refusals` counts this one. */
export function isFinalRefusal(code: ErrorCode, refusals: number, isProved: boolean): boolean {
  if (code === 'bad-request') return true;
  const isRefusal = code === 'key-refused' || code === 'app-refused';
  return isRefusal && !isProved && refusals >= REFUSALS_BEFORE_STOP;
}

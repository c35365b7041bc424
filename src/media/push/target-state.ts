import type { TargetState } from '../../domain/job.ts';

export type TargetEvent =
  /** The source stream is there and may be sent. */
  | 'source-up'
  /** The source has been away for longer than the grace. */
  | 'source-away'
  /** The peer takes what it is sent. */
  | 'taking'
  /** It takes too little. */
  | 'lagging'
  /** An attempt or a session failed, and another attempt follows. */
  | 'failed'
  /** The server said no for the last time. */
  | 'refused'
  /** The network failed as often as the target's rule allows. */
  | 'exhausted'
  /** The backoff is over, or somebody asked for a retry. */
  | 'retry'
  /** Somebody asked for a retry while there is nothing to send. */
  | 'forgive'
  | 'pause'
  | 'resume'
  | 'stop';

type Moves = Partial<Readonly<Record<TargetEvent, TargetState>>>;

/** With an attempt or a session. */
const RUNNING: Moves = {
  taking: 'live',
  lagging: 'degraded',
  failed: 'backing-off',
  refused: 'refused',
  exhausted: 'failed',
  'source-away': 'idle',
  pause: 'paused',
  stop: 'stopped',
};

/** Given up until somebody asks. */
const GIVEN_UP: Moves = { retry: 'connecting', forgive: 'idle', pause: 'paused', stop: 'stopped' };

/**
 * Legal transitions. idle: nothing to send. connecting: an attempt runs, or a session of which nothing is known yet.
 * live, degraded: a session that takes bytes. backing-off: waits for the next attempt. refused, failed: wait for
 * somebody to ask. paused: waits for its resumption. stopped: the end.
 */
const TRANSITIONS: Readonly<Record<TargetState, Moves>> = {
  idle: { 'source-up': 'connecting', pause: 'paused', stop: 'stopped' },
  connecting: RUNNING,
  live: RUNNING,
  degraded: RUNNING,
  'backing-off': {
    retry: 'connecting',
    'source-away': 'idle',
    pause: 'paused',
    stop: 'stopped',
  },
  refused: GIVEN_UP,
  failed: GIVEN_UP,
  paused: { resume: 'idle', stop: 'stopped' },
  stopped: {},
};

/** The state after an event, or null when the event means nothing there. */
export function nextTargetState(state: TargetState, event: TargetEvent): TargetState | null {
  return TRANSITIONS[state][event] ?? null;
}

/** Whether a target in this state is on the air. */
export function isOnAir(state: TargetState): boolean {
  return state === 'live' || state === 'degraded';
}

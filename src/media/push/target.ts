import type { Logger } from 'pino';
import { type ErrorCode, toGatewayError } from '../../domain/errors.ts';
import type { TargetState, TargetStatus } from '../../domain/job.ts';
import type { PlatformName } from '../../domain/push/platform.ts';
import { DEFAULT_RETRY, type RetryPolicy, retryClass, retryPauseMs } from '../../domain/push/retry-policy.ts';
import type { Secret } from '../../domain/secret.ts';
import type { MessageCache } from '../rtmp/media-message.ts';
import { openRtmpPublisher, type RtmpPublisher } from '../rtmp/publisher.ts';
import type { Trust } from '../rtmp/trust.ts';
import type { TagWindow } from './merge-window.ts';
import { createRateMeter } from './rate-meter.ts';
import {
  createTargetSession,
  type SessionOpening,
  type TargetSession,
  type TargetSessionLimits,
} from './target-session.ts';
import { isFinalRefusal, nextTargetState, type TargetEvent } from './target-state.ts';

export interface TargetSpec {
  readonly id: string;
  readonly url: Secret;
  /** Key hidden. */
  readonly shownUrl: string;
  /** Merge window of this target, 0 to 350 ms; the run's own without it. */
  readonly mergeMs?: number;
  readonly platform?: PlatformName;
  /** DEFAULT_RETRY without it. */
  readonly retry?: RetryPolicy;
  /** Kept off the air until a spec without it comes. */
  readonly paused?: boolean;
  /** An earlier run was live there: a refusal means that the server still holds that run's session. */
  readonly proved?: boolean;
}

/** A target went from one state to another. */
export interface TargetChange {
  readonly targetId: string;
  /** Key hidden. */
  readonly url: string;
  readonly from: TargetState;
  readonly to: TargetState;
  readonly attempt: number;
  readonly nextRetryAt: number | null;
  /** Why, when something went wrong; else null. */
  readonly error: TargetStatus['lastError'];
}

export interface TargetSettings {
  readonly ackEveryBytes: number;
  readonly connectTimeoutMs: number;
  readonly publishTimeoutMs: number;
  readonly session: TargetSessionLimits;
}

export interface TargetDeps {
  readonly settings: TargetSettings;
  readonly cache: MessageCache;
  readonly trust: Trust;
  readonly log: Logger;
  readonly opening: () => SessionOpening;
  /** 0 to 1. */
  readonly random: () => number;
  /** Status may have changed. */
  readonly onChange: () => void;
  readonly onTargetChange: (change: TargetChange) => void;
}

/** One destination: a supervisor with at most one attempt or session. */
export interface Target {
  readonly spec: TargetSpec;
  /** A window of the shared timeline; does nothing without a session. */
  write(window: TagWindow): void;
  /** Looks at the session, if there is one; call it a few times a second. */
  check(nowMs: number): void;
  /** The stream begins anew (another publisher): wait for its key frame. */
  streamStarted(): void;
  sourceUp(): void;
  /** The source is gone for good: the session is closed and the target waits idle. */
  sourceAway(): void;
  /** Ends a backoff or a refusal. */
  retryNow(): void;
  status(): TargetStatus;
  /** Takes the stream back and ends; resolves when the connection is gone. */
  close(): Promise<void>;
  /** Ends at once, without a word to the server. */
  kill(): void;
}

const FAILURES: ReadonlySet<TargetEvent> = new Set<TargetEvent>(['failed', 'refused']);

/** The server still holds a session of ours: asked this often, to be there when it lets go. */
const HELD_RETRY_MS = 2_000;

function takenBytes({ publisher }: TargetSession): number {
  return publisher.ackedBytes ?? publisher.sentBytes;
}

/** Supervises one destination: connects, watches, backs off and retries without end. */
export function createTarget(spec: TargetSpec, deps: TargetDeps): Target {
  const { settings } = deps;
  const log = deps.log.child({ target: spec.id, url: spec.shownUrl });
  let state: TargetState = 'idle';
  let attempt = 0;
  let refusals = 0;
  let sessions = 0;
  let isProved = spec.proved ?? false;
  let pastBytes = 0;
  let pastDropped = 0;
  let pastOnAirMs = 0;
  const rate = createRateMeter();
  let nextRetryAt: number | null = null;
  let connectedAt: number | null = null;
  let lastError: TargetStatus['lastError'] = null;
  let session: TargetSession | null = null;
  let opening: AbortController | null = null;
  let retryTimer: NodeJS.Timeout | undefined;
  let hasSource = false;
  const closing = new Set<Promise<void>>();

  function tellChange(from: TargetState, to: TargetState, error: TargetStatus['lastError']): void {
    const due = to === 'backing-off' ? nextRetryAt : null;
    const { id: targetId, shownUrl: url } = spec;
    deps.onTargetChange({ targetId, url, from, to, attempt, nextRetryAt: due, error });
  }

  function move(event: TargetEvent): boolean {
    const next = nextTargetState(state, event);
    if (next === null) return false;
    const from = state;
    state = next;
    if (from !== next) tellChange(from, next, FAILURES.has(event) ? lastError : null);
    deps.onChange();
    return true;
  }

  function noteError(code: ErrorCode, message: string): void {
    lastError = { code, message, at: Date.now() };
    log.warn({ code, reason: message, attempt }, 'push target failed');
  }

  function afterFailure(code: ErrorCode, message: string): void {
    noteError(code, message);
    if (code === 'key-refused' || code === 'app-refused') refusals += 1;
    if (isFinalRefusal(code, refusals, isProved)) move('refused');
    else backOff(code);
  }

  function backOff(code: ErrorCode): void {
    const rule = DEFAULT_RETRY[retryClass(code)];
    const maxMs = code === 'key-refused' && isProved ? HELD_RETRY_MS : Number.POSITIVE_INFINITY;
    const pause = Math.min(retryPauseMs(rule, Math.max(attempt, 1), deps.random()), maxMs);
    nextRetryAt = Date.now() + pause;
    retryTimer = setTimeout(connectAgain, pause);
    move('failed');
  }

  function connectAgain(): void {
    clearTimeout(retryTimer);
    nextRetryAt = null;
    if (move('retry')) startAttempt();
  }

  function startAttempt(): void {
    attempt += 1;
    const controller = new AbortController();
    opening = controller;
    const { ackEveryBytes, connectTimeoutMs, publishTimeoutMs } = settings;
    const limits = { ackEveryBytes, connectTimeoutMs, publishTimeoutMs };
    openRtmpPublisher({ url: spec.url, signal: controller.signal, trust: deps.trust, ...limits }).then(
      (publisher) => onOpened(controller, publisher),
      (error: unknown) => onRefused(controller, error),
    );
  }

  function onOpened(controller: AbortController, publisher: RtmpPublisher): void {
    // A late answer to an attempt that was given up.
    if (opening !== controller) {
      publisher.destroy();
      return;
    }
    opening = null;
    sessions += 1;
    connectedAt = Date.now();
    const { ackEveryBytes, session: limits } = settings;
    const current = createTargetSession(publisher, { ackEveryBytes, limits, cache: deps.cache });
    session = current;
    void publisher.closed.then((end) => {
      if (session !== current) return;
      forgetSession();
      afterFailure(end.code === 'done' ? 'closed-by-peer' : end.code, end.message);
    });
    move('connected');
    current.begin(deps.opening());
  }

  function onRefused(controller: AbortController, thrown: unknown): void {
    if (opening !== controller) return;
    opening = null;
    const error = toGatewayError(thrown);
    afterFailure(error.code, error.message);
  }

  function check(nowMs: number): void {
    if (!session) return;
    rate.update(takenBytes(session), nowMs);
    const health = session.check(nowMs);
    if (health === 'stalled') {
      session.publisher.destroy({ code: 'stalled', message: 'the server takes nothing any more' });
      return;
    }
    if (health === 'good') {
      isProved = true;
      attempt = 0;
      refusals = 0;
    }
    if (health !== 'young') move(health === 'lagging' ? 'lagging' : 'recovered');
  }

  /** Detaches the session, its counts kept; its late events mean nothing from then on. */
  function forgetSession(): TargetSession | null {
    const old = session;
    session = null;
    if (connectedAt !== null) pastOnAirMs += Date.now() - connectedAt;
    connectedAt = null;
    rate.clear();
    if (old) {
      pastBytes += takenBytes(old);
      pastDropped += old.droppedFrames;
    }
    return old;
  }

  function giveUp(): TargetSession | null {
    clearTimeout(retryTimer);
    nextRetryAt = null;
    opening?.abort();
    opening = null;
    return forgetSession();
  }

  function closeLater(old: TargetSession | null): void {
    if (!old) return;
    const done = old.publisher.close().finally(() => closing.delete(done));
    closing.add(done);
  }

  return {
    spec,
    write: (window) => session?.write(window),
    check,
    streamStarted: () => session?.restart(),
    sourceUp() {
      hasSource = true;
      if (!move('source-up')) return;
      attempt = 0;
      startAttempt();
    },
    sourceAway() {
      hasSource = false;
      if (move('source-away')) closeLater(giveUp());
    },
    retryNow() {
      if (state !== 'backing-off' && state !== 'refused') return;
      refusals = 0;
      attempt = 0;
      if (hasSource) connectAgain();
      else move('forgive');
    },
    status: () => ({
      targetId: spec.id,
      url: spec.shownUrl,
      state,
      attempt,
      nextRetryAt,
      lastError,
      bytes: pastBytes + (session ? takenBytes(session) : 0),
      kbps: rate.kbps,
      takenBy: session === null ? null : session.publisher.ackedBytes === null ? 'kernel' : 'peer',
      lagMs: session?.lagMs ?? 0,
      droppedFrames: pastDropped + (session?.droppedFrames ?? 0),
      connectedAt,
      sessions,
      onAirMs: pastOnAirMs + (connectedAt === null ? 0 : Date.now() - connectedAt),
      warnings: [],
      proved: isProved,
    }),
    async close() {
      move('stop');
      closeLater(giveUp());
      await Promise.all(closing);
    },
    kill() {
      move('stop');
      giveUp()?.publisher.destroy();
    },
  };
}

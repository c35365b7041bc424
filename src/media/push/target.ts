import type { Logger } from 'pino';
import { type ErrorCode, toGatewayError } from '../../domain/errors.ts';
import type { TargetState, TargetStatus } from '../../domain/job.ts';
import type { MessageCache } from '../rtmp/media-message.ts';
import type { openRtmpPublisher, RtmpPublisher } from '../rtmp/publisher.ts';
import type { Trust } from '../rtmp/trust.ts';
import type { Delivery } from './delivery.ts';
import type { TagWindow } from './merge-window.ts';
import type { SendQueues } from './send-queues.ts';
import { createSlowness } from './slowness.ts';
import { createTargetFigures } from './target-figures.ts';
import { createRetries } from './target-retries.ts';
import {
  createTargetSession,
  FIRST_ACK_BYTES,
  type SessionOpening,
  type TargetSession,
  type TargetSessionLimits,
} from './target-session.ts';
import type { TargetChange, TargetSpec } from './target-spec.ts';
import { nextTargetState, type TargetEvent } from './target-state.ts';

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
  readonly open: typeof openRtmpPublisher;
  readonly opening: () => SessionOpening;
  /** What the stream has; 0 while it is not known. */
  readonly streamKbps: () => number;
  /** What of the stream breaks this target's limits. */
  readonly warnings: (spec: TargetSpec) => readonly string[];
  /** 0 to 1. */
  readonly random: () => number;
  /** Status may have changed. */
  readonly onChange: () => void;
  readonly onTargetChange: (change: TargetChange) => void;
}

/** One destination: a supervisor with at most one attempt or session. */
export interface Target {
  spec(): TargetSpec;
  /** Another spec for the same URL, applied without losing the session unless it pauses. */
  update(spec: TargetSpec): void;
  /** A window of the shared timeline; does nothing without a session. */
  write(window: TagWindow): void;
  /** Looks at the session, if there is one; call it a few times a second. */
  check(nowMs: number): void;
  /** What the system says of the session's socket, if that is worth asking. */
  probe(): ((queues: SendQueues) => void) | null;
  /** The stream begins anew (another publisher): wait for its key frame. */
  streamStarted(): void;
  sourceUp(): void;
  /** The source is gone for good: the session is closed and the target waits idle. */
  sourceAway(): void;
  /** Ends a backoff, a refusal or a failure. */
  retryNow(): void;
  status(): TargetStatus;
  /** Takes the stream back and ends; resolves when the connection is gone. */
  close(): Promise<void>;
  /** Ends at once, without a word to the server. */
  kill(): void;
}

const FAILURES: ReadonlySet<TargetEvent> = new Set<TargetEvent>(['failed', 'refused', 'exhausted']);
const AFTER_FAILURE = { wait: 'failed', refused: 'refused', failed: 'exhausted' } as const;

/** Supervises one destination: connects, watches, backs off and retries as its rules say. */
export function createTarget(first: TargetSpec, deps: TargetDeps): Target {
  const { settings } = deps;
  const log = deps.log.child({ target: first.id, url: first.shownUrl });
  const figures = createTargetFigures();
  const { retry: policy, proved = false } = first;
  const retries = createRetries({ policy, proved, random: deps.random, onDue: () => connect('retry') });
  let spec = first;
  let state: TargetState = spec.paused ? 'paused' : 'idle';
  let lastError: TargetStatus['lastError'] = null;
  let slowness = createSlowness(deps.streamKbps);
  let session: TargetSession | null = null;
  let opening: AbortController | null = null;
  let hasSource = false;
  const closing = new Set<Promise<void>>();

  function tellChange(from: TargetState, to: TargetState, error: TargetStatus['lastError']): void {
    const { id: targetId, shownUrl: url } = spec;
    const nextRetryAt = to === 'backing-off' ? retries.nextRetryAt() : null;
    deps.onTargetChange({ targetId, url, from, to, attempt: retries.attempt(), nextRetryAt, error });
  }

  function move(event: TargetEvent): boolean {
    const next = nextTargetState(state, event);
    if (next === null) return false;
    if (next === state) return true;
    const from = state;
    state = next;
    figures.moved(next);
    tellChange(from, next, FAILURES.has(event) ? lastError : null);
    deps.onChange();
    return true;
  }

  function noteError(code: ErrorCode, message: string): void {
    lastError = { code, message, at: Date.now() };
    log.warn({ code, reason: message, attempt: retries.attempt() }, 'push target failed');
  }

  function afterFailure(code: ErrorCode, message: string): void {
    noteError(code, message);
    move(AFTER_FAILURE[retries.failed(code)]);
  }

  function connect(event: 'source-up' | 'retry'): void {
    if (nextTargetState(state, event) === null) return;
    retries.attemptBegins();
    const controller = new AbortController();
    opening = controller;
    openPublisher(controller.signal).then(
      (publisher) => onOpened(controller, publisher),
      (error: unknown) => onRefused(controller, error),
    );
    move(event);
  }

  async function openPublisher(signal: AbortSignal): Promise<RtmpPublisher> {
    // Until it has taken a session back the server would refuse the key.
    await Promise.all(closing);
    signal.throwIfAborted();
    const { connectTimeoutMs, publishTimeoutMs } = settings;
    const limits = { ackEveryBytes: FIRST_ACK_BYTES, connectTimeoutMs, publishTimeoutMs };
    return deps.open({ url: spec.url, signal, trust: deps.trust, ...limits });
  }

  function onOpened(controller: AbortController, publisher: RtmpPublisher): void {
    // A late answer to an attempt that was given up.
    if (opening !== controller) {
      publisher.destroy();
      return;
    }
    opening = null;
    const { ackEveryBytes, session: limits } = settings;
    const current = createTargetSession(publisher, { ackEveryBytes, limits, cache: deps.cache });
    session = current;
    figures.opened(current);
    void publisher.closed.then((end) => {
      if (session !== current) return;
      forgetSession();
      afterFailure(end.code === 'done' ? 'closed-by-peer' : end.code, end.message);
    });
    deps.onChange();
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
    const delivery = session.check(nowMs);
    figures.check(nowMs);
    if (delivery === 'stalled') {
      session.publisher.destroy({ code: 'stalled', message: 'the server takes nothing any more' });
      return;
    }
    if (session.isProved()) retries.proved();
    if (delivery === 'unproven') return;
    noteSlowness(delivery, session, nowMs);
    move(delivery);
  }

  /** The session is kept while bytes move: a new one would go the same way, and begin with a burst. */
  function noteSlowness(delivery: Delivery, current: TargetSession, nowMs: number): void {
    const message = slowness.look(delivery, {
      nowMs,
      lagMs: current.lagMs(),
      droppedFrames: current.droppedFrames(),
      kbps: figures.kbps(),
    });
    if (message !== null) noteError('too-slow', message);
  }

  /** Detaches the session, its counts kept; its late events mean nothing from then on. */
  function forgetSession(): TargetSession | null {
    const old = session;
    session = null;
    if (old) figures.closed();
    slowness = createSlowness(deps.streamKbps);
    return old;
  }

  function giveUp(): TargetSession | null {
    retries.cancel();
    opening?.abort();
    opening = null;
    return forgetSession();
  }

  function closeLater(old: TargetSession | null): void {
    if (!old) return;
    const done = old.publisher.close().finally(() => closing.delete(done));
    closing.add(done);
  }

  function setPaused(isPaused: boolean): void {
    if (!move(isPaused ? 'pause' : 'resume')) return;
    closeLater(giveUp());
    retries.forgive();
    if (hasSource) connect('source-up');
  }

  return {
    spec: () => spec,
    update(next) {
      const wasPaused = spec.paused ?? false;
      spec = next;
      retries.setPolicy(next.retry);
      if (wasPaused !== (next.paused ?? false)) setPaused(!wasPaused);
    },
    write: (window) => session?.write(window),
    check,
    probe: () => session?.probe() ?? null,
    streamStarted: () => session?.restart(),
    sourceUp() {
      hasSource = true;
      connect('source-up');
    },
    sourceAway() {
      hasSource = false;
      if (!move('source-away')) return;
      closeLater(giveUp());
      retries.forgive();
    },
    retryNow() {
      if (nextTargetState(state, 'retry') === null) return;
      retries.forgive();
      if (hasSource) connect('retry');
      else move('forgive');
    },
    status: () => ({
      targetId: spec.id,
      url: spec.shownUrl,
      state,
      attempt: retries.attempt(),
      nextRetryAt: retries.nextRetryAt(),
      lastError,
      ...figures.read(Date.now()),
      warnings: deps.warnings(spec),
      proved: retries.isProved(),
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

import pino from 'pino';
import { vi } from 'vitest';
import { type ErrorCode, GatewayError } from '../../src/domain/errors.ts';
import type { TargetState } from '../../src/domain/job.ts';
import { Secret } from '../../src/domain/secret.ts';
import { DEFAULT_PUSH_SETTINGS } from '../../src/media/push/push-run.ts';
import { createTarget, type Target } from '../../src/media/push/target.ts';
import type { TargetChange, TargetSpec } from '../../src/media/push/target-spec.ts';
import { createMessageCache } from '../../src/media/rtmp/media-message.ts';
import type { RtmpPublisher } from '../../src/media/rtmp/publisher.ts';
import { createTrust } from '../../src/media/rtmp/trust.ts';

type PublisherEnd = Awaited<RtmpPublisher['closed']>;

export const SPEC: TargetSpec = {
  id: 't',
  url: new Secret('rtmp://127.0.0.1/live/k'),
  shownUrl: 'rtmp://127.0.0.1/live/****',
};

interface Attempt {
  readonly signal: AbortSignal | undefined;
  accept(): Peer;
  refuse(code: ErrorCode): void;
  isOver: boolean;
}

/** The server's end of a session: what it acknowledges is what the test says. */
interface Peer {
  readonly publisher: RtmpPublisher;
  written: number;
  /** Waiting in this process. */
  backlog: number;
  acked: number | null;
  acknowledgements: number;
  isOpen: boolean;
  end(end: PublisherEnd): void;
}

function openPeer(): Peer {
  let resolve: (end: PublisherEnd) => void = () => undefined;
  const closed = new Promise<PublisherEnd>((done) => {
    resolve = done;
  });
  const peer: Peer = {
    written: 3000,
    backlog: 0,
    acked: null,
    acknowledgements: 0,
    isOpen: true,
    end(end) {
      peer.isOpen = false;
      resolve(end);
    },
    publisher: {
      write: () => undefined,
      send(messages) {
        for (const bytes of messages) peer.written += bytes.length;
      },
      messageStreamId: 1,
      askAcknowledgements: () => undefined,
      ports: null,
      flush: () => undefined,
      bufferedBytes: 0,
      get backlogBytes() {
        return peer.backlog;
      },
      get writtenBytes() {
        return peer.written;
      },
      get sentBytes() {
        return peer.written;
      },
      get ackedBytes() {
        return peer.acked;
      },
      get acknowledgements() {
        return peer.acknowledgements;
      },
      closed,
      async close() {
        peer.end({ code: 'done', message: 'closed by us' });
      },
      destroy: (end = { code: 'done', message: 'closed by us' }) => peer.end(end),
    },
  };
  return peer;
}

/** A target with a network that does what the test says; needs fake timers. */
export interface TargetRig {
  readonly target: Target;
  readonly attempts: readonly Attempt[];
  readonly peers: readonly Peer[];
  readonly changes: readonly TargetChange[];
  /** Attempts that nobody answered yet. */
  running(): Attempt[];
  /** Sessions. */
  open(): Peer[];
  state(): TargetState;
}

export function openTarget(spec: TargetSpec = SPEC): TargetRig {
  const attempts: Attempt[] = [];
  const peers: Peer[] = [];
  const changes: TargetChange[] = [];
  const target: Target = createTarget(spec, {
    settings: DEFAULT_PUSH_SETTINGS,
    cache: createMessageCache(),
    trust: createTrust(),
    log: pino({ level: 'silent' }),
    open: ({ signal }) =>
      new Promise((resolve, reject) => {
        const attempt: Attempt = {
          signal,
          isOver: false,
          accept() {
            attempt.isOver = true;
            const peer = openPeer();
            peers.push(peer);
            resolve(peer.publisher);
            return peer;
          },
          refuse(code) {
            attempt.isOver = true;
            reject(new GatewayError(code, 'as the test wants', { blame: 'destination' }));
          },
        };
        signal?.addEventListener('abort', () => attempt.refuse('fenced'), { once: true });
        attempts.push(attempt);
      }),
    opening: () => ({ tags: [], gathered: 0 }),
    streamKbps: () => 2000,
    warnings: () => [],
    random: () => 0.5,
    onChange: () => undefined,
    onTargetChange: (change) => changes.push(change),
  });
  return {
    target,
    attempts,
    peers,
    changes,
    running: () => attempts.filter(({ isOver }) => !isOver),
    open: () => peers.filter(({ isOpen }) => isOpen),
    state: () => target.status().state,
  };
}

/** Everything that promises have waited for has happened. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
}

export function look(target: Target, seconds: number): void {
  for (let n = 0; n < seconds * 4; n += 1) {
    vi.advanceTimersByTime(250);
    target.check(performance.now());
  }
}

/** The server reads the stream for so long. */
export async function stream({ target, open }: TargetRig, seconds: number): Promise<void> {
  for (let n = 0; n < seconds * 4; n += 1) {
    for (const peer of open()) {
      peer.written += 50_000;
      peer.acked = peer.written;
      peer.acknowledgements += 1;
    }
    look(target, 0.25);
    await settle();
  }
}

/** The server reads far less than it is sent. */
export async function lag({ target, open }: TargetRig, seconds: number): Promise<void> {
  const bytes = Buffer.alloc(200_000);
  const window = { tags: [], hasVideo: false, bytes: () => bytes, keep: () => undefined };
  for (let n = 0; n < seconds * 4; n += 1) {
    const at = n * 250;
    target.write({ ...window, media: { firstMs: at, lastMs: at + 250 } });
    for (const peer of open()) {
      peer.acked = Math.max(peer.acked ?? 0, peer.written - n * 190_000);
      peer.acknowledgements += 1;
    }
    look(target, 0.25);
    await settle();
  }
}

export async function fail(one: TargetRig, code: ErrorCode): Promise<void> {
  one.running()[0]?.refuse(code);
  await settle();
}

export async function accept(one: TargetRig): Promise<void> {
  one.running()[0]?.accept();
  await settle();
}

/** Until the next attempt begins. */
export async function nextAttempt(one: TargetRig): Promise<number> {
  const { nextRetryAt } = one.target.status();
  const pause = (nextRetryAt ?? Date.now()) - Date.now();
  vi.advanceTimersByTime(pause);
  await settle();
  return pause;
}

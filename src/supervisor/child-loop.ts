import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { GatewayError } from '../domain/errors.ts';
import { deferred } from './deferred.ts';

/** One run of a child, as seen by the loop that keeps it running. */
export interface ChildAttempt {
  readonly pid: number;
  /** Resolves when the child can be used; never when it ends before. */
  readonly ready: Promise<void>;
  /** Resolves with what is to be said about its end; never rejects. */
  readonly ended: Promise<string>;
  /** Asks it to end in order. */
  terminate(): void;
  /** Ends it at once. */
  kill(): void;
}

export interface ChildLoopOptions {
  readonly name: string;
  readonly start: () => ChildAttempt;
  readonly log: Logger;
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
  /** Called at every start that became usable and every end. */
  readonly onChange?: (up: boolean) => void;
}

export interface ChildLoop {
  /** First time the child is usable. Rejects with the reason when it ends before that, and does not try again then. */
  readonly firstReady: Promise<void>;
  /** Ends the child in order, by SIGKILL after `graceMs`, and resolves when it is gone. */
  stop(graceMs: number): Promise<void>;
  /** SIGKILL now, while `stop` waits. */
  kill(): void;
}

/** A child that was up for this long begins again with the shortest pause. */
const SETTLED_MS = 10_000;

/** Keeps one child running: restarts it with a growing pause whenever it ends, until stopped. */
export function runChildLoop(options: ChildLoopOptions): ChildLoop {
  const { name, log } = options;
  const stopping = new AbortController();
  const first = deferred<void>();
  let current: ChildAttempt | null = null;
  let everReady = false;

  const attemptOnce = async (): Promise<{ text: string; upMs: number }> => {
    const attempt = options.start();
    current = attempt;
    const startedAt = Date.now();
    void attempt.ready.then(() => {
      if (current !== attempt) return;
      log.info({ child: name, childPid: attempt.pid }, everReady ? `${name} is back` : `${name} is up`);
      everReady = true;
      first.resolve();
      options.onChange?.(true);
    });
    const text = await attempt.ended;
    current = null;
    options.onChange?.(false);
    return { text, upMs: Date.now() - startedAt };
  };

  const loop = async (): Promise<void> => {
    let backoffMs = options.minBackoffMs;
    while (!stopping.signal.aborted) {
      const { text, upMs } = await attemptOnce();
      if (stopping.signal.aborted) return;
      if (!everReady) {
        const message = `${name} did not start: ${text}`;
        first.reject(new GatewayError('child-failed', message, { blame: 'system' }));
        return;
      }
      backoffMs = upMs >= SETTLED_MS ? options.minBackoffMs : backoffMs;
      log.warn({ child: name, retryInMs: backoffMs }, `${name} ended (${text}) and is started again`);
      await delay(backoffMs, undefined, { signal: stopping.signal }).catch(() => undefined); // stopped
      backoffMs = Math.min(backoffMs * 2, options.maxBackoffMs);
    }
  };
  const done = loop();

  return {
    firstReady: first.promise,
    kill: () => current?.kill(),
    stop: async (graceMs) => {
      stopping.abort();
      first.reject(new GatewayError('child-failed', `${name} was stopped`, { blame: 'system' }));
      first.promise.catch(() => undefined); // nobody may be waiting for it any more
      current?.terminate();
      const timer = setTimeout(() => {
        log.warn({ child: name, graceMs }, `${name} did not end in time and is killed`);
        current?.kill();
      }, graceMs);
      await done;
      clearTimeout(timer);
    },
  };
}

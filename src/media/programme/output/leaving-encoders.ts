import type { Logger } from 'pino';
import { processUsage } from '../usage.ts';
import type { EncoderProcess } from './encoder-process.ts';
import { HangDetector } from './hang.ts';

type Leaving = Pick<EncoderProcess, 'pid' | 'lastOutputAt' | 'exited' | 'stop' | 'kill'>;

interface Watch {
  readonly sinceMs: number;
  readonly hang: HangDetector;
}

/**
 * What one may take that works: on a busy machine it may not even have begun to read. Ended earlier, it would lose
 * pictures or sound; those behind it wait for so long.
 */
const REST_MS = 10_000;

/** Encoders that were replaced and write out their rest. */
export class LeavingEncoders {
  readonly #log: Logger;
  readonly #watched = new Map<Leaving, Watch>();

  constructor(log: Logger) {
    this.#log = log;
  }

  get pids(): readonly number[] {
    return [...this.#watched.keys()].map((encoder) => encoder.pid);
  }

  /** Ends its input; it is among them until it is gone. */
  add(encoder: Leaving): void {
    const hang = new HangDetector(() => processUsage(encoder.pid).cpuSeconds);
    this.#watched.set(encoder, { sinceMs: performance.now(), hang });
    encoder
      .stop(REST_MS)
      .catch((error: unknown) => this.#log.error({ err: error }, 'encoder did not end'))
      .finally(() => this.#watched.delete(encoder));
  }

  /** Ends those that hang; called each tick. */
  check(nowMs: number): void {
    for (const [encoder, { sinceMs, hang }] of this.#watched) {
      const lastOutputAt = Math.max(sinceMs, encoder.lastOutputAt);
      if (hang.hangs({ nowMs, isFed: true, lastOutputAt })) encoder.kill();
    }
  }

  /** Resolves when all are gone, soon. */
  async stop(): Promise<void> {
    await Promise.all([...this.#watched.keys()].map((encoder) => encoder.stop()));
  }
}

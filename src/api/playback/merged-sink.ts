import type { FlvSink } from './flv-hub.ts';

/** Makes sinks that gather what is written to them; sinks of one length are written out in one turn of the loop. */
export interface SinkMerger {
  /** What is there at once goes out at once; from then on bytes wait mergeMs at most. 0 gathers nothing. */
  merge(sink: FlvSink, mergeMs: number): FlvSink;
}

/** No reader waits longer for its bytes, whatever it asks for. */
export const MAX_MERGE_MS = 350;
/** A burst goes out in writes of about this size. */
const MAX_WRITE_BYTES = 1024 * 1024;

/** All that waits for the same moment: many timers would wake the process many times. */
class Round {
  readonly #mergeMs: number;
  #waiting = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(mergeMs: number) {
    this.#mergeMs = mergeMs;
  }

  /** The timer ends by itself: it is there only while something waits. */
  add(flush: () => void): void {
    this.#waiting.add(flush);
    this.#timer ??= setTimeout(() => this.#flushAll(), this.#mergeMs);
  }

  remove(flush: () => void): void {
    this.#waiting.delete(flush);
    if (this.#waiting.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #flushAll(): void {
    this.#timer = undefined;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const flush of waiting) flush();
  }
}

function mergedSink(sink: FlvSink, round: Round): FlvSink {
  let parts: Buffer[] = [];
  let bytes = 0;
  let opening: NodeJS.Immediate | undefined;
  let isOpen = false;

  function flush(): void {
    if (parts.length === 0) return;
    const [first] = parts;
    const whole = parts.length === 1 && first ? first : Buffer.concat(parts, bytes);
    parts = [];
    bytes = 0;
    sink.write(whole);
  }

  function leave(): void {
    clearImmediate(opening);
    round.remove(flush);
  }

  function open(): void {
    opening ??= setImmediate(() => {
      isOpen = true;
      flush();
    });
  }

  return {
    write(buffer) {
      parts.push(buffer);
      bytes += buffer.length;
      if (bytes > MAX_WRITE_BYTES) flush();
      else if (isOpen) round.add(flush);
      else open();
    },
    get writableLength() {
      return sink.writableLength + bytes;
    },
    end() {
      leave();
      flush();
      sink.end();
    },
    destroy() {
      leave();
      parts = [];
      bytes = 0;
      sink.destroy();
    },
  };
}

export function createSinkMerger(): SinkMerger {
  const rounds = new Map<number, Round>();
  return {
    merge(sink, mergeMs) {
      if (mergeMs === 0) return sink;
      const round = rounds.get(mergeMs) ?? new Round(mergeMs);
      rounds.set(mergeMs, round);
      return mergedSink(sink, round);
    },
  };
}

/** The window of a request's `merge`; 0 for none and for what is none. */
export function mergeMsOf(text: unknown): number {
  const ms = typeof text === 'string' && /^\d{1,3}$/.test(text) ? Number(text) : 0;
  return Math.min(ms, MAX_MERGE_MS);
}

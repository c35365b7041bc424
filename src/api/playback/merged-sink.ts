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
/** Windows of usual streams fit; what is longer gets memory of its own. */
const SPACE_BYTES = 512 * 1024;

/** Memory for one write after the other, of all sinks: what the kernel took at once is not needed any more. */
class WriteSpace {
  #memory: Buffer | null = null;

  write(sink: FlvSink, parts: readonly Buffer[], bytes: number): void {
    // What joins a queue stays as it is: to a slow reader no more than its bytes.
    if (bytes > SPACE_BYTES || sink.writableLength > 0) {
      sink.write(Buffer.concat(parts, bytes));
      return;
    }
    const memory = this.#memory ?? Buffer.allocUnsafeSlow(SPACE_BYTES);
    let at = 0;
    for (const part of parts) {
      memory.set(part, at);
      at += part.length;
    }
    sink.write(memory.subarray(0, bytes));
    this.#memory = sink.writableLength === 0 ? memory : null;
  }
}

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

class MergedSink implements FlvSink {
  readonly #sink: FlvSink;
  readonly #round: Round;
  readonly #space: WriteSpace;
  #parts: Buffer[] = [];
  #bytes = 0;
  #opening: NodeJS.Immediate | undefined;
  #isOpen = false;
  #isWaiting = false;
  /** All that was written has been taken: until the next write nothing waits there, and nobody need ask. */
  #isTaken = true;
  readonly #flush = () => {
    this.#isWaiting = false;
    this.#writeOut();
  };

  constructor(sink: FlvSink, round: Round, space: WriteSpace) {
    this.#sink = sink;
    this.#round = round;
    this.#space = space;
  }

  get writableLength(): number {
    return this.#isTaken ? this.#bytes : this.#sink.writableLength + this.#bytes;
  }

  write(buffer: Buffer): void {
    this.#parts.push(buffer);
    this.#bytes += buffer.length;
    if (this.#bytes > MAX_WRITE_BYTES) this.#writeOut();
    else if (!this.#isOpen) this.#open();
    else if (!this.#isWaiting) {
      this.#isWaiting = true;
      this.#round.add(this.#flush);
    }
  }

  end(): void {
    this.#leave();
    this.#writeOut();
    this.#sink.end();
  }

  destroy(): void {
    this.#leave();
    this.#parts = [];
    this.#bytes = 0;
    this.#sink.destroy();
  }

  #open(): void {
    this.#opening ??= setImmediate(() => {
      this.#isOpen = true;
      this.#writeOut();
    });
  }

  #leave(): void {
    clearImmediate(this.#opening);
    this.#round.remove(this.#flush);
    this.#isWaiting = false;
  }

  #writeOut(): void {
    const parts = this.#parts;
    const bytes = this.#bytes;
    const [first] = parts;
    if (first === undefined) return;
    this.#parts = [];
    this.#bytes = 0;
    if (parts.length === 1) this.#sink.write(first);
    else this.#space.write(this.#sink, parts, bytes);
    this.#isTaken = this.#sink.writableLength === 0;
  }
}

export function createSinkMerger(): SinkMerger {
  const rounds = new Map<number, Round>();
  const space = new WriteSpace();
  return {
    merge(sink, mergeMs) {
      if (mergeMs === 0) return sink;
      const round = rounds.get(mergeMs) ?? new Round(mergeMs);
      rounds.set(mergeMs, round);
      return new MergedSink(sink, round, space);
    },
  };
}

/** The window of a request's `merge`; 0 for none and for what is none. */
export function mergeMsOf(text: unknown): number {
  const ms = typeof text === 'string' && /^\d{1,3}$/.test(text) ? Number(text) : 0;
  return Math.min(ms, MAX_MERGE_MS);
}

import type { FlvTag } from '../flv/tag.ts';
import { isSequenceHeader, TAG_SCRIPT } from '../flv/tag.ts';
import { MAX_WAITING_BYTES } from './canvas-pool.ts';
import { CHANNELS, SAMPLE_RATE } from './clock.ts';
import { type Encoder, type EncoderOptions, startEncoder } from './encoder.ts';
import { HangDetector } from './hang.ts';
import { processUsage } from './usage.ts';

/** Keeps one encoder running; its output goes on across encoders without going back in time. */
export interface EncoderKeeper {
  /** False: it is behind and the picture was not taken. `done` is called once when it was. */
  writeFrame(frame: number, picture: Buffer, done: () => void): void;
  writeSound(firstSample: number, samples: Buffer): void;
  /** Looks whether the encoder still works; called each tick. */
  check(nowMs: number): void;
  readonly starts: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** A minute of it, beside the pictures, which the canvases bound. */
const MAX_UNREAD_SOUND_BYTES = 60 * SAMPLE_RATE * CHANNELS * 2;
const MAX_UNREAD_BYTES = MAX_WAITING_BYTES + MAX_UNREAD_SOUND_BYTES;
const RESTART_PAUSE_MS = 300;
/** An encoder that lived this long was a good one: the next starts at once. */
const GOOD_MS = 3000;

export function createEncoderKeeper(options: EncoderOptions): EncoderKeeper {
  const { log } = options;
  const lastMs = new Map<number, number>();
  const headers = new Map<number, Buffer>();
  let starts = 0;
  let stopping = false;
  let timer: NodeJS.Timeout | undefined;

  /** The encoder gives headers no time: they take that of the last frame. */
  function passHeader(tag: FlvTag): void {
    if (tag.type === TAG_SCRIPT ? headers.has(tag.type) : headers.get(tag.type)?.equals(tag.data)) return;
    headers.set(tag.type, tag.data);
    options.onTag({ ...tag, timestamp: Math.max(0, ...lastMs.values()) });
  }

  /** A new encoder repeats what the old one said: headers, and the AAC frame before its first sample. */
  function pass(tag: FlvTag): void {
    if (tag.type === TAG_SCRIPT || isSequenceHeader(tag)) {
      passHeader(tag);
      return;
    }
    if (tag.timestamp <= (lastMs.get(tag.type) ?? Number.NEGATIVE_INFINITY)) return;
    lastMs.set(tag.type, tag.timestamp);
    options.onTag(tag);
  }

  function start(): Encoder {
    starts += 1;
    const startedAt = performance.now();
    const encoder: Encoder = startEncoder({ ...options, onTag: (tag) => encoder === current && pass(tag) });
    encoder.exited
      .then((exit) => {
        if (stopping || encoder !== current) return;
        log.warn({ outcome: exit.outcome, signal: exit.signal, tail: exit.tail.slice(-3) }, 'encoder ended');
        const lived = performance.now() - startedAt;
        timer = setTimeout(
          () => {
            current = start();
          },
          lived > GOOD_MS ? 0 : RESTART_PAUSE_MS,
        );
      })
      .catch((error: unknown) => log.error({ err: error }, 'encoder end not handled'));
    return encoder;
  }

  let current: Encoder = start();
  const hang = new HangDetector(() => processUsage(current.pid).cpuSeconds);
  return {
    get starts() {
      return starts;
    },
    get pid() {
      return current.pid;
    },
    writeFrame: (frame, picture, done) => current.writeFrame(frame, picture, done),
    writeSound: (first, samples) => current.writeSound(first, samples),
    check(nowMs) {
      const { unreadBytes, lastOutputAt } = current;
      const hanging = hang.hangs({ nowMs, isFed: unreadBytes > 0, lastOutputAt });
      if (!hanging && unreadBytes <= MAX_UNREAD_BYTES) return;
      // Its exit starts the next one.
      current.kill();
    },
    async stop() {
      stopping = true;
      clearTimeout(timer);
      await current.stop();
    },
  };
}

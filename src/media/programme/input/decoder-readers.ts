import type { Frame, FramePool } from '../../canvas/frame-pool.ts';
import { DECODER_AUDIO_SAMPLES } from '../../ffmpeg/decoder-args.ts';
import type { LineReader } from '../../ffmpeg/lines.ts';
import { CHANNELS } from '../clock.ts';

/** What comes on one line, whose times come on another: whichever is first waits. */
export interface TimedReader extends LineReader {
  /** The next of what comes on the line has this time; NaN when it has none, and then it is left out. */
  time(value: number): void;
}

/** FFmpeg writes a picture's time first, but much of one line may be read before another is looked at. */
const MAX_UNTIMED_BYTES = 4 * 1024 * 1024;
const MIN_UNTIMED = 8;
const SOUND_BYTES = DECODER_AUDIO_SAMPLES * CHANNELS * 2;
const MAX_UNTIMED_SOUNDS = 500;
const TEXT_BYTES = 4096;
const TIME = /pts:(-?\d+|NOPTS)\s+pts_time:(\S+)/;

/** Calls back for each `frame: pts: pts_time:` line that FFmpeg's metadata filter prints. */
export function readTimes(onTime: (pts: number, seconds: number) => void): LineReader {
  const text = Buffer.alloc(TEXT_BYTES);
  let rest = '';
  return {
    room: () => text,
    took(count) {
      const lines = (rest + text.toString('latin1', 0, count)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const match = TIME.exec(line);
        if (match) onTime(Number(match[1]), Number(match[2]));
      }
    },
  };
}

/** Fills one thing after the other; `untimed` is how many may wait for their times before `onBroken`. */
function readTimed<T>(options: {
  readonly take: () => T;
  readonly bytesOf: (item: T) => Uint8Array;
  readonly giveBack: (item: T) => void;
  readonly onItem: (item: T, time: number) => void;
  readonly untimed: number;
  readonly onBroken: () => void;
}): TimedReader {
  const times: number[] = [];
  const items: T[] = [];
  let filling: T | null = null;
  let filled = 0;

  function match(): void {
    while (items.length > 0 && times.length > 0) {
      const item = items.shift() as T;
      const time = times.shift() ?? Number.NaN;
      if (Number.isNaN(time)) options.giveBack(item);
      else options.onItem(item, time);
    }
    // Leaving one out would give every later one the time of another.
    if (items.length > options.untimed) options.onBroken();
  }

  return {
    time(value) {
      times.push(value);
      match();
    },
    room() {
      filling ??= options.take();
      return options.bytesOf(filling).subarray(filled);
    },
    took(count) {
      if (filling === null) return;
      filled += count;
      if (filled < options.bytesOf(filling).length) return;
      items.push(filling);
      filling = null;
      filled = 0;
      match();
    },
  };
}

/** Pictures of the pool's size, read into frames of the pool. Times are ms. */
export function readPictures(
  pool: FramePool,
  onFrame: (frame: Frame) => void,
  onBroken: () => void,
): TimedReader {
  return readTimed<Frame>({
    take: pool.take,
    bytesOf: (frame) => frame.data,
    giveBack: pool.giveBack,
    onItem(frame, ms) {
      frame.ptsMs = ms;
      onFrame(frame);
    },
    untimed: MIN_UNTIMED + Math.ceil(MAX_UNTIMED_BYTES / pool.frameBytes),
    onBroken,
  });
}

/** Blocks of 10 ms, interleaved s16 stereo. Times are samples; the array is valid during the call only. */
export function readSound(
  onSound: (position: number, samples: Int16Array) => void,
  onBroken: () => void,
): TimedReader {
  const free: Uint8Array[] = [];
  return readTimed<Uint8Array>({
    take: () => free.pop() ?? new Uint8Array(SOUND_BYTES),
    bytesOf: (block) => block,
    giveBack: (block) => free.push(block),
    onItem(block, position) {
      onSound(position, new Int16Array(block.buffer));
      free.push(block);
    },
    untimed: MAX_UNTIMED_SOUNDS,
    onBroken,
  });
}

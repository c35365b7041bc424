import { type FlvTag, isMedia, type TAG_AUDIO, type TAG_VIDEO } from '../../src/media/flv/tag.ts';

/** Timestamps of one track, judged as they come. */
export interface TrackSteps {
  see(tag: FlvTag): void;
  readonly frames: number;
  readonly missing: number;
  /** Timestamps that came twice or went back. */
  readonly repeated: number;
  readonly largestGapMs: number;
}

/** `frameMs` is what lies between two frames. */
export function watchSteps(type: typeof TAG_AUDIO | typeof TAG_VIDEO, frameMs: number): TrackSteps {
  let last: number | null = null;
  let [frames, missing, repeated, largestGapMs] = [0, 0, 0, 0];
  return {
    see(tag) {
      if (tag.type !== type || !isMedia(tag)) return;
      frames += 1;
      const step = last === null ? frameMs : tag.timestamp - last;
      last = tag.timestamp;
      largestGapMs = Math.max(largestGapMs, step);
      if (step <= 0) repeated += 1;
      else missing += Math.max(0, Math.round(step / frameMs) - 1);
    },
    get frames() {
      return frames;
    },
    get missing() {
      return missing;
    },
    get repeated() {
      return repeated;
    },
    get largestGapMs() {
      return largestGapMs;
    },
  };
}

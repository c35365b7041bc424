import type { Frame } from '../../canvas/frame-pool.ts';
import type { VideoFeed } from './video-feed.ts';

/** The picture that stands for an input: what is due, else the last one for a while. */
export interface InputPicture {
  /** Monotonic ms at which the picture last changed; null before the first. */
  readonly lastMs: number | null;
  /** null: the placeholder. */
  at(nowMs: number, feed: VideoFeed | null, timelineMs: number | null): Frame | null;
}

export function createInputPicture({ holdMs }: { readonly holdMs: number }): InputPicture {
  let last: Frame | null = null;
  let lastId = 0;
  let lastMs: number | null = null;

  return {
    get lastMs() {
      return lastMs;
    },
    at(nowMs, feed, timelineMs) {
      const picture = timelineMs === null ? null : (feed?.pick(timelineMs) ?? null);
      if (picture && picture.id !== lastId) {
        lastId = picture.id;
        lastMs = nowMs;
      }
      // What was shown last stays until a new decoder has its first.
      last = picture ?? last;
      return lastMs !== null && nowMs - lastMs < holdMs ? last : null;
    },
  };
}

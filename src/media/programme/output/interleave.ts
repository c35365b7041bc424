import { type FlvTag, TAG_AUDIO, TAG_VIDEO } from '../../flv/tag.ts';

type Track = typeof TAG_AUDIO | typeof TAG_VIDEO;

interface Entry {
  readonly ms: number;
  readonly arrivedMs: number;
  readonly tags: readonly FlvTag[];
}

interface Queue {
  readonly entries: Entry[];
  lastMs: number;
}

/** Longer than an encoder that keeps up ever takes: a track that is so late is not waited for. */
const MAX_WAIT_MS = 400;

/** Brings sound and picture, which come from encoders of their own, into the order of their times. */
export class Interleaver {
  readonly #onTag: (tag: FlvTag) => void;
  readonly #queues: Readonly<Record<Track, Queue>> = {
    [TAG_AUDIO]: { entries: [], lastMs: Number.NEGATIVE_INFINITY },
    [TAG_VIDEO]: { entries: [], lastMs: Number.NEGATIVE_INFINITY },
  };
  #hasVideo: boolean;

  constructor(options: { readonly hasVideo: boolean; readonly onTag: (tag: FlvTag) => void }) {
    this.#hasVideo = options.hasVideo;
    this.#onTag = options.onTag;
  }

  /** Without it, sound waits for no picture. */
  set hasVideo(has: boolean) {
    this.#hasVideo = has;
  }

  /** Tags of one time that belong together; times of a track only grow. */
  push(track: Track, tags: readonly FlvTag[], nowMs: number): void {
    const ms = tags.at(-1)?.timestamp ?? 0;
    const queue = this.#queues[track];
    queue.lastMs = ms;
    queue.entries.push({ ms, arrivedMs: nowMs, tags });
    this.release(nowMs);
  }

  /** Passes on all that waits. */
  flush(): void {
    this.release(Number.POSITIVE_INFINITY);
  }

  /** Passes on what nothing earlier can follow any more, and what has waited long enough. */
  release(nowMs: number): void {
    const audio = this.#queues[TAG_AUDIO];
    const video = this.#queues[TAG_VIDEO];
    for (;;) {
      const [sound, picture] = [audio.entries[0], video.entries[0]];
      const videoFirst = picture !== undefined && (sound === undefined || picture.ms <= sound.ms);
      const [queue, other] = videoFirst ? [video, audio] : [audio, video];
      const head = queue.entries[0];
      if (head === undefined) return;
      const isNext = other.entries.length > 0 || other.lastMs >= head.ms || (!videoFirst && !this.#hasVideo);
      if (!isNext && nowMs - head.arrivedMs < MAX_WAIT_MS) return;
      queue.entries.shift();
      for (const tag of head.tags) this.#onTag(tag);
    }
  }
}

import { SAMPLE_RATE } from '../clock.ts';
import { type AudioFeed, createAudioFeed } from './audio-feed.ts';
import { createPcmRing } from './pcm-ring.ts';

/** The sound of one input, whichever of its decoders gives it. */
export interface InputSound {
  /** Its level: how loud it is mixed, how loud it is. */
  readonly feed: Pick<AudioFeed, 'gain' | 'takeVolume'>;
  readonly isSounding: boolean;
  /** Monotonic ms at which it last came; null before the first. */
  readonly lastMs: number | null;
  /** Decoded sound for its place on the timeline, in samples. `speaker` is the decoder that made it. */
  hear(speaker: object, position: number, samples: Int16Array): void;
  /** Sound up to this place is nearly as far as what is there already. */
  hasReached(position: number): boolean;
  /** null: nothing of the timeline is due yet. */
  mixInto(out: Float32Array, count: number, timelineMs: number | null, last: boolean): void;
}

/** Samples that a new decoder's sound may be behind at the change: the playout delay covers them. */
const CAUGHT_UP = SAMPLE_RATE / 20;

export function createInputSound(): InputSound {
  const ring = createPcmRing();
  const feed = createAudioFeed(ring);
  let lastSpeaker: object | null = null;
  let lastMs: number | null = null;

  return {
    feed,
    get isSounding() {
      return feed.isSounding;
    },
    get lastMs() {
      return lastMs;
    },
    hear(speaker, position, samples) {
      if (speaker !== lastSpeaker) ring.joinExactly();
      lastSpeaker = speaker;
      ring.write(position, samples);
      lastMs = performance.now();
    },
    hasReached: (position) => position >= ring.end - CAUGHT_UP,
    mixInto(out, count, timelineMs, last) {
      feed.mixInto(out, count, timelineMs === null ? null : (timelineMs * SAMPLE_RATE) / 1000, last);
    },
  };
}

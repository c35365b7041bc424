import { type FlvTag, isMedia, isSequenceHeader } from '../../flv/tag.ts';

/** A frame of one track with what has to stand before it, all at its time, and what its encoder makes. */
export interface TrackFrame<Spec> {
  readonly spec: Spec;
  readonly header: FlvTag | null;
  readonly frame: FlvTag;
}

/** What one encoder writes: passed on once those before it have ended. */
export interface Lane {
  /** Its place is behind those that are there now; what is pushed before is kept for then. */
  enter(): void;
  push(tag: FlvTag): void;
  end(): void;
}

interface Place<Spec> {
  readonly spec: Spec;
  /** What waits for those before it. */
  readonly held: FlvTag[];
  ended: boolean;
}

/**
 * One track made by encoders that follow each other: each begins where the one before it ended, times only grow,
 * and a sequence header that changed goes before the next frame.
 */
export class TrackOrder<Spec> {
  readonly #onFrame: (frame: TrackFrame<Spec>) => void;
  /** The first one's tags are passed on as they come. */
  readonly #places: Place<Spec>[] = [];
  #lastMs = Number.NEGATIVE_INFINITY;
  #passedHeader: Buffer | null = null;
  #header: FlvTag | null = null;

  constructor(onFrame: (frame: TrackFrame<Spec>) => void) {
    this.#onFrame = onFrame;
  }

  /** One that never enters, as its encoder is never used, keeps nobody waiting. */
  open(spec: Spec): Lane {
    const place: Place<Spec> = { spec, held: [], ended: false };
    return {
      enter: () => {
        this.#places.push(place);
        this.#release();
      },
      push: (tag) => {
        place.held.push(tag);
        this.#release();
      },
      end: () => {
        place.ended = true;
        this.#release();
      },
    };
  }

  #release(): void {
    for (let first = this.#places[0]; first; first = this.#places[0]) {
      for (const tag of first.held.splice(0)) this.#pass(tag, first.spec);
      if (!first.ended) return;
      this.#places.shift();
    }
  }

  #pass(tag: FlvTag, spec: Spec): void {
    if (isSequenceHeader(tag)) {
      this.#header = tag;
      return;
    }
    // Its end of sequence is not the track's, and lies 24 days ahead when FFmpeg was given no picture.
    if (!isMedia(tag)) return;
    // A new encoder begins with an AAC frame that lies before its first sample.
    if (tag.timestamp <= this.#lastMs) return;
    this.#lastMs = tag.timestamp;
    const changed = this.#header && !this.#passedHeader?.equals(this.#header.data) ? this.#header : null;
    if (changed) this.#passedHeader = changed.data;
    this.#header = null;
    this.#onFrame({ spec, header: changed && { ...changed, timestamp: tag.timestamp }, frame: tag });
  }
}

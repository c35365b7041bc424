import { type FlvTag, isSequenceHeader, TAG_SCRIPT } from '../../flv/tag.ts';

/** A frame of one track with what has to stand before it, all at its time, and what its encoder makes. */
export interface TrackFrame<Spec> {
  readonly spec: Spec;
  readonly header: FlvTag | null;
  readonly frame: FlvTag;
}

/** One encoder's place in the track: what it writes waits until those before it have ended. */
export interface Lane {
  push(tag: FlvTag): void;
  end(): void;
}

interface Made<Spec> {
  readonly tag: FlvTag;
  readonly spec: Spec;
}

interface Waiting<Spec> {
  readonly spec: Spec;
  readonly held: Made<Spec>[];
}

/**
 * One track made by encoders that follow each other: each begins where the one before it ended, times only grow,
 * and a sequence header that changed goes before the next frame.
 */
export class TrackOrder<Spec> {
  readonly #onFrame: (frame: TrackFrame<Spec>) => void;
  readonly #lanes: Waiting<Spec>[] = [];
  #lastMs = Number.NEGATIVE_INFINITY;
  #passedHeader: Buffer | null = null;
  #header: FlvTag | null = null;

  constructor(onFrame: (frame: TrackFrame<Spec>) => void) {
    this.#onFrame = onFrame;
  }

  open(spec: Spec): Lane {
    const lane: Waiting<Spec> = { spec, held: [] };
    this.#lanes.push(lane);
    return {
      push: (tag) => {
        if (this.#lanes[0] === lane) this.#pass({ tag, spec });
        else lane.held.push({ tag, spec });
      },
      end: () => this.#end(lane),
    };
  }

  #end(lane: Waiting<Spec>): void {
    const at = this.#lanes.indexOf(lane);
    if (at < 0) return;
    // What it wrote while others were before it is passed on in its turn.
    if (at > 0) this.#lanes[at - 1]?.held.push(...lane.held);
    this.#lanes.splice(at, 1);
    if (at > 0) return;
    for (const made of lane.held) this.#pass(made);
    for (const made of this.#lanes[0]?.held.splice(0) ?? []) this.#pass(made);
  }

  #pass({ tag, spec }: Made<Spec>): void {
    if (tag.type === TAG_SCRIPT) return;
    if (isSequenceHeader(tag)) {
      this.#header = tag;
      return;
    }
    // A new encoder begins with an AAC frame that lies before its first sample.
    if (tag.timestamp <= this.#lastMs) return;
    this.#lastMs = tag.timestamp;
    const changed = this.#header && !this.#passedHeader?.equals(this.#header.data) ? this.#header : null;
    if (changed) this.#passedHeader = changed.data;
    this.#header = null;
    this.#onFrame({ spec, header: changed && { ...changed, timestamp: tag.timestamp }, frame: tag });
  }
}

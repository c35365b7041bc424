const FRAME_SAMPLES = 1024;
/** FLV rounds to whole ms and encoders jitter a little; a larger difference is a real step. */
const TOLERANCE_MS = 8;

/** Takes the rounding out of AAC timestamps: frames that follow each other are exactly 1024 samples apart. */
export class AudioClock {
  readonly #frameMs: number;
  #nextMs: number | null = null;

  constructor(sampleRate: number) {
    this.#frameMs = (FRAME_SAMPLES * 1000) / sampleRate;
  }

  get frameMs(): number {
    return this.#frameMs;
  }

  /** Exact time of the frame with that timestamp, both in ms; never before the end of the frame before. */
  place(timestampMs: number): number {
    const expected = this.#nextMs;
    const isNext = expected !== null && timestampMs - expected < TOLERANCE_MS;
    const placed = isNext && timestampMs - expected > -TOLERANCE_MS ? expected : this.#step(timestampMs);
    this.#nextMs = placed + this.#frameMs;
    return placed;
  }

  /** Overlapping frames would play twice in the same place: they follow the one before. */
  #step(timestampMs: number): number {
    return this.#nextMs === null ? timestampMs : Math.max(timestampMs, this.#nextMs - this.#frameMs);
  }
}

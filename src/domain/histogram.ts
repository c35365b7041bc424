/** How many values there were up to each bound. */
export interface HistogramView {
  /** Ascending. */
  readonly bounds: readonly number[];
  /** Of each bound: how many values are not above it. */
  readonly counts: readonly number[];
  readonly total: number;
  readonly sum: number;
}

/** Counts values since its start, so that any number of readers may look at any pace. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #total = 0;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.#total += 1;
    this.#sum += value;
    for (const [index, bound] of this.#bounds.entries()) {
      if (value <= bound) this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    }
  }

  view(): HistogramView {
    return { bounds: this.#bounds, counts: [...this.#counts], total: this.#total, sum: this.#sum };
  }
}

/** What a worker tells the others of itself, some seconds fresh. */
export interface WorkerFacts {
  readonly workerId: string;
  /** What it may use: of its machine, or of its container's limit. */
  readonly cores: number;
  /** Of these, not used over the last 5 s and not promised. */
  readonly spareCores: number;
  /** Mixes it runs. */
  readonly mixes: number;
  /** H.264 and AAC encoders of its FFmpeg; empty when that does not run. */
  readonly encoders: readonly string[];
  readonly ffmpegVersion: string;
  /** Unix ms. */
  readonly at: number;
}

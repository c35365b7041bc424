import type { Neighbour } from './capacity.ts';

/** What a worker tells of itself, some seconds fresh. */
export interface WorkerFacts extends Neighbour {
  /** What it may use: of its machine, or of its container's limit. */
  readonly cores: number;
  /** H.264 and AAC encoders that work there; empty when FFmpeg does not run. */
  readonly encoders: readonly string[];
  readonly ffmpegVersion: string;
  /** Unix ms. */
  readonly at: number;
}

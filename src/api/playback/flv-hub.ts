import type { PlayProof } from '../../domain/play-proof.ts';

/** Where a viewer's bytes go. */
export interface FlvSink {
  write(buffer: Buffer): void;
  readonly writableLength: number;
  end(): void;
  destroy(): void;
}

/** What the playback routes need of the hub. */
export interface FlvHub {
  /** The stream's one spelling; throws `not-found` and why it may not be played. */
  authorisePlay(streamText: string, proof: PlayProof): Promise<string>;
  subscribeFlv(streamId: string, sink: FlvSink): { close(): void };
  /** Throws `not-found`, `ticket-invalid`, `fenced`. */
  subscribeWorker(streamText: string, ticket: string, sink: FlvSink): { close(): void };
}

/** Where a viewer's bytes go. */
export interface FlvSink {
  write(buffer: Buffer): void;
  readonly writableLength: number;
  end(): void;
  destroy(): void;
}

/** What the playback routes need of the hub. */
export interface FlvHub {
  /** The stream's one spelling; throws `not-found`, `ticket-invalid`. */
  authorisePlay(streamText: string, ticket: string): string;
  subscribeFlv(streamId: string, sink: FlvSink): { close(): void };
  /** Throws `not-found`, `ticket-invalid`, `fenced`. */
  subscribeWorker(streamText: string, ticket: string, sink: FlvSink): { close(): void };
}

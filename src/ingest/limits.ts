/** Bounds of the hub; what crosses one is closed or dropped, never buffered. */
export interface HubLimits {
  readonly maxConnections: number;
  /** Connections of one address that have not been accepted as publisher or viewer yet. */
  readonly maxWaitingPerAddress: number;
  readonly handshakeMs: number;
  /** From the connection (or the end of its last stream) to an accepted publish or play. */
  readonly acceptMs: number;
  /** A publisher that sends nothing this long is half open. */
  readonly publisherSilenceMs: number;
  /** A viewer that takes nothing this long although something waits is gone. */
  readonly viewerStallMs: number;
  /** How long viewers of an ended stream wait for it to come back. */
  readonly lingerMs: number;
  /** Time a closed connection gets to take our last words. */
  readonly closeMs: number;
  readonly maxBytesBeforeAccept: number;
  readonly maxCommandBytes: number;
  readonly maxAudioBytes: number;
  readonly maxVideoBytes: number;
  /** Message buffers of one connection, all chunk streams together. */
  readonly maxBufferedBytes: number;
  readonly maxChunkStreams: number;
  readonly maxChunkSize: number;
  readonly maxGopBytes: number;
  readonly maxGopPackets: number;
  /** Beyond this a viewer loses frames up to a key frame. */
  readonly viewerQueueBytes: number;
  /** The same for workers, whose losses are holes in recordings. */
  readonly workerQueueBytes: number;
}

const KB = 1024;
const MB = 1024 * KB;

export const DEFAULT_HUB_LIMITS: HubLimits = {
  maxConnections: 2000,
  maxWaitingPerAddress: 500,
  handshakeMs: 5000,
  acceptMs: 10_000,
  publisherSilenceMs: 10_000,
  viewerStallMs: 15_000,
  lingerMs: 10_000,
  closeMs: 1000,
  maxBytesBeforeAccept: 256 * KB,
  maxCommandBytes: 64 * KB,
  maxAudioBytes: 256 * KB,
  maxVideoBytes: 8 * MB,
  maxBufferedBytes: 16 * MB,
  maxChunkStreams: 32,
  maxChunkSize: 0xffffff,
  maxGopBytes: 32 * MB,
  // node-media-server empties its own cache at 4096 packets and goes on in the middle of a GOP.
  maxGopPackets: 4000,
  viewerQueueBytes: 2 * MB,
  workerQueueBytes: 16 * MB,
};

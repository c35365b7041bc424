/** One RTMP message. */
export interface RtmpMessage {
  readonly type: number;
  readonly timestamp: number;
  readonly streamId: number;
  readonly data: Buffer;
}

export interface ChunkFormat {
  readonly chunkStreamId: number;
  /** Payload bytes of a chunk, as announced by Set Chunk Size. */
  readonly chunkBytes: number;
}

/** What a connection uses until a side says otherwise. */
export const INITIAL_CHUNK_BYTES = 128;
export const EXTENDED_TIMESTAMP = 0xffffff;
const FULL_HEADER_BYTES = 12;

/**
 * The message as chunks: a full header (format 0, so the form depends on nothing sent before and can be shared
 * among connections) and format 3 for the rest. Chunk stream ids 2 to 63.
 */
export function encodeMessage(message: RtmpMessage, format: ChunkFormat): Buffer {
  const { data, timestamp } = message;
  const extended = timestamp >= EXTENDED_TIMESTAMP;
  const extra = extended ? 4 : 0;
  const chunks = Math.max(1, Math.ceil(data.length / format.chunkBytes));
  const out = Buffer.allocUnsafe(FULL_HEADER_BYTES + extra + data.length + (chunks - 1) * (1 + extra));
  out[0] = format.chunkStreamId;
  out.writeUIntBE(extended ? EXTENDED_TIMESTAMP : timestamp, 1, 3);
  out.writeUIntBE(data.length, 4, 3);
  out[7] = message.type;
  out.writeUInt32LE(message.streamId, 8);
  if (extended) out.writeUInt32BE(timestamp, FULL_HEADER_BYTES);
  let at = FULL_HEADER_BYTES + extra;
  for (let from = 0; from < data.length || from === 0; from += format.chunkBytes) {
    if (from > 0) {
      out[at] = 0xc0 | format.chunkStreamId;
      // Format 3 repeats the extended timestamp, as every common server expects.
      if (extended) out.writeUInt32BE(timestamp, at + 1);
      at += 1 + extra;
    }
    at += data.copy(out, at, from, Math.min(data.length, from + format.chunkBytes));
  }
  return out;
}

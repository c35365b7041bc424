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

/** Bytes of the message as chunks. */
export function encodedLength({ data, timestamp }: RtmpMessage, { chunkBytes }: ChunkFormat): number {
  const extra = timestamp >= EXTENDED_TIMESTAMP ? 4 : 0;
  const chunks = Math.max(1, Math.ceil(data.length / chunkBytes));
  return FULL_HEADER_BYTES + extra + data.length + (chunks - 1) * (1 + extra);
}

/**
 * Writes the message as chunks and returns where they end: a full header (format 0, so the form depends on nothing
 * sent before and can be shared among connections) and format 3 for the rest. Chunk stream ids 2 to 63.
 */
export function encodeMessageInto(
  out: Buffer,
  start: number,
  message: RtmpMessage,
  format: ChunkFormat,
): number {
  const { data, timestamp } = message;
  const extended = timestamp >= EXTENDED_TIMESTAMP;
  out[start] = format.chunkStreamId;
  out.writeUIntBE(extended ? EXTENDED_TIMESTAMP : timestamp, start + 1, 3);
  out.writeUIntBE(data.length, start + 4, 3);
  out[start + 7] = message.type;
  out.writeUInt32LE(message.streamId, start + 8);
  if (extended) out.writeUInt32BE(timestamp, start + FULL_HEADER_BYTES);
  let at = start + FULL_HEADER_BYTES + (extended ? 4 : 0);
  for (let from = 0; from < data.length || from === 0; from += format.chunkBytes) {
    if (from > 0) {
      out[at] = 0xc0 | format.chunkStreamId;
      // Format 3 repeats the extended timestamp, as every common server expects.
      if (extended) out.writeUInt32BE(timestamp, at + 1);
      at += extended ? 5 : 1;
    }
    at += data.copy(out, at, from, Math.min(data.length, from + format.chunkBytes));
  }
  return at;
}

/** The message as chunks, in a buffer of its own. */
export function encodeMessage(message: RtmpMessage, format: ChunkFormat): Buffer {
  const out = Buffer.allocUnsafe(encodedLength(message, format));
  encodeMessageInto(out, 0, message, format);
  return out;
}

import { GatewayError } from '../../domain/errors.ts';
import { EXTENDED_TIMESTAMP, INITIAL_CHUNK_BYTES, type RtmpMessage } from './chunks.ts';

interface ChunkStream {
  timestamp: number;
  delta: number;
  length: number;
  type: number;
  streamId: number;
  extended: boolean;
  parts: Buffer[];
  got: number;
}

/** A chunk's headers as read, before they change their chunk stream. */
interface ChunkHeader {
  readonly format: number;
  readonly bytes: number;
  /** Absolute for format 0, a step for 1 and 2. */
  readonly time: number;
  readonly extended: boolean;
  readonly length: number;
  readonly type: number;
  readonly streamId: number;
}

export interface ChunkReader {
  /** Takes the next bytes; throws `bad-media` on damage and on messages longer than allowed. */
  push(chunk: Buffer): void;
  /** The peer's Set Chunk Size. */
  setChunkBytes(bytes: number): void;
}

export interface ChunkReaderOptions {
  readonly onMessage: (message: RtmpMessage) => void;
  readonly maxMessageBytes: number;
  readonly maxChunkStreams?: number;
}

/** Message header bytes of formats 0 to 3. */
const HEADER_BYTES = [11, 7, 3, 0] as const;
/** No message is longer: a server that names a larger size, as it may, means the same. */
const MAX_CHUNK_BYTES = 0xffffff;
const DEFAULT_MAX_CHUNK_STREAMS = 16;

function damaged(what: string): GatewayError {
  return new GatewayError('bad-media', `bad RTMP: ${what}`, { blame: 'destination' });
}

function newStream(): ChunkStream {
  return { timestamp: 0, delta: 0, length: 0, type: 0, streamId: 0, extended: false, parts: [], got: 0 };
}

function readBasicHeader(buffer: Buffer): { format: number; id: number; bytes: number } | null {
  const first = buffer[0];
  if (first === undefined) return null;
  const format = first >> 6;
  const low = first & 0x3f;
  if (low >= 2) return { format, id: low, bytes: 1 };
  const bytes = low === 0 ? 2 : 3;
  if (buffer.length < bytes) return null;
  const id = 64 + (buffer[1] ?? 0) + (low === 1 ? (buffer[2] ?? 0) * 256 : 0);
  return { format, id, bytes };
}

/** The message header at that place, its gaps filled from the chunk stream; null when it is not whole. */
function readMessageHeader(
  buffer: Buffer,
  at: number,
  format: number,
  stream: ChunkStream,
): ChunkHeader | null {
  const size = HEADER_BYTES[format] ?? 0;
  if (buffer.length < at + size) return null;
  const field = size >= 3 ? buffer.readUIntBE(at, 3) : 0;
  const extended = size >= 3 ? field === EXTENDED_TIMESTAMP : stream.extended;
  const bytes = at + size + (extended ? 4 : 0);
  if (buffer.length < bytes) return null;
  return {
    format,
    bytes,
    time: extended ? buffer.readUInt32BE(at + size) : field,
    extended,
    length: size >= 7 ? buffer.readUIntBE(at + 3, 3) : stream.length,
    type: size >= 7 ? (buffer[at + 6] ?? 0) : stream.type,
    streamId: size === 11 ? buffer.readUInt32LE(at + 7) : stream.streamId,
  };
}

function applyTime(stream: ChunkStream, header: ChunkHeader): void {
  if (header.format === 0) {
    stream.timestamp = header.time;
    stream.delta = 0;
    return;
  }
  if (header.format !== 3) stream.delta = header.time;
  else if (stream.got > 0) return;
  stream.timestamp = (stream.timestamp + stream.delta) >>> 0;
}

function applyHeader(stream: ChunkStream, header: ChunkHeader): void {
  if (header.format !== 3) {
    // A new header in the middle of a message abandons it.
    stream.parts = [];
    stream.got = 0;
  }
  applyTime(stream, header);
  stream.extended = header.extended;
  stream.length = header.length;
  stream.type = header.type;
  stream.streamId = header.streamId;
}

/** Reads RTMP messages from chunks; memory is bounded by message length times chunk streams. */
export function createChunkReader(options: ChunkReaderOptions): ChunkReader {
  const streams = new Map<number, ChunkStream>();
  const maxStreams = options.maxChunkStreams ?? DEFAULT_MAX_CHUNK_STREAMS;
  let chunkBytes = INITIAL_CHUNK_BYTES;
  let rest: Buffer = Buffer.alloc(0);

  function streamOf(id: number): ChunkStream {
    const known = streams.get(id);
    if (known) return known;
    if (streams.size >= maxStreams) throw damaged('too many chunk streams');
    const fresh = newStream();
    streams.set(id, fresh);
    return fresh;
  }

  /** Consumes one whole chunk; returns its bytes, or 0 when more are needed. */
  function readChunk(buffer: Buffer): number {
    const basic = readBasicHeader(buffer);
    if (!basic) return 0;
    const stream = streamOf(basic.id);
    const header = readMessageHeader(buffer, basic.bytes, basic.format, stream);
    if (!header) return 0;
    if (header.length > options.maxMessageBytes) throw damaged('message too long');
    const missing = header.length - (header.format === 3 ? stream.got : 0);
    const whole = header.bytes + Math.min(chunkBytes, missing);
    if (buffer.length < whole) return 0;
    applyHeader(stream, header);
    stream.parts.push(buffer.subarray(header.bytes, whole));
    stream.got += whole - header.bytes;
    if (stream.got >= stream.length) finish(stream);
    return whole;
  }

  function finish(stream: ChunkStream): void {
    const data = Buffer.concat(stream.parts, stream.got);
    stream.parts = [];
    stream.got = 0;
    options.onMessage({ type: stream.type, timestamp: stream.timestamp, streamId: stream.streamId, data });
  }

  return {
    push(chunk) {
      let buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      for (;;) {
        const used = readChunk(buffer);
        if (used === 0) break;
        buffer = buffer.subarray(used);
      }
      rest = buffer;
    },
    setChunkBytes(bytes) {
      if (bytes < 1) throw damaged('bad chunk size');
      chunkBytes = Math.min(bytes, MAX_CHUNK_BYTES);
    },
  };
}

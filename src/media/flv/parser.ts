import { GatewayError } from '../../domain/errors.ts';
import { type FlvTag, TAG_AUDIO, TAG_SCRIPT, TAG_VIDEO } from './tag.ts';
import { FLV_TAG_HEADER_BYTES, FLV_TAG_OVERHEAD_BYTES } from './writer.ts';

export interface FlvParserOptions {
  readonly onTag: (tag: FlvTag) => void;
  /** A longer body is refused as damage; 8 MB by default. */
  readonly maxTagBytes?: number;
}

export interface FlvParser {
  /** Takes the next bytes; tags may share memory with them, nothing else does. Throws `bad-media` on damage. */
  push(chunk: Buffer): void;
  /** Offset in the stream behind the last whole tag (or the file header). */
  wholeBytes(): number;
  /** Bytes of a tag that is not whole yet. */
  pendingBytes(): number;
}

const DEFAULT_MAX_TAG_BYTES = 8 * 1024 * 1024;
const MAX_HEADER_BYTES = 1024;
const FILE_HEADER_BYTES = 9;
const PREVIOUS_TAG_SIZE_BYTES = 4;

function damaged(what: string, offset: number): GatewayError {
  return new GatewayError('bad-media', `not an FLV stream: ${what}`, {
    blame: 'source',
    context: { offset },
  });
}

/** Incremental FLV parser; memory is bounded by one tag. */
export function createFlvParser(options: FlvParserOptions): FlvParser {
  const maxTagBytes = options.maxTagBytes ?? DEFAULT_MAX_TAG_BYTES;
  // Copies of what is not consumed yet; joined only when an element is whole.
  let parts: Buffer[] = [];
  let pending = 0;
  let wanted = FILE_HEADER_BYTES;
  let wholeBytes = 0;
  let headerSeen = false;

  function parseFileHeader(buffer: Buffer, at: number): number {
    if (buffer.toString('latin1', at, at + 3) !== 'FLV') throw damaged('no FLV signature', wholeBytes);
    const size = buffer.readUInt32BE(at + 5);
    if (size < FILE_HEADER_BYTES || size > MAX_HEADER_BYTES) throw damaged('bad header size', wholeBytes);
    const whole = size + PREVIOUS_TAG_SIZE_BYTES;
    if (buffer.length - at < whole) {
      wanted = whole;
      return 0;
    }
    headerSeen = true;
    wholeBytes = whole;
    return whole;
  }

  function parseTag(buffer: Buffer, at: number): number {
    const type = (buffer[at] ?? 0) & 0x1f;
    if (type !== TAG_AUDIO && type !== TAG_VIDEO && type !== TAG_SCRIPT) {
      throw damaged('unknown tag type', wholeBytes);
    }
    const size = buffer.readUIntBE(at + 1, 3);
    if (size > maxTagBytes) throw damaged('tag too long', wholeBytes);
    const whole = size + FLV_TAG_OVERHEAD_BYTES;
    if (buffer.length - at < whole) {
      wanted = whole;
      return 0;
    }
    const trailer = buffer.readUInt32BE(at + FLV_TAG_HEADER_BYTES + size);
    // Some writers leave the trailer zero; anything else that does not match means we lost our place.
    if (trailer !== 0 && trailer !== size + FLV_TAG_HEADER_BYTES) throw damaged('bad tag size', wholeBytes);
    const timestamp = buffer.readUIntBE(at + 4, 3) + (buffer[at + 7] ?? 0) * 0x1000000;
    const start = at + FLV_TAG_HEADER_BYTES;
    wholeBytes += whole;
    options.onTag({ type, timestamp, data: buffer.subarray(start, start + size) });
    return whole;
  }

  /** Bytes of the element at that place, or 0 when it is not whole. */
  function parseNext(buffer: Buffer, at: number): number {
    wanted = headerSeen ? FLV_TAG_HEADER_BYTES : FILE_HEADER_BYTES;
    if (buffer.length - at < wanted) return 0;
    return headerSeen ? parseTag(buffer, at) : parseFileHeader(buffer, at);
  }

  function consume(buffer: Buffer): number {
    let at = 0;
    for (;;) {
      const used = parseNext(buffer, at);
      if (used === 0) return at;
      at += used;
    }
  }

  return {
    push(chunk) {
      if (chunk.length === 0) return;
      pending += chunk.length;
      if (pending < wanted) {
        parts.push(Buffer.from(chunk));
        return;
      }
      const buffer = parts.length === 0 ? chunk : Buffer.concat([...parts, chunk], pending);
      const used = consume(buffer);
      pending = buffer.length - used;
      parts = pending > 0 ? [Buffer.from(buffer.subarray(used))] : [];
    },
    wholeBytes: () => wholeBytes,
    pendingBytes: () => pending,
  };
}

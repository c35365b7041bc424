import { open } from 'node:fs/promises';
import { type FlvTag, TAG_AUDIO, TAG_SCRIPT, TAG_VIDEO } from '../flv/tag.ts';
import { FLV_TAG_HEADER_BYTES, FLV_TAG_OVERHEAD_BYTES } from '../flv/writer.ts';

export const FLV_FILE_HEADER_BYTES = 13;
const CHUNK_BYTES = 1024 * 1024;

export interface TagScan {
  /** Bytes of whole tags, from where the scan began. */
  readonly usedBytes: number;
  /** What follows is no tag of ours, however many bytes came. */
  readonly damaged: boolean;
}

/**
 * Reads whole tags from the start of the buffer. Stricter than the stream parser: our journal always
 * has its trailers, so a zero one is a page that never reached the disk.
 */
export function scanTags(buffer: Buffer, onTag: (tag: FlvTag, usedBytes: number) => void): TagScan {
  let at = 0;
  for (;;) {
    if (buffer.length - at < FLV_TAG_HEADER_BYTES) return { usedBytes: at, damaged: false };
    const type = buffer[at];
    const size = buffer.readUIntBE(at + 1, 3);
    const isTag = type === TAG_AUDIO || type === TAG_VIDEO || type === TAG_SCRIPT;
    if (!isTag || buffer.readUIntBE(at + 8, 3) !== 0) return { usedBytes: at, damaged: true };
    const end = at + FLV_TAG_OVERHEAD_BYTES + size;
    if (buffer.length < end) return { usedBytes: at, damaged: false };
    if (buffer.readUInt32BE(end - 4) !== size + FLV_TAG_HEADER_BYTES) return { usedBytes: at, damaged: true };
    const timestamp = buffer.readUIntBE(at + 4, 3) + (buffer[at + 7] ?? 0) * 0x1000000;
    const data = buffer.subarray(at + FLV_TAG_HEADER_BYTES, end - 4);
    at = end;
    onTag({ type, timestamp, data }, at);
  }
}

export interface PlacedTag {
  readonly tag: FlvTag;
  /** Offset in the file behind this tag. */
  readonly endByte: number;
}

/**
 * The whole tags of a journal in batches of about a megabyte, from a byte that a tag begins at; it ends at
 * the first place that is not a whole tag. Tags share memory with their batch.
 */
export async function* readJournalTags(
  file: string,
  fromByte = FLV_FILE_HEADER_BYTES,
): AsyncGenerator<PlacedTag[], void, undefined> {
  const handle = await open(file, 'r');
  try {
    let rest: Buffer = Buffer.alloc(0);
    let position = fromByte;
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, position + rest.length);
      if (bytesRead === 0) return;
      const buffer = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      const batch: PlacedTag[] = [];
      const base = position;
      const scan = scanTags(buffer, (tag, usedBytes) => batch.push({ tag, endByte: base + usedBytes }));
      position += scan.usedBytes;
      rest = buffer.subarray(scan.usedBytes);
      if (batch.length > 0) yield batch;
      if (scan.damaged) return;
    }
  } finally {
    await handle.close();
  }
}

export interface JournalEnd {
  /** Offset behind the last whole tag. */
  readonly wholeBytes: number;
  /** Latest timestamp among the scanned tags; 0 without any. */
  readonly lastMs: number;
  readonly cutBytes: number;
}

async function findEnd(file: string, fromByte: number): Promise<{ wholeBytes: number; lastMs: number }> {
  let wholeBytes = fromByte;
  let lastMs = 0;
  for await (const batch of readJournalTags(file, fromByte)) {
    for (const { tag, endByte } of batch) {
      wholeBytes = endByte;
      lastMs = Math.max(lastMs, tag.timestamp);
    }
  }
  return { wholeBytes, lastMs };
}

/**
 * Cuts a journal at its last whole tag. `fromByte` is a place thought to be a tag's beginning; where none
 * is found there, the whole file is read.
 */
export async function repairJournal(file: string, fromByte = FLV_FILE_HEADER_BYTES): Promise<JournalEnd> {
  let end = await findEnd(file, fromByte);
  if (end.wholeBytes === fromByte && fromByte > FLV_FILE_HEADER_BYTES) {
    end = await findEnd(file, FLV_FILE_HEADER_BYTES);
  }
  const { wholeBytes, lastMs } = end;
  const handle = await open(file, 'r+');
  try {
    const { size } = await handle.stat();
    if (size > wholeBytes) await handle.truncate(wholeBytes);
    await handle.datasync();
    return { wholeBytes, lastMs, cutBytes: Math.max(0, size - wholeBytes) };
  } finally {
    await handle.close();
  }
}

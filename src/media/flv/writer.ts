import type { FlvTag } from './tag.ts';

export const FLV_TAG_HEADER_BYTES = 11;
/** Tag header and the PreviousTagSize behind the body. */
export const FLV_TAG_OVERHEAD_BYTES = FLV_TAG_HEADER_BYTES + 4;

/** FLV file header with the first (zero) PreviousTagSize: 13 bytes. */
export function flvHeader(tracks: { audio: boolean; video: boolean } = { audio: true, video: true }): Buffer {
  const flags = (tracks.audio ? 4 : 0) | (tracks.video ? 1 : 0);
  return Buffer.from([0x46, 0x4c, 0x56, 1, flags, 0, 0, 0, 9, 0, 0, 0, 0]);
}

/** One tag as it stands in an FLV stream: header, body, PreviousTagSize. */
export function encodeFlvTag(tag: FlvTag): Buffer {
  const size = tag.data.length;
  const out = Buffer.allocUnsafe(size + FLV_TAG_OVERHEAD_BYTES);
  out[0] = tag.type;
  out.writeUIntBE(size, 1, 3);
  // The lower 24 bits come first, then the upper 8.
  out.writeUIntBE(tag.timestamp & 0xffffff, 4, 3);
  out[7] = tag.timestamp >>> 24;
  out.writeUIntBE(0, 8, 3);
  tag.data.copy(out, FLV_TAG_HEADER_BYTES);
  out.writeUInt32BE(size + FLV_TAG_HEADER_BYTES, FLV_TAG_HEADER_BYTES + size);
  return out;
}

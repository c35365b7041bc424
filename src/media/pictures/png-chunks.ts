const SIGNATURE_BYTES = 8;
/** Length and type in front of a chunk's content, a checksum behind it. */
const HEAD_BYTES = 8;
const CHECKSUM_BYTES = 4;
/** Texts and a colour profile, which FFmpeg unpacks in full: a few of 300 kB are gigabytes. */
const PACKED = new Set(['zTXt', 'iTXt', 'iCCP']);
const LAST = 'IEND';

/** A png as far as it is whole, without the chunks that are packed and not its picture. */
export function withoutPackedChunks(png: Buffer): Buffer {
  const kept = [png.subarray(0, SIGNATURE_BYTES)];
  for (let at = SIGNATURE_BYTES; at + HEAD_BYTES <= png.length; ) {
    const type = png.toString('latin1', at + 4, at + HEAD_BYTES);
    const end = at + HEAD_BYTES + png.readUInt32BE(at) + CHECKSUM_BYTES;
    if (end > png.length) break;
    if (!PACKED.has(type)) kept.push(png.subarray(at, end));
    if (type === LAST) break;
    at = end;
  }
  return Buffer.concat(kept);
}

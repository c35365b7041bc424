/** Parts of a box: bytes, or numbers as 32 bit. */
type Part = Buffer | number;

const MATRIX = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000];

export function u16(...values: readonly number[]): Buffer {
  const out = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) out.writeUInt16BE(value, index * 2);
  return out;
}

export function u32(...values: readonly number[]): Buffer {
  const out = Buffer.alloc(values.length * 4);
  // `>>> 0` also takes the negative numbers that some fields have.
  for (const [index, value] of values.entries()) out.writeUInt32BE(value >>> 0, index * 4);
  return out;
}

export function u64(value: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64BE(BigInt(value));
  return out;
}

/** An ISO base media box (ISO 14496-12) below 4 GB. */
export function box(type: string, ...parts: readonly Part[]): Buffer {
  const bytes = parts.map((part) => (typeof part === 'number' ? u32(part) : part));
  const size = bytes.reduce((sum, part) => sum + part.length, 8);
  return Buffer.concat([u32(size), Buffer.from(type, 'latin1'), ...bytes]);
}

/** A box with version and flags. */
export function fullBox(type: string, version: number, flags: number, ...parts: readonly Part[]): Buffer {
  return box(type, u32(version * 0x1000000 + flags), ...parts);
}

/** Presentation matrix of a picture that is not turned. */
export function identityMatrix(): Buffer {
  return u32(...MATRIX);
}

/** Tables carry their number of entries first. */
export function tableBox(type: string, version: number, count: number, entries: Buffer): Buffer {
  return fullBox(type, version, 0, count, entries);
}

function descriptor(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  // The four-byte form of the length, as every muxer writes it.
  const length = [body.length >> 21, body.length >> 14, body.length >> 7].map((bits) => (bits & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([tag, ...length, body.length & 0x7f]), body]);
}

/** Sample entry of AAC with its AudioSpecificConfig (ISO 14496-14, 5.6). */
export function aacEntry(config: {
  readonly sampleRate: number;
  readonly channels: number;
  readonly description: Uint8Array;
}): Buffer {
  const decoder = descriptor(
    4,
    Buffer.from([0x40, 0x15, 0, 0, 0]),
    u32(0, 0),
    descriptor(5, Buffer.from(config.description)),
  );
  const stream = descriptor(3, u16(0), Buffer.from([0]), decoder, descriptor(6, Buffer.from([2])));
  // The field has 16 bits before the point; a higher rate stands in the configuration alone.
  const rate = config.sampleRate <= 0xffff ? config.sampleRate : 0;
  const fixed = Buffer.concat([u32(0), u16(0, 1), u32(0, 0), u16(config.channels, 16, 0, 0), u16(rate, 0)]);
  return box('mp4a', fixed, fullBox('esds', 0, 0, stream));
}

/** Sample entry of H.264 with its AVCDecoderConfigurationRecord (ISO 14496-15, 5.4). */
export function avcEntry(config: {
  readonly width: number;
  readonly height: number;
  readonly description: Uint8Array;
}): Buffer {
  const name = Buffer.alloc(32);
  const before = Buffer.concat([u32(0), u16(0, 1), Buffer.alloc(16), u16(config.width, config.height)]);
  const after = Buffer.concat([u32(0x480000, 0x480000, 0), u16(1), name, u16(24, 0xffff)]);
  return box('avc1', before, after, box('avcC', Buffer.from(config.description)));
}

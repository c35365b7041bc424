import { GatewayError } from '../../domain/errors.ts';
import { BitReader, withoutEmulation } from './bits.ts';
import { shownSize } from './shown-size.ts';

/** What a muxer must know of an H.265 stream, read from its HEVCDecoderConfigurationRecord. */
export interface HevcConfig {
  /** RFC 6381: `hvc1.1.6.L93.90`. */
  readonly codec: string;
  /** Pixels shown, after cropping. */
  readonly width: number;
  readonly height: number;
  /** Pictures that may be decoded before one that is shown ahead of them. */
  readonly reorder: number;
  /** The record itself. */
  readonly description: Uint8Array;
}

const SPS = 33;
const ARRAYS_AT = 22;
const NAL_HEADER_BYTES = 2;
/** Profile, compatibility and constraints of a layer; its level has 8 bits more. */
const PROFILE_BITS = 88;
const LEVEL_BITS = 8;
const MAX_SUB_LAYERS = 8;
/** ITU-T H.265, A.4.2: the decoded picture buffer holds no more. */
const MAX_REORDER = 16;

function skip(reader: BitReader, bits: number): void {
  for (let left = bits; left > 0; left -= 1) reader.bit();
}

/** ITU-T H.265, 7.3.3. */
function skipProfileTierLevel(reader: BitReader, subLayers: number): void {
  skip(reader, PROFILE_BITS + LEVEL_BITS);
  const present = Array.from({ length: subLayers }, () => ({ profile: reader.bit(), level: reader.bit() }));
  if (subLayers > 0) skip(reader, 2 * (MAX_SUB_LAYERS - subLayers));
  for (const { profile, level } of present) skip(reader, profile * PROFILE_BITS + level * LEVEL_BITS);
}

function readCrop(reader: BitReader): readonly [number, number, number, number] {
  if (reader.bit() === 0) return [0, 0, 0, 0];
  return [reader.unsigned(), reader.unsigned(), reader.unsigned(), reader.unsigned()];
}

/** Up to the reorder depths (ITU-T H.265, 7.3.2.2); the last one is that of the whole stream. */
function readSps(sps: Uint8Array): Pick<HevcConfig, 'width' | 'height' | 'reorder'> {
  const reader = new BitReader(withoutEmulation(sps.subarray(NAL_HEADER_BYTES)));
  skip(reader, 4);
  const subLayers = reader.bits(3);
  skip(reader, 1);
  skipProfileTierLevel(reader, subLayers);
  reader.unsigned();
  const chroma = reader.unsigned();
  if (chroma === 3) skip(reader, 1);
  const codedWidth = reader.unsigned();
  const codedHeight = reader.unsigned();
  const [left, right, top, bottom] = readCrop(reader);
  reader.unsigned();
  reader.unsigned();
  reader.unsigned();
  let reorder = 0;
  for (let layer = reader.bit() === 1 ? 0 : subLayers; layer <= subLayers; layer += 1) {
    reader.unsigned();
    reorder = reader.unsigned();
    reader.unsigned();
  }
  if (reorder > MAX_REORDER) throw new RangeError('too many pictures ahead');
  const width = codedWidth - (left + right) * (chroma === 1 || chroma === 2 ? 2 : 1);
  const height = codedHeight - (top + bottom) * (chroma === 1 ? 2 : 1);
  return { ...shownSize(width, height), reorder };
}

/** The first sequence parameter set of the record. */
function findSps(record: Buffer): Buffer {
  let at = ARRAYS_AT + 1;
  for (let arrays = record[ARRAYS_AT] ?? 0; arrays > 0; arrays -= 1) {
    const type = (record[at] ?? 0) & 0x3f;
    const count = record.readUInt16BE(at + 1);
    at += 3;
    for (let nal = 0; nal < count; nal += 1) {
      const length = record.readUInt16BE(at);
      if (type === SPS) return record.subarray(at + 2, at + 2 + length);
      at += 2 + length;
    }
  }
  throw new RangeError('no parameter set');
}

/** ISO 14496-15, annex E.3: profile, compatibility (bits reversed), tier and level, constraints without zeros. */
function codecOf(record: Buffer): string {
  const profile = record[1] ?? 0;
  const space = ['', 'A', 'B', 'C'][profile >> 6];
  const tier = profile & 0x20 ? 'H' : 'L';
  let compatibility = 0;
  for (let bit = 0; bit < 32; bit += 1)
    compatibility = compatibility * 2 + ((record.readUInt32BE(2) >>> bit) & 1);
  const constraints = [...record.subarray(6, 12)];
  while (constraints.at(-1) === 0) constraints.pop();
  const parts = [`hvc1.${space}${profile & 0x1f}`, compatibility.toString(16), `${tier}${record[12] ?? 0}`];
  return [...parts, ...constraints.map((byte) => byte.toString(16))].join('.');
}

/** Reads an HEVCDecoderConfigurationRecord; throws `bad-media` when it is none. */
export function parseHevcConfig(bytes: Uint8Array): HevcConfig {
  const record = Buffer.from(bytes);
  try {
    if (record[0] !== 1) throw new RangeError('unknown version');
    return { codec: codecOf(record), ...readSps(findSps(record)), description: record };
  } catch (cause) {
    throw new GatewayError('bad-media', 'the H.265 configuration cannot be read', {
      blame: 'source',
      retry: 'never',
      cause,
    });
  }
}

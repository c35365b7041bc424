import { GatewayError } from '../../domain/errors.ts';
import { BitReader, withoutEmulation } from './bits.ts';
import { shownSize } from './shown-size.ts';

/** What a muxer must know of an H.264 stream, read from its AVCDecoderConfigurationRecord. */
export interface AvcConfig {
  /** RFC 6381: `avc1.64001f`. */
  readonly codec: string;
  /** Pixels shown, after cropping. */
  readonly width: number;
  readonly height: number;
  /** The record itself. */
  readonly description: Uint8Array;
}

/** Profiles whose SPS carries chroma format and scaling matrices (ITU-T H.264, 7.3.2.1.1). */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

function skipScalingList(reader: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let i = 0; i < size; i += 1) {
    if (next !== 0) next = (last + reader.signed() + 256) % 256;
    if (next !== 0) last = next;
  }
}

/** Reads the chroma part of a high profile; returns chroma_format_idc. */
function readChroma(reader: BitReader): number {
  const format = reader.unsigned();
  if (format === 3) reader.bit();
  reader.unsigned();
  reader.unsigned();
  reader.bit();
  if (reader.bit() === 1) {
    const lists = format === 3 ? 12 : 8;
    for (let i = 0; i < lists; i += 1) {
      if (reader.bit() === 1) skipScalingList(reader, i < 6 ? 16 : 64);
    }
  }
  return format;
}

function skipPictureOrder(reader: BitReader): void {
  const type = reader.unsigned();
  if (type === 0) reader.unsigned();
  if (type !== 1) return;
  reader.bit();
  reader.signed();
  reader.signed();
  const cycle = reader.unsigned();
  for (let i = 0; i < cycle; i += 1) reader.signed();
}

/** Width and height in shown pixels of a sequence parameter set (with its NAL header byte). */
export function readSpsSize(sps: Uint8Array): { readonly width: number; readonly height: number } {
  const reader = new BitReader(withoutEmulation(sps.subarray(1)));
  const profile = reader.bits(8);
  reader.bits(16);
  reader.unsigned();
  const chroma = HIGH_PROFILES.has(profile) ? readChroma(reader) : 1;
  reader.unsigned();
  skipPictureOrder(reader);
  reader.unsigned();
  reader.bit();
  const columns = reader.unsigned() + 1;
  const mapRows = reader.unsigned() + 1;
  const framesOnly = reader.bit();
  if (framesOnly === 0) reader.bit();
  reader.bit();
  const crop = reader.bit() === 1 ? [0, 0, 0, 0].map(() => reader.unsigned()) : [0, 0, 0, 0];
  const [left = 0, right = 0, top = 0, bottom = 0] = crop;
  const unitX = chroma === 1 || chroma === 2 ? 2 : 1;
  const unitY = (chroma === 1 ? 2 : 1) * (2 - framesOnly);
  return shownSize(
    columns * 16 - (left + right) * unitX,
    mapRows * (2 - framesOnly) * 16 - (top + bottom) * unitY,
  );
}

/** Reads an AVCDecoderConfigurationRecord; throws `bad-media` when it is none. */
export function parseAvcConfig(record: Uint8Array): AvcConfig {
  try {
    const spsLength = ((record[6] ?? 0) << 8) | (record[7] ?? 0);
    const sps = record.subarray(8, 8 + spsLength);
    if (record[0] !== 1 || ((record[5] ?? 0) & 0x1f) === 0 || sps.length !== spsLength || spsLength < 4) {
      throw new RangeError('no parameter set');
    }
    const profile = Buffer.from(record.subarray(1, 4)).toString('hex');
    return { codec: `avc1.${profile}`, ...readSpsSize(sps), description: Uint8Array.from(record) };
  } catch (cause) {
    throw new GatewayError('bad-media', 'the H.264 configuration cannot be read', {
      blame: 'source',
      retry: 'never',
      cause,
    });
  }
}

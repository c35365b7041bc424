import { type FlvTag, isMedia, isSequenceHeader, TAG_VIDEO, videoCodec } from './tag.ts';

/** What an encoder may have in front of a picture's first slice: anything but slices (ITU-T H.264, 7.4.1.2.3). */
const FIRST_SLICE = 1;
const LAST_SLICE = 5;
const NAL_SEI = 6;
/** Frame type and codec, packet type, composition time. */
const TAG_HEAD = 5;
/** Of the length size in an AVC sequence header, behind the tag's head. */
const LENGTH_SIZE_AT = TAG_HEAD + 4;
const STOP_BIT = 0x80;

/** Types and sizes from 255 on are written as that many bytes 255 and the rest. */
function inBytes(value: number): number[] {
  return [...Array<number>(Math.floor(value / 255)).fill(255), value % 255];
}

/** A decoder takes 0 0 1 for the begin of a unit: a 3 keeps such bytes apart. */
function protect(body: Uint8Array): Buffer {
  const out: number[] = [];
  let zeros = 0;
  for (const byte of body) {
    if (zeros === 2 && byte <= 3) {
      out.push(3);
      zeros = 0;
    }
    out.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Buffer.from(out);
}

/** A whole SEI unit with one message, without its length. */
export function seiUnit(payloadType: number, payload: Uint8Array): Buffer {
  const message = [...inBytes(payloadType), ...inBytes(payload.length), ...payload, STOP_BIT];
  return Buffer.concat([Buffer.from([NAL_SEI]), protect(Uint8Array.from(message))]);
}

/** Bytes of the length in front of each unit, as an H.264 sequence header says it; null for every other tag. */
export function unitLengthSize(tag: FlvTag): number | null {
  if (tag.type !== TAG_VIDEO || videoCodec(tag) !== 'avc1' || !isSequenceHeader(tag)) return null;
  return ((tag.data[LENGTH_SIZE_AT] ?? 3) & 3) + 1;
}

function withLength(unit: Buffer, lengthSize: number): Buffer {
  const length = Buffer.alloc(lengthSize);
  length.writeUIntBE(unit.length, 0, lengthSize);
  return Buffer.concat([length, unit]);
}

/** Where the first slice begins with its length; null when there is none. */
function findSlice(data: Buffer, lengthSize: number): number | null {
  for (let at = TAG_HEAD; at + lengthSize < data.length; ) {
    const type = (data[at + lengthSize] ?? 0) & 0x1f;
    if (type >= FIRST_SLICE && type <= LAST_SLICE) return at;
    at += lengthSize + data.readUIntBE(at, lengthSize);
  }
  return null;
}

/** The H.264 picture with these units in front of its first slice, behind what stands there already. */
export function insertUnits(tag: FlvTag, units: readonly Buffer[], lengthSize: number): FlvTag {
  const at = isMedia(tag) && tag.type === TAG_VIDEO ? findSlice(tag.data, lengthSize) : null;
  if (at === null || units.length === 0) return tag;
  const inserted = units.map((unit) => withLength(unit, lengthSize));
  return { ...tag, data: Buffer.concat([tag.data.subarray(0, at), ...inserted, tag.data.subarray(at)]) };
}

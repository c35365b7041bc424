import type { FlvTag } from '../../src/media/flv/tag.ts';
import { isKeyFrame, isMedia, TAG_VIDEO } from '../../src/media/flv/tag.ts';

export interface SeiMessage {
  /** Of the picture. */
  readonly timestamp: number;
  readonly isKey: boolean;
  readonly payloadType: number;
  readonly payload: Buffer;
}

/** Types of the units of an H.264 picture whose lengths have four bytes, with their bytes. */
export function unitsOf(data: Buffer): { readonly type: number; readonly bytes: Buffer }[] {
  const units = [];
  for (let at = 5; at < data.length; ) {
    const end = at + 4 + data.readUInt32BE(at);
    units.push({ type: data.readUInt8(at + 4) & 31, bytes: data.subarray(at + 4, end) });
    at = end;
  }
  return units;
}

/** Reads the messages of one SEI unit as a decoder does. */
export function readSei(unit: Buffer): { payloadType: number; payload: Buffer }[] {
  const body = Buffer.from(unit.subarray(1).toString('latin1').replaceAll('\0\0\x03', '\0\0'), 'latin1');
  const messages = [];
  let at = 0;
  const number = (): number => {
    let value = 0;
    while (body.readUInt8(at) === 255) {
      value += 255;
      at += 1;
    }
    value += body.readUInt8(at);
    at += 1;
    return value;
  };
  while (body.length - at > 1) {
    const payloadType = number();
    const size = number();
    messages.push({ payloadType, payload: body.subarray(at, at + size) });
    at += size;
  }
  if (body.readUInt8(at) !== 0x80) throw new Error('the unit does not end with its stop bit');
  return messages;
}

/** All SEI messages of a stream, which must stand in front of the slices of their picture. */
export function seiMessages(tags: readonly FlvTag[]): SeiMessage[] {
  return tags
    .filter((tag) => tag.type === TAG_VIDEO && isMedia(tag))
    .flatMap((tag) => {
      const units = unitsOf(tag.data);
      const slice = units.findIndex(({ type }) => type === 1 || type === 5);
      if (units.slice(slice).some(({ type }) => type === 6)) throw new Error('SEI behind a slice');
      return units
        .filter(({ type }) => type === 6)
        .flatMap(({ bytes }) => readSei(bytes))
        .map((message) => ({ timestamp: tag.timestamp, isKey: isKeyFrame(tag), ...message }));
    });
}

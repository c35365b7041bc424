import { type AmfValue, encodeAmf } from './amf.ts';
import { type FlvTag, TAG_SCRIPT } from './tag.ts';

/** Marks the hub writes into the FLV it gives to workers (never to viewers). */
export const MARK_LIVE = 'roomcastLive';
export const MARK_END = 'roomcastEnd';
export const MARK_START = 'roomcastStart';
export type StreamMark = typeof MARK_LIVE | typeof MARK_END | typeof MARK_START;

const STRING_MARKER = 2;
const MAX_NAME_BYTES = 64;

/** A script tag: its name, then its values. */
export function scriptTag(name: string, values: readonly AmfValue[] = [], timestamp = 0): FlvTag {
  return { type: TAG_SCRIPT, timestamp, data: encodeAmf([name, ...values]) };
}

/** The name a script tag begins with (`onMetaData`), or null when it is none. */
export function scriptName(tag: FlvTag): string | null {
  const { data } = tag;
  if (tag.type !== TAG_SCRIPT || data.length < 3 || data[0] !== STRING_MARKER) return null;
  const length = data.readUInt16BE(1);
  if (length > MAX_NAME_BYTES || data.length < 3 + length) return null;
  return data.toString('utf8', 3, 3 + length);
}

/** Which of the hub's marks the tag is, or null. */
export function streamMark(tag: FlvTag): StreamMark | null {
  const name = scriptName(tag);
  return name === MARK_LIVE || name === MARK_END || name === MARK_START ? name : null;
}

/** FLV tag types: sound, picture, script data. */
export const TAG_AUDIO = 8;
export const TAG_VIDEO = 9;
export const TAG_SCRIPT = 18;

/** One FLV tag body: what RTMP carries as a message and FLV as a tag. Timestamp in ms, unsigned 32 bit. */
export interface FlvTag {
  readonly type: 8 | 9 | 18;
  readonly timestamp: number;
  readonly data: Buffer;
}

/** The tag with a copy of its data: for who keeps one that shares memory with others. */
export function ownTag(tag: FlvTag): FlvTag {
  return { ...tag, data: Buffer.from(tag.data) };
}

const CODEC_AVC = 7;
const CODEC_AAC = 10;
const AUDIO_EX_HEADER = 9;
const FRAME_KEY = 1;

const CODED_FRAMES = 1;
/** Of enhanced picture tags these alone carry a composition offset. */
const WITH_OFFSET = new Set(['avc1', 'hvc1']);
/** Frame type or sound format, and packet type. */
const CLASSIC_VIDEO_BYTES = 2;
const OFFSET_BYTES = 3;
const CLASSIC_AUDIO_BYTES = 2;
/** Enhanced RTMP: one byte of flags, four characters that name the codec. */
const ENHANCED_BYTES = 5;

/** Enhanced RTMP marks picture tags by the top bit, sound by a format of its own. */
export function isEnhanced(tag: FlvTag): boolean {
  const first = tag.data[0] ?? 0;
  if (tag.type === TAG_VIDEO) return (first & 0x80) !== 0;
  return tag.type === TAG_AUDIO && first >> 4 === AUDIO_EX_HEADER;
}

function hasOffset(tag: FlvTag): boolean {
  if (!isEnhanced(tag)) return videoCodec(tag) === 'avc1';
  return ((tag.data[0] ?? 0) & 0x0f) === CODED_FRAMES && WITH_OFFSET.has(videoCodec(tag));
}

/** Codec configuration or coded frame of an H.264, H.265, AV1, VP9 or AAC tag. */
export function payloadOf(tag: FlvTag): Buffer {
  if (tag.type !== TAG_VIDEO)
    return tag.data.subarray(isEnhanced(tag) ? ENHANCED_BYTES : CLASSIC_AUDIO_BYTES);
  const prefix = isEnhanced(tag) ? ENHANCED_BYTES : CLASSIC_VIDEO_BYTES;
  return tag.data.subarray(prefix + (hasOffset(tag) ? OFFSET_BYTES : 0));
}

/** `avc1`, the four characters of an enhanced tag, or `codec-N`. */
export function videoCodec(tag: FlvTag): string {
  if (isEnhanced(tag)) return tag.data.toString('latin1', 1, 5);
  const id = (tag.data[0] ?? 0) & 0x0f;
  return id === CODEC_AVC ? 'avc1' : `codec-${id}`;
}

/** `mp4a`, the four characters of an enhanced tag, or `codec-N`. */
export function audioCodec(tag: FlvTag): string {
  const id = (tag.data[0] ?? 0) >> 4;
  if (id === CODEC_AAC) return 'mp4a';
  return id === AUDIO_EX_HEADER ? tag.data.toString('latin1', 1, 5) : `codec-${id}`;
}

/** Decoder configuration (AVCC, AudioSpecificConfig ...), needed before any frame of its track. */
export function isSequenceHeader(tag: FlvTag): boolean {
  const first = tag.data[0] ?? 0;
  if (tag.type === TAG_VIDEO) {
    if (first & 0x80) return (first & 0x0f) === 0;
    return (first & 0x0f) === CODEC_AVC && tag.data[1] === 0;
  }
  if (tag.type === TAG_AUDIO) {
    const id = first >> 4;
    if (id === CODEC_AAC) return tag.data[1] === 0;
    return id === AUDIO_EX_HEADER && (first & 0x0f) === 0;
  }
  return false;
}

/** A coded picture from which decoding can begin; sequence headers are not frames. */
export function isKeyFrame(tag: FlvTag): boolean {
  if (tag.type !== TAG_VIDEO || isSequenceHeader(tag)) return false;
  return (((tag.data[0] ?? 0) >> 4) & 0x07) === FRAME_KEY;
}

/** A coded frame of sound or picture (neither header nor script data nor end of sequence). */
export function isMedia(tag: FlvTag): boolean {
  if (tag.type === TAG_SCRIPT || isSequenceHeader(tag)) return false;
  const first = tag.data[0] ?? 0;
  if (tag.type === TAG_AUDIO) return !isEnhanced(tag) || (first & 0x0f) === CODED_FRAMES;
  if (first & 0x80) return (first & 0x0f) === 1 || (first & 0x0f) === 3;
  return (first & 0x0f) !== CODEC_AVC || tag.data[1] === 1;
}

/** Composition offset in ms (pts - dts) of a picture tag; 0 for everything else. */
export function compositionTime(tag: FlvTag): number {
  if (tag.type !== TAG_VIDEO || isSequenceHeader(tag) || !hasOffset(tag)) return 0;
  const at = isEnhanced(tag) ? ENHANCED_BYTES : CLASSIC_VIDEO_BYTES;
  return tag.data.length >= at + OFFSET_BYTES ? tag.data.readIntBE(at, OFFSET_BYTES) : 0;
}

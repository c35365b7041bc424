import { encodeAmf } from '../flv/amf.ts';
import { scriptName } from '../flv/script.ts';
import { type FlvTag, TAG_AUDIO, TAG_SCRIPT, TAG_VIDEO } from '../flv/tag.ts';
import { encodedLength, encodeMessage, encodeMessageInto, type RtmpMessage } from './chunks.ts';
import { SEND_CHUNK_BYTES } from './session.ts';

const FORMATS = {
  [TAG_AUDIO]: { chunkStreamId: 4, chunkBytes: SEND_CHUNK_BYTES },
  [TAG_SCRIPT]: { chunkStreamId: 5, chunkBytes: SEND_CHUNK_BYTES },
  [TAG_VIDEO]: { chunkStreamId: 6, chunkBytes: SEND_CHUNK_BYTES },
} as const;

/** The RTMP message that carries a tag; metadata goes as @setDataFrame, so that servers keep it. */
function mediaMessage(tag: FlvTag, streamId: number): RtmpMessage {
  const { type, timestamp } = tag;
  const isMetadata = type === TAG_SCRIPT && scriptName(tag) === 'onMetaData';
  const data = isMetadata ? Buffer.concat([encodeAmf(['@setDataFrame']), tag.data]) : tag.data;
  return { type, timestamp, streamId, data };
}

/** A tag in chunks. */
export function encodeMediaMessage(tag: FlvTag, messageStreamId: number): Buffer {
  return encodeMessage(mediaMessage(tag, messageStreamId), FORMATS[tag.type]);
}

/** Tags in chunks, one behind the other, in memory of the caller's choice: each is copied once. */
export function encodeMediaMessages(
  tags: readonly FlvTag[],
  messageStreamId: number,
  allocate: (length: number) => Buffer = Buffer.allocUnsafeSlow,
): Buffer {
  let length = 0;
  const messages = tags.map((tag) => {
    const message = mediaMessage(tag, messageStreamId);
    length += encodedLength(message, FORMATS[tag.type]);
    return message;
  });
  const out = allocate(length);
  let at = 0;
  for (const [index, tag] of tags.entries()) {
    const message = messages[index];
    if (message) at = encodeMessageInto(out, at, message, FORMATS[tag.type]);
  }
  return out;
}

/** The chunked forms of a stream's tags, built once and shared by all publishers that send the same tag objects. */
export interface MessageCache {
  encode(tag: FlvTag, messageStreamId: number): Buffer;
  /** The parts as one buffer; the same parts in a row give the same buffer. */
  join(parts: readonly Buffer[]): Buffer;
}

export function createMessageCache(): MessageCache {
  // By message stream: servers number theirs as they like, most alike.
  const encoded = new WeakMap<FlvTag, Map<number, Buffer>>();
  let last: { parts: readonly Buffer[]; bytes: Buffer } | null = null;
  return {
    encode(tag, messageStreamId) {
      const forms = encoded.get(tag) ?? new Map<number, Buffer>();
      const known = forms.get(messageStreamId);
      if (known) return known;
      const bytes = encodeMediaMessage(tag, messageStreamId);
      encoded.set(tag, forms.set(messageStreamId, bytes));
      return bytes;
    },
    join(parts) {
      const same = last !== null && last.parts.length === parts.length;
      if (same && last?.parts.every((part, index) => part === parts[index])) return last.bytes;
      last = { parts, bytes: Buffer.concat(parts) };
      return last.bytes;
    },
  };
}

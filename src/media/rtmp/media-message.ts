import { encodeAmf } from '../flv/amf.ts';
import { scriptName } from '../flv/script.ts';
import { type FlvTag, TAG_AUDIO, TAG_SCRIPT, TAG_VIDEO } from '../flv/tag.ts';
import { encodeMessage } from './chunks.ts';
import { SEND_CHUNK_BYTES } from './session.ts';

const CHUNK_STREAM = { [TAG_AUDIO]: 4, [TAG_VIDEO]: 6, [TAG_SCRIPT]: 5 } as const;

/** A tag as the RTMP message that carries it, in chunks; metadata goes as @setDataFrame, so that servers keep it. */
export function encodeMediaMessage(tag: FlvTag, messageStreamId: number): Buffer {
  const isMetadata = scriptName(tag) === 'onMetaData';
  const data = isMetadata ? Buffer.concat([encodeAmf(['@setDataFrame']), tag.data]) : tag.data;
  return encodeMessage(
    { type: tag.type, timestamp: tag.timestamp, streamId: messageStreamId, data },
    { chunkStreamId: CHUNK_STREAM[tag.type], chunkBytes: SEND_CHUNK_BYTES },
  );
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

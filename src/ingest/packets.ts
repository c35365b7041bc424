import type { NmsPacket } from 'node-media-server/src/session/rtmp_session.js';
import type { Tracks } from '../domain/tracks.ts';

/** What a tag is to a cache or to a viewer that skips frames. */
export type MediaRole =
  | 'audio-header'
  | 'audio'
  | 'video-header'
  | 'key'
  | 'delta'
  | 'script'
  | 'end'
  | 'other';

const AUDIO = 8;
const VIDEO = 9;
const DATA_AMF3 = 15;
const SCRIPT = 18;
const CODEC_AVC = 7;
const CODEC_AAC = 10;
const AUDIO_EX_HEADER = 9;
const FRAME_KEY = 1;
const FRAME_COMMAND = 5;
const MIN_AVC_BYTES = 5;

function videoRole(first: number, second: number): MediaRole {
  const frame = (first >> 4) & 0x07;
  const isEnhanced = (first & 0x80) !== 0;
  const packetType = isEnhanced ? first & 0x0f : second;
  if (!isEnhanced && frame === FRAME_COMMAND) return 'other';
  if (!isEnhanced && (first & 0x0f) !== CODEC_AVC) return frame === FRAME_KEY ? 'key' : 'delta';
  if (packetType === 0) return 'video-header';
  if (packetType === 2) return 'end';
  if (packetType !== 1 && packetType !== 3) return 'other';
  return frame === FRAME_KEY ? 'key' : 'delta';
}

function audioRole(first: number, second: number): MediaRole {
  const codec = first >> 4;
  if (codec === CODEC_AAC) return second === 0 ? 'audio-header' : 'audio';
  if (codec !== AUDIO_EX_HEADER) return 'audio';
  const packetType = first & 0x0f;
  if (packetType === 0) return 'audio-header';
  if (packetType === 2) return 'end';
  return packetType === 1 ? 'audio' : 'other';
}

/** By tag type and the first two bytes of the body. */
export function mediaRole(type: number, first: number, second: number): MediaRole {
  if (type === VIDEO) return videoRole(first, second);
  if (type === AUDIO) return audioRole(first, second);
  return type === SCRIPT ? 'script' : 'other';
}

/** The packet is of a track that may be sent; data belongs to none. */
export function isOfTracks({ codec_type: type }: NmsPacket, tracks: Tracks): boolean {
  if (type === AUDIO) return tracks.audio;
  return type !== VIDEO || tracks.video;
}

/** The AMF0 string a script body begins with, or ''. */
export function scriptName(body: Buffer): string {
  if (body.length < 3 || body[0] !== 2) return '';
  return body.toString('latin1', 3, Math.min(3 + body.readUInt16BE(1), body.length));
}

// node-media-server's own cache classes; 7 is none of them: passed on, not kept.
export const NMS_FLAGS: Readonly<Record<MediaRole, number>> = {
  'audio-header': 0,
  audio: 1,
  'video-header': 2,
  key: 3,
  delta: 4,
  script: 7,
  other: 7,
  end: 7,
};
export const NMS_METADATA = 5;
const SET_DATA_FRAME = '@setDataFrame';
/** Script names of the hub itself: a publisher may not speak for it. */
const OWN_PREFIX = 'roomcast';

function prepareScript(packet: NmsPacket): NmsPacket | null {
  let body = packet.data;
  if (scriptName(body) === SET_DATA_FRAME) body = body.subarray(3 + SET_DATA_FRAME.length);
  const name = scriptName(body);
  if (name === '' || name.startsWith(OWN_PREFIX)) return null;
  const flags = name === 'onMetaData' ? NMS_METADATA : NMS_FLAGS.script;
  return { ...packet, codec_type: SCRIPT, data: body, size: body.length, flags };
}

/**
 * The packet as it may be distributed, or null when it carries nothing. node-media-server takes enhanced
 * H.264 and AMF3 data for audio headers and an end of sequence for a key frame, and damages empty messages.
 */
export function preparePacket(packet: NmsPacket): NmsPacket | null {
  const data = packet.data.subarray(0, packet.size);
  if (packet.codec_type === DATA_AMF3) return prepareScript({ ...packet, data: data.subarray(1) });
  if (packet.codec_type === SCRIPT) return prepareScript({ ...packet, data });
  const [first = 0, second = 0] = data;
  const role = mediaRole(packet.codec_type, first, second);
  if (data.length < 2 || role === 'end') return null;
  if (packet.codec_type === VIDEO && data.length < MIN_AVC_BYTES) return null;
  return { ...packet, data, flags: NMS_FLAGS[role] };
}

/** An FLV script tag whose body is one AMF0 string. */
export function markerTag(name: string, timestamp: number): Buffer {
  const bodyBytes = 3 + name.length;
  const tag = Buffer.alloc(11 + bodyBytes + 4);
  tag[0] = SCRIPT;
  tag.writeUIntBE(bodyBytes, 1, 3);
  tag.writeUIntBE(timestamp & 0xffffff, 4, 3);
  tag[7] = timestamp >>> 24;
  tag[11] = 2;
  tag.writeUInt16BE(name.length, 12);
  tag.write(name, 14, 'latin1');
  tag.writeUInt32BE(11 + bodyBytes, 11 + bodyBytes);
  return tag;
}

import type { NmsPacket } from 'node-media-server/src/session/rtmp_session.js';
import type { Blocked } from '../domain/room-event.ts';
import { parseAacConfig } from '../media/flv/aac-config.ts';
import { parseAvcConfig } from '../media/flv/avc-config.ts';
import { GreyPicture } from '../media/flv/grey-picture.ts';
import { silentAacFrame } from '../media/flv/silent-aac.ts';
import { audioCodec, type FlvTag, isEnhanced, payloadOf, videoCodec } from '../media/flv/tag.ts';
import { NMS_FLAGS } from './packets.ts';

const AUDIO = 8;
const VIDEO = 9;
/** H.264 and its packet types in FLV. */
const KEY_AVC = 0x17;
const DELTA_AVC = 0x27;
const HEADER = 0;
const FRAME = 1;
/** A frame whose codec is named by four characters. */
const ENHANCED_SOUND = 0x91;

function tagOf({ codec_type: type, dts, data }: NmsPacket): FlvTag {
  return { type: type === AUDIO ? AUDIO : VIDEO, timestamp: dts, data };
}

/** What stands in for a frame of that sound; null: nothing is known to. */
function silenceFor(header: NmsPacket): Buffer | null {
  const tag = tagOf(header);
  try {
    const { channels } = parseAacConfig(payloadOf(tag));
    const frame = audioCodec(tag) === 'mp4a' ? silentAacFrame(channels) : null;
    if (frame === null) return null;
    const prefix = isEnhanced(tag) ? [ENHANCED_SOUND, ...Buffer.from('mp4a')] : [tag.data[0] ?? 0, FRAME];
    return Buffer.concat([Buffer.from(prefix), frame]);
  } catch {
    return null; // no AAC that anybody could play
  }
}

function greyFor(header: NmsPacket | null): GreyPicture | null {
  if (header === null) return null;
  const tag = tagOf(header);
  if (videoCodec(tag) !== 'avc1') return null;
  try {
    const { width, height } = parseAvcConfig(payloadOf(tag));
    return new GreyPicture(width, height);
  } catch {
    return null; // a size that cannot be read or that no picture has
  }
}

/**
 * What viewers and workers get of a publisher whose sound or picture is blocked: silence and a grey picture in the
 * place of each frame, so that players, playlists and recordings go on. What neither can be made for is left out.
 */
export class BlockFilter {
  #silence: Buffer | null = null;
  #header: NmsPacket | null = null;
  /** From a block on, up to the first key frame behind it. */
  #isHidden = false;
  #grey: GreyPicture | null = null;
  /** Whoever watches has no header of it yet. */
  #isGreyNew = false;

  /** The picture is hidden and nothing takes its place: what was kept for new viewers is not for them any more. */
  get isDark(): boolean {
    return this.#isHidden && this.#grey === null;
  }

  /** What is sent in the place of a packet that is prepared to be distributed. */
  pass(packet: NmsPacket, blocked: Blocked): readonly NmsPacket[] {
    switch (packet.flags) {
      case NMS_FLAGS['audio-header']:
        this.#silence = silenceFor(packet);
        return [packet];
      case NMS_FLAGS.audio:
        return blocked.audio ? this.#silent(packet) : [packet];
      case NMS_FLAGS['video-header']:
        return this.#takeHeader(packet);
      case NMS_FLAGS.key:
      case NMS_FLAGS.delta:
        return this.#picture(packet, blocked);
      default:
        return [packet];
    }
  }

  #silent(packet: NmsPacket): readonly NmsPacket[] {
    const data = this.#silence;
    return data === null ? [] : [{ ...packet, data, size: data.length }];
  }

  #takeHeader(packet: NmsPacket): readonly NmsPacket[] {
    // The connection writes its next message where this one lies.
    this.#header = { ...packet, data: Buffer.from(packet.data) };
    if (!this.#isHidden) return [packet];
    this.#hide();
    return [];
  }

  #picture(packet: NmsPacket, { video }: Blocked): readonly NmsPacket[] {
    const isKey = packet.flags === NMS_FLAGS.key;
    if (video && !this.#isHidden) this.#hide();
    if (!this.#isHidden) return [packet];
    if (video || !isKey) return this.#greyFrames(packet, isKey);
    this.#isHidden = false;
    return this.#header === null ? [packet] : [{ ...this.#header, dts: packet.dts, pts: packet.dts }, packet];
  }

  #hide(): void {
    this.#isHidden = true;
    this.#grey = greyFor(this.#header);
    this.#isGreyNew = true;
  }

  #greyFrames({ dts }: NmsPacket, isKey: boolean): readonly NmsPacket[] {
    const grey = this.#grey;
    if (grey === null) return [];
    const make = (role: 'video-header' | 'key' | 'delta', body: Buffer): NmsPacket => {
      const prefix = [role === 'delta' ? DELTA_AVC : KEY_AVC, role === 'video-header' ? HEADER : FRAME];
      const data = Buffer.concat([Buffer.from([...prefix, 0, 0, 0]), body]);
      return { codec_type: VIDEO, flags: NMS_FLAGS[role], dts, pts: dts, size: data.length, data };
    };
    const isNew = this.#isGreyNew;
    this.#isGreyNew = false;
    if (isNew) return [make('video-header', grey.config), make('key', grey.key())];
    return [isKey ? make('key', grey.key()) : make('delta', grey.delta())];
  }
}

import { packetOf, readAudioConfig, readVideoConfig, type TrackHeaders } from '../flv/packets.ts';
import {
  audioCodec,
  type FlvTag,
  isEnhanced,
  isMedia,
  isSequenceHeader,
  payloadOf,
  TAG_VIDEO,
  videoCodec,
} from '../flv/tag.ts';
import { encodeFlvTag, flvHeader } from '../flv/writer.ts';
import { type NutTrack, nutFrameHeader, nutStart } from '../nut/container.ts';

/** The form in which an FFmpeg is given the tags of a stream. */
export interface TagFeed {
  readonly format: 'flv' | 'nut';
  /** What stands before the first tag. */
  readonly start: Buffer;
  /** null for a tag that has no place there: of another codec, without a frame. */
  encode(tag: FlvTag): Buffer | null;
}

/** What enhanced RTMP, FFmpeg's NUT reader and FFmpeg's list of codecs call a picture codec. */
const PICTURE_CODECS: Readonly<Record<string, { readonly nut: string; readonly ffmpeg: string }>> = {
  avc1: { nut: 'H264', ffmpeg: 'h264' },
  hvc1: { nut: 'HEVC', ffmpeg: 'hevc' },
  av01: { nut: 'AV01', ffmpeg: 'av1' },
  vp09: { nut: 'VP90', ffmpeg: 'vp9' },
};
/** A wave format tag: AAC. */
const NUT_AAC = Buffer.from([0xff, 0]);
const TICKS_PER_SECOND = 1000;
/** FFmpeg wants a size and then takes that of the pictures. */
const ANY_SIZE = { width: 16, height: 16 };

/** FFmpeg's name of a header's picture codec; null for one we do not know how to hand over. */
export function ffmpegPictureCodec(header: FlvTag): string | null {
  return PICTURE_CODECS[videoCodec(header)]?.ffmpeg ?? null;
}

function nutVideo(header: FlvTag): NutTrack {
  const codec = videoCodec(header);
  const config = codec === 'avc1' || codec === 'hvc1' ? readVideoConfig(header) : { ...ANY_SIZE, reorder: 0 };
  return {
    ...{ kind: 'video', ticksPerSecond: TICKS_PER_SECOND, extradata: payloadOf(header) },
    codec: Buffer.from(PICTURE_CODECS[codec]?.nut ?? codec, 'latin1'),
    ...{ width: config.width, height: config.height },
    decodeDelay: 'reorder' in config ? config.reorder : 0,
  };
}

function nutAudio(header: FlvTag): NutTrack {
  const { sampleRate, channels, description } = readAudioConfig(header);
  const extradata = description;
  return { kind: 'audio', codec: NUT_AAC, ticksPerSecond: TICKS_PER_SECOND, extradata, sampleRate, channels };
}

/** Throws `bad-media` when a configuration cannot be read. */
function nutFeed({ video, audio }: TrackHeaders): TagFeed {
  const tracks = [...(video ? [nutVideo(video)] : []), ...(audio ? [nutAudio(audio)] : [])];

  // NUT says a configuration once: what comes under another is for another FFmpeg.
  const over = new Set<number>();

  function trackOf(tag: FlvTag): number {
    if (over.has(tag.type)) return -1;
    if (tag.type === TAG_VIDEO) return video && videoCodec(tag) === videoCodec(video) ? 0 : -1;
    return audio && audioCodec(tag) === audioCodec(audio) ? tracks.length - 1 : -1;
  }

  function noteHeader(header: FlvTag): void {
    const own = header.type === TAG_VIDEO ? video : audio;
    if (own && !own.data.equals(header.data)) over.add(header.type);
  }

  return {
    format: 'nut',
    start: nutStart(tracks),
    encode(tag) {
      if (isSequenceHeader(tag)) noteHeader(tag);
      const track = isMedia(tag) ? trackOf(tag) : -1;
      if (track < 0) return null;
      const { ptsMs, data, key } = packetOf(tag);
      return Buffer.concat([nutFrameHeader(track, Math.max(0, ptsMs), data.length, key), data]);
    },
  };
}

function flvFeed({ video, audio }: TrackHeaders): TagFeed {
  return {
    format: 'flv',
    start: flvHeader({ video: video !== null, audio: audio !== null }),
    encode: (tag) => (isEnhanced(tag) ? null : encodeFlvTag(tag)),
  };
}

/**
 * FLV where FFmpeg's reader of it knows the codecs, else NUT: FFmpeg reads the tags of enhanced RTMP from 6.1 on
 * only. FLV is sent its sequence headers as tags, NUT has them in its start. Throws `bad-media`.
 */
export function tagFeed(headers: TrackHeaders): TagFeed {
  const enhanced = [headers.video, headers.audio].some((header) => header !== null && isEnhanced(header));
  return enhanced ? nutFeed(headers) : flvFeed(headers);
}

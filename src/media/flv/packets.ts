import { GatewayError } from '../../domain/errors.ts';
import { type AacConfig, parseAacConfig } from './aac-config.ts';
import { type AvcConfig, parseAvcConfig } from './avc-config.ts';
import { audioCodec, compositionTime, type FlvTag, isKeyFrame, TAG_VIDEO, videoCodec } from './tag.ts';

/** Bytes before the payload of a classic FLV tag body: H.264 has frame type, packet type and 3 of offset. */
export const AVC_PREFIX = 5;
const AAC_PREFIX = 2;

/** The sequence headers in force; a track without one is not there. */
export interface TrackHeaders {
  readonly video: FlvTag | null;
  readonly audio: FlvTag | null;
}

export interface TrackConfigs {
  readonly video: AvcConfig | null;
  readonly audio: AacConfig | null;
}

/** One coded frame of a track, times in ms. */
export interface MediaPacket {
  readonly track: 'video' | 'audio';
  readonly key: boolean;
  readonly dtsMs: number;
  readonly ptsMs: number;
  readonly data: Buffer;
}

/** Reads both headers; throws `bad-media` for a codec that is neither H.264 nor AAC. */
export function readConfigs(headers: TrackHeaders): TrackConfigs {
  const { video, audio } = headers;
  if (video && videoCodec(video) !== 'avc1') throw unsupported(videoCodec(video));
  if (audio && audioCodec(audio) !== 'mp4a') throw unsupported(audioCodec(audio));
  return {
    video: video ? parseAvcConfig(video.data.subarray(AVC_PREFIX)) : null,
    audio: audio ? parseAacConfig(audio.data.subarray(AAC_PREFIX)) : null,
  };
}

function unsupported(codec: string): GatewayError {
  return new GatewayError('bad-media', `a stream of ${codec} cannot be written as MP4`, {
    blame: 'source',
    retry: 'never',
    context: { codec },
  });
}

/** The packet of a media tag (no header, no script). */
export function packetOf(tag: FlvTag): MediaPacket {
  if (tag.type === TAG_VIDEO) {
    return {
      track: 'video',
      key: isKeyFrame(tag),
      dtsMs: tag.timestamp,
      ptsMs: tag.timestamp + compositionTime(tag),
      data: tag.data.subarray(AVC_PREFIX),
    };
  }
  const at = tag.timestamp;
  return { track: 'audio', key: true, dtsMs: at, ptsMs: at, data: tag.data.subarray(AAC_PREFIX) };
}

import { GatewayError } from '../../domain/errors.ts';
import { type AacConfig, parseAacConfig } from './aac-config.ts';
import { type AvcConfig, parseAvcConfig } from './avc-config.ts';
import { type HevcConfig, parseHevcConfig } from './hevc-config.ts';
import {
  audioCodec,
  compositionTime,
  type FlvTag,
  isKeyFrame,
  payloadOf,
  TAG_VIDEO,
  videoCodec,
} from './tag.ts';

export type VideoConfig = AvcConfig | HevcConfig;

export function isHevc(config: VideoConfig): config is HevcConfig {
  return 'reorder' in config;
}

/** The sequence headers in force; a track without one is not there. */
export interface TrackHeaders {
  readonly video: FlvTag | null;
  readonly audio: FlvTag | null;
}

export interface TrackConfigs {
  readonly video: VideoConfig | null;
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

/** Reads a picture header; throws `bad-media` for a codec that is neither H.264 nor H.265. */
export function readVideoConfig(header: FlvTag): VideoConfig {
  const codec = videoCodec(header);
  if (codec === 'avc1') return parseAvcConfig(payloadOf(header));
  if (codec === 'hvc1') return parseHevcConfig(payloadOf(header));
  throw unsupported(codec);
}

/** Reads a sound header; throws `bad-media` for a codec other than AAC. */
export function readAudioConfig(header: FlvTag): AacConfig {
  if (audioCodec(header) !== 'mp4a') throw unsupported(audioCodec(header));
  return parseAacConfig(payloadOf(header));
}

/** Reads both headers; throws `bad-media` for a codec that MP4 does not get from us. */
export function readConfigs({ video, audio }: TrackHeaders): TrackConfigs {
  return { video: video && readVideoConfig(video), audio: audio && readAudioConfig(audio) };
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
      data: payloadOf(tag),
    };
  }
  const at = tag.timestamp;
  return { track: 'audio', key: true, dtsMs: at, ptsMs: at, data: payloadOf(tag) };
}

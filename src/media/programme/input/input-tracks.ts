import { toGatewayError } from '../../../domain/errors.ts';
import { ffmpegPictureCodec } from '../../ffmpeg/tag-feed.ts';
import { readAudioConfig, readVideoConfig, type TrackHeaders } from '../../flv/packets.ts';
import {
  audioCodec,
  type FlvTag,
  isEnhanced,
  isSequenceHeader,
  TAG_VIDEO,
  videoCodec,
} from '../../flv/tag.ts';
import type { InputReports } from './input-reports.ts';
import type { PictureCodecs } from './picture-codecs.ts';

/** The tracks of an input: which there are, which of them can be decoded, and what of them changes. */
export interface InputTracks {
  /** Sequence headers of the tracks that can be decoded. */
  decodable(): TrackHeaders;
  /** Since the publisher's start. */
  readonly hasVideo: boolean;
  /** Of every header and frame; true when what is decoded has to change. */
  take(tag: FlvTag): boolean;
  /** Another publisher: its tracks may be others. */
  restart(): void;
}

export interface InputTracksOptions {
  readonly codecs: PictureCodecs;
  readonly reports: InputReports;
  /** Whether a codec can be decoded is known now: `decodable` may give more. */
  readonly onKnown: () => void;
}

function codecOf(tag: FlvTag): string {
  return tag.type === TAG_VIDEO ? videoCodec(tag) : audioCodec(tag);
}

/** `1280x720`, or '' where only the decoder can tell. */
function sizeOf(header: FlvTag): string {
  try {
    const { width, height } = readVideoConfig(header);
    return `${width}x${height}`;
  } catch {
    return ''; // another codec, or damaged: said elsewhere
  }
}

export function createInputTracks({ codecs, reports, onKnown }: InputTracksOptions): InputTracks {
  let video: FlvTag | null = null;
  let audio: FlvTag | null = null;
  // Since the publisher's start.
  let hasVideo = false;
  let hasFrames = false;

  function tellDifference(before: FlvTag, header: FlvTag): void {
    const [was, is] = [codecOf(before), codecOf(header)];
    if (was !== is) reports.changed('codec', `${was} -> ${is}`);
    else if (header.type !== TAG_VIDEO) reports.changed('tracks', 'other sound settings');
    else if (sizeOf(before) !== sizeOf(header)) {
      reports.changed('size', `${sizeOf(before)} -> ${sizeOf(header)}`);
    }
  }

  function takeHeader(header: FlvTag): boolean {
    const before = header.type === TAG_VIDEO ? video : audio;
    if (before?.data.equals(header.data)) return false;
    if (before) tellDifference(before, header);
    else if (hasFrames)
      reports.changed('tracks', header.type === TAG_VIDEO ? 'a picture was added' : 'sound was added');
    if (header.type === TAG_VIDEO) video = header;
    else audio = header;
    return true;
  }

  function isKnownCodec(tag: FlvTag): boolean {
    return tag.type === TAG_VIDEO ? ffmpegPictureCodec(tag) !== null : audioCodec(tag) === 'mp4a';
  }

  /** FFmpeg reads classic tags itself; the configurations of enhanced ones we have to hand over. */
  function isReadable(header: FlvTag): boolean {
    try {
      if (header.type !== TAG_VIDEO) readAudioConfig(header);
      else if (videoCodec(header) === 'hvc1' || videoCodec(header) === 'avc1') readVideoConfig(header);
      return true;
    } catch (error) {
      reports.damaged(toGatewayError(error).message);
      return false;
    }
  }

  function canDecode(header: FlvTag): boolean {
    const codec = header.type === TAG_VIDEO ? ffmpegPictureCodec(header) : null;
    if (!isKnownCodec(header)) return false; // told with its first frame
    const can = codec === null || codecs.canDecode(codec, onKnown);
    if (can === false)
      reports.unsupported('picture', videoCodec(header), `FFmpeg here has no decoder for ${codec}`);
    return can === true && (!isEnhanced(header) || isReadable(header));
  }

  function decodable(): TrackHeaders {
    const tracks = [video, audio].map((header) => (header && canDecode(header) ? header : null));
    // Beside an enhanced track we hand over the classic one's configuration too.
    const isHandedOver = tracks.some((header) => header !== null && isEnhanced(header));
    const [ownVideo = null, ownAudio = null] = tracks.map((header) =>
      header && (!isHandedOver || isReadable(header)) ? header : null,
    );
    return { video: ownVideo, audio: ownAudio };
  }

  return {
    decodable,
    get hasVideo() {
      return hasVideo;
    },
    take(tag) {
      hasVideo ||= tag.type === TAG_VIDEO;
      if (isSequenceHeader(tag)) return takeHeader(tag);
      hasFrames = true;
      if (!isKnownCodec(tag)) {
        const track = tag.type === TAG_VIDEO ? 'picture' : 'sound';
        reports.unsupported(track, codecOf(tag), 'this codec cannot be mixed');
      }
      return false;
    },
    restart() {
      hasVideo = false;
      hasFrames = false;
    },
  };
}

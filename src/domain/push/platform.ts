/** Live platforms we know something of; `custom` is any other server. */
export const PLATFORM_NAMES = [
  'youtube',
  'twitch',
  'facebook',
  'kick',
  'x',
  'tiktok',
  'bilibili',
  'douyin',
  'custom',
] as const;
export type PlatformName = (typeof PLATFORM_NAMES)[number];

export type StreamVideoCodec = 'h264' | 'h265' | 'av1' | 'vp9';

/** What a platform refuses or spoils when it is broken; what is absent is not known. */
export interface PlatformLimits {
  readonly maxKeyFrameSeconds?: number;
  readonly maxVideoKbps?: number;
  readonly maxAudioKbps?: number;
  /** Of the picture lying; one that stands may be as large. */
  readonly maxWidth?: number;
  readonly maxHeight?: number;
  readonly maxFps?: number;
  readonly needsVideo?: boolean;
  readonly needsAudio?: boolean;
  /** In Hz. */
  readonly audioSampleRates?: readonly number[];
  readonly videoCodecs?: readonly StreamVideoCodec[];
}

/** A stream as it is asked for, or as it was measured; null is not known (yet), a null track is not there. */
export interface StreamFigures {
  readonly video: {
    readonly codec: StreamVideoCodec | null;
    readonly width: number | null;
    readonly height: number | null;
    readonly fps: number | null;
    readonly kbps: number | null;
    /** The longest way from key frame to key frame. */
    readonly keyFrameSeconds: number | null;
  } | null;
  readonly audio: {
    /** In Hz. */
    readonly sampleRate: number | null;
    readonly kbps: number | null;
  } | null;
}

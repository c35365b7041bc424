import type { LayoutSpec, RenderMode } from './layout/spec.ts';
import type { RoomUser } from './room-user.ts';

export const X264_PRESETS = ['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium'] as const;
export type X264Preset = (typeof X264_PRESETS)[number];

/** `cbr` never exceeds its bitrate, as live platforms want it; `vbr` keeps it on average. */
export const RATE_CONTROLS = ['cbr', 'vbr'] as const;
export type RateControl = (typeof RATE_CONTROLS)[number];

export interface VideoSpec {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly bitrateKbps: number;
  readonly gopSeconds: number;
  /** Of libx264; hardware encoders have their own. veryfast by default. */
  readonly preset?: X264Preset;
  /** cbr by default. */
  readonly rateControl?: RateControl;
}

export const SAMPLE_RATES = [48_000, 44_100, 32_000, 24_000, 16_000, 8_000] as const;
export type SampleRate = (typeof SAMPLE_RATES)[number];

export const AUDIO_CODECS = ['aac-lc', 'he-aac', 'he-aac-v2'] as const;
export type AudioCodec = (typeof AUDIO_CODECS)[number];

/** What is encoded; the mix itself is 48 kHz stereo. */
export interface AudioSpec {
  readonly bitrateKbps: number;
  /** 48 kHz by default. */
  readonly sampleRate?: SampleRate;
  /** 2 by default. */
  readonly channels?: 1 | 2;
  /** aac-lc by default. */
  readonly codec?: AudioCodec;
}

export interface UserLevel extends RoomUser {
  /** 0 to 100; 100 leaves the sound as it is. */
  readonly level: number;
}

/** Whose sound is mixed, and how loud. Without a list: everyone who is mixed. */
export interface SoundRules {
  readonly allow?: readonly RoomUser[];
  /** Wins over `allow`. */
  readonly block?: readonly RoomUser[];
  readonly levels?: readonly UserLevel[];
}

/** A picture fetched over HTTP(S): png, jpg, bmp, gif (its first frame) or webp. */
export interface BackgroundPicture {
  readonly url: string;
  /** stretch by default. */
  readonly renderMode?: Exclude<RenderMode, 'fit-background'>;
}

interface Placed {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** As of cells; of equal ones a watermark lies above a cell. */
  readonly zOrder?: number;
}

export interface PictureWatermark extends Placed {
  readonly type: 'picture';
  readonly url: string;
}

/** Text in any script, from the top left of its box; what does not fit is wrapped and cut. */
export interface TextWatermark extends Placed {
  readonly type: 'text';
  readonly text: string;
  /** Pixels. */
  readonly fontSize: number;
  /** `#rrggbb` or `#rrggbbaa`; white by default. */
  readonly color?: string;
  /** As `color`; none by default. */
  readonly background?: string;
}

export const WATERMARK_PLACES = [
  'top-left',
  'top-right',
  'bottom-left',
  'bottom-right',
  'top',
  'bottom',
  'centre',
] as const;
export type WatermarkPlace = (typeof WATERMARK_PLACES)[number];

/** Date and time, drawn anew each second. */
export interface TimestampWatermark {
  readonly type: 'timestamp';
  readonly place: WatermarkPlace;
  /** Hours from UTC, -12 to 14; halves and quarters are allowed. */
  readonly timeZone: number;
  /** Pixels; a twentieth of the canvas' height by default. */
  readonly fontSize?: number;
  readonly color?: string;
  readonly zOrder?: number;
}

export type Watermark = PictureWatermark | TextWatermark | TimestampWatermark;

interface SeiTimes {
  /** 100 to 254 but 244, or 5 with a UUID. */
  readonly payloadType: number;
  readonly intervalMs: number;
  /** On each key frame besides. */
  readonly followIdr?: boolean;
}

/** TRTC's JSON of regions and volumes in the H.264 stream. */
export interface LayoutVolumeSei extends SeiTimes {
  readonly appData?: string;
}

export interface PassThroughSei extends SeiTimes {
  readonly content: string;
  /** 32 hex digits, for payload type 5 only. */
  readonly uuid?: string;
}

export interface SeiSpec {
  readonly layoutVolume?: LayoutVolumeSei;
  readonly passThrough?: PassThroughSei;
}

/** What a mix makes; two tasks of a room that ask for the same share one encode. */
export interface ProgrammeSpec {
  /** null: sound only. */
  readonly video: VideoSpec | null;
  readonly audio: AudioSpec;
  readonly layout: LayoutSpec;
  /** `#rrggbb` */
  readonly background: string;
  /** Over the background colour, under everything else. */
  readonly backgroundPicture?: BackgroundPicture;
  /** Picture URL for cells without a picture (camera off, user away) that name none of their own. */
  readonly placeholder?: string;
  readonly watermarks?: readonly Watermark[];
  readonly sound?: SoundRules;
  readonly sei?: SeiSpec;
  /** Pictures mixed at most, 1 to 25; 16 by default, more for recordings only. */
  readonly maxInputs?: number;
}

export const DEFAULT_VIDEO: VideoSpec = {
  width: 1280,
  height: 720,
  fps: 30,
  bitrateKbps: 2500,
  gopSeconds: 2,
};

export const DEFAULT_PROGRAMME = {
  video: DEFAULT_VIDEO,
  audio: { bitrateKbps: 128 },
  layout: { mode: 'grid' },
  background: '#101418',
} as const satisfies ProgrammeSpec;

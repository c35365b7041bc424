import { GatewayError } from './errors.ts';
import type { AudioCodec, AudioSpec, SampleRate } from './programme.ts';

/** H.264 encoders of FFmpeg that a programme can use. */
export const VIDEO_ENCODERS = [
  'libx264',
  'h264_nvenc',
  'h264_qsv',
  'h264_vaapi',
  'h264_videotoolbox',
] as const;
export type VideoEncoder = (typeof VIDEO_ENCODERS)[number];

/** `auto`: the first hardware encoder that works, else libx264. */
export const VIDEO_ENCODER_CHOICES = [...VIDEO_ENCODERS, 'auto'] as const;
export type VideoEncoderChoice = (typeof VIDEO_ENCODER_CHOICES)[number];

/** FFmpeg's encoders of HE-AAC; its own `aac` has LC only. */
export const HE_AAC_ENCODERS = ['libfdk_aac', 'aac_at'] as const;
export type HeAacEncoder = (typeof HE_AAC_ENCODERS)[number];

/** An audio spec with nothing left to a default. */
export type WholeAudioSpec = Required<AudioSpec>;

export function wholeAudio(spec: AudioSpec): WholeAudioSpec {
  return { sampleRate: 48_000, channels: 2, codec: 'aac-lc', ...spec };
}

/** Bits of one frame of 1024 samples that an AAC channel can have at most. */
const MAX_FRAME_BITS = 6144;
const FRAME_SAMPLES = 1024;

/** The bitrate that AAC-LC can have at this rate, nearest to the one asked for; kbps. */
export function possibleAudioKbps({ bitrateKbps, sampleRate, channels }: WholeAudioSpec): number {
  const most = Math.floor((MAX_FRAME_BITS * channels * sampleRate) / FRAME_SAMPLES / 1000);
  return Math.min(bitrateKbps, most);
}

const HE_RATES_FROM: SampleRate = 16_000;

/** Throws `bad-request` for a combination that no HE-AAC encoder makes. */
export function assertAudioSpec(spec: AudioSpec): void {
  const { codec, channels, sampleRate } = wholeAudio(spec);
  if (codec === 'aac-lc') return;
  if (sampleRate < HE_RATES_FROM) throw refusal(codec, `no sample rate of ${sampleRate} Hz`);
  if (codec === 'he-aac-v2' && channels !== 2) throw refusal(codec, 'two channels only');
}

function refusal(codec: AudioCodec, what: string): GatewayError {
  return new GatewayError('bad-request', `${codec} has ${what}`);
}

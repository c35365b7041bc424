import ffmpeg from 'fluent-ffmpeg';
import {
  type HeAacEncoder,
  possibleAudioKbps,
  type VideoEncoder,
  type WholeAudioSpec,
} from '../../domain/encoding.ts';
import type { VideoSpec } from '../../domain/programme.ts';
import { argumentsOf, QUIET } from './argv.ts';

export interface VideoEncoding extends VideoSpec {
  readonly encoder: VideoEncoder;
}

export interface SoundEncoding extends WholeAudioSpec {
  /** Used for HE-AAC only. */
  readonly heAacEncoder?: HeAacEncoder | undefined;
}

/** Peaks of `vbr` above its average; the buffer holds two seconds of the peak rate. */
const VBR_PEAK = 1.5;
const BUFFER_SECONDS = 2;
const VAAPI_DEVICE = '/dev/dri/renderD128';

/** What the encoder is called and told beside rate and GOP: least delay, no B-frames, key frames when asked only. */
const ENCODER_OPTIONS: Readonly<Record<VideoEncoder, (spec: VideoEncoding) => readonly string[]>> = {
  libx264: ({ preset = 'veryfast' }) => [
    ...['-preset', preset, '-tune', 'zerolatency', '-sc_threshold', '0', '-pix_fmt', 'yuv420p'],
  ],
  h264_nvenc: ({ rateControl = 'cbr' }) => [
    ...['-preset', 'p4', '-tune', 'll', '-rc', rateControl, '-zerolatency', '1', '-delay', '0'],
    ...['-rc-lookahead', '0', '-forced-idr', '1', '-pix_fmt', 'yuv420p'],
  ],
  h264_qsv: () => [
    ...['-preset', 'veryfast', '-async_depth', '1', '-look_ahead', '0', '-forced_idr', '1'],
    ...['-pix_fmt', 'nv12'],
  ],
  // Frames go to the device in a filter; the key frames that are forced are IDR frames here.
  h264_vaapi: ({ rateControl = 'cbr' }) => [
    ...['-rc_mode', rateControl.toUpperCase(), '-async_depth', '1', '-filter:v', 'format=nv12,hwupload'],
  ],
  h264_videotoolbox: () => ['-realtime', '1', '-allow_sw', '0', '-pix_fmt', 'yuv420p'],
};

/**
 * Settings of the picture. Key frames come by time, a whole number of GOPs after the encoder's first frame, so
 * that frames left out do not stretch a GOP. No filler and no HRD: platforms look at the peaks only.
 */
export function videoCodecOptions(spec: VideoEncoding): string[] {
  const { encoder, fps, bitrateKbps, gopSeconds, rateControl = 'cbr' } = spec;
  const gop = String(Math.round(fps * gopSeconds));
  const peakKbps = Math.round(bitrateKbps * (rateControl === 'vbr' ? VBR_PEAK : 1));
  return [
    ...['-c:v', encoder, ...ENCODER_OPTIONS[encoder](spec)],
    ...['-g', gop, '-bf', '0', '-force_key_frames', `expr:gte(t+0.001,n_forced*${gopSeconds})`],
    ...['-b:v', `${bitrateKbps}k`, '-maxrate', `${peakKbps}k`, '-bufsize', `${peakKbps * BUFFER_SECONDS}k`],
  ];
}

/** Settings of the sound; a bitrate that AAC cannot have is the nearest that it can. */
export function soundCodecOptions(spec: SoundEncoding): string[] {
  const { sampleRate, channels, codec, heAacEncoder = 'libfdk_aac' } = spec;
  const names = {
    'aac-lc': ['aac'],
    'he-aac': [heAacEncoder, '-profile:a', 'aac_he'],
    'he-aac-v2': [heAacEncoder, '-profile:a', 'aac_he_v2'],
  } as const;
  return [
    ...['-c:a', ...names[codec], '-b:a', `${possibleAudioKbps(spec)}k`],
    ...['-ar', String(sampleRate), '-ac', String(channels)],
  ];
}

const FLV_OUTPUT = ['-flvflags', 'no_duration_filesize', '-flush_packets', '1', '-f', 'flv'] as const;
/** Nothing is probed: the input's headers tell all. */
const UNPROBED = ['-probesize', '32', '-analyzeduration', '0'] as const;

/** Canvases as NUT on stdin to H.264 as FLV on stdout; timestamps are kept as they come. */
export function videoEncoderArgs(spec: VideoEncoding): string[] {
  const device = spec.encoder === 'h264_vaapi' ? ['-vaapi_device', VAAPI_DEVICE] : [];
  const command = ffmpeg('pipe:0')
    .inputOptions(...QUIET, ...device, '-copyts', ...UNPROBED, ...['-f', 'nut'])
    .output('pipe:1')
    .outputOptions(
      ...['-map', '0:v:0'],
      // With vfr the rate is only the grid of the timestamps: a dropped frame stays a gap.
      ...['-r', String(spec.fps), '-fps_mode', 'vfr'],
      ...videoCodecOptions(spec),
      ...FLV_OUTPUT,
    );
  return argumentsOf(command);
}

export interface PcmInput {
  readonly sampleRate: number;
  readonly channels: number;
  /** Added to all times. */
  readonly leadSeconds: number;
}

/** Interleaved s16 on stdin to AAC as FLV on stdout; times count the samples. */
export function soundEncoderArgs(spec: SoundEncoding, pcm: PcmInput): string[] {
  const command = ffmpeg('pipe:0')
    .inputOptions(
      ...QUIET,
      ...['-copyts', '-itsoffset', String(pcm.leadSeconds), ...UNPROBED],
      ...['-f', 's16le', '-ar', String(pcm.sampleRate), '-ac', String(pcm.channels)],
    )
    .output('pipe:1')
    .outputOptions(...['-map', '0:a:0'], ...soundCodecOptions(spec), ...FLV_OUTPUT);
  return argumentsOf(command);
}

/** A few test pictures through the encoder, to nowhere: ends well when it works here. */
export function encoderTrialArgs(encoder: VideoEncoder): string[] {
  const spec = { encoder, width: 320, height: 180, fps: 30, bitrateKbps: 500, gopSeconds: 1 };
  const device = encoder === 'h264_vaapi' ? ['-vaapi_device', VAAPI_DEVICE] : [];
  const command = ffmpeg(`testsrc2=size=${spec.width}x${spec.height}:rate=${spec.fps}`)
    .inputOptions(...QUIET, ...device, ...['-f', 'lavfi'])
    .output('pipe:1')
    .outputOptions(...['-frames:v', '5'], ...videoCodecOptions(spec), ...['-f', 'null']);
  return argumentsOf(command);
}

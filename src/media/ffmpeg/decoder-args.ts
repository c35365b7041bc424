import ffmpeg from 'fluent-ffmpeg';
import { argumentsOf, QUIET } from './argv.ts';

/** Where the decoder puts its data: file descriptors of the child. */
export const DECODER_PIPES = { video: 1, videoTimes: 3, audioTimes: 4, audio: 5 } as const;

/** Samples of one sound frame of a decoder: 10 ms at 48 kHz. */
export const DECODER_AUDIO_SAMPLES = 480;

export interface DecodedPicture {
  /** Even pixels. */
  readonly width: number;
  readonly height: number;
  /** How a picture of another aspect gets this size; `fit` has black margins. */
  readonly scaling: 'crop' | 'fit' | 'stretch';
  /** The part that is taken of the source, within it; even pixels. */
  readonly part?: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  /** Earlier pictures are decoded only: a decoder that catches up need not scale and write them. */
  readonly fromMs?: number;
}

export interface DecoderArgs {
  /** Of stdin. */
  readonly format: 'flv' | 'nut';
  /** null decodes no picture. */
  readonly video: DecodedPicture | null;
  readonly audio: boolean;
}

/** Filters that make the picture of a decoded one. */
export function pictureFilters(picture: DecodedPicture): string[] {
  const { part } = picture;
  const taken = part ? [`crop=${part.width}:${part.height}:${part.x}:${part.y}`] : [];
  return [...taken, ...scalingFilters(picture), 'format=yuv420p'];
}

function scalingFilters({ width, height, scaling }: DecodedPicture): string[] {
  const size = `${width}:${height}`;
  const keepAspect = (how: string): string =>
    `scale=${size}:force_original_aspect_ratio=${how}:force_divisible_by=2:flags=bilinear`;
  switch (scaling) {
    case 'crop':
      return [keepAspect('increase'), `crop=${size}`];
    case 'fit':
      return [keepAspect('decrease'), `pad=${size}:-1:-1`];
    case 'stretch':
      return [`scale=${size}:flags=bilinear`];
  }
}

function addVideoOutput(command: ffmpeg.FfmpegCommand, picture: DecodedPicture): void {
  const filters = [
    ...(picture.fromMs === undefined ? [] : [`trim=start=${(picture.fromMs / 1000).toFixed(3)}`]),
    ...pictureFilters(picture),
    // print writes only frames that carry something
    'metadata=mode=add:key=t:value=1',
    `metadata=mode=print:direct=1:file='pipe\\:${DECODER_PIPES.videoTimes}'`,
  ];
  command.output(`pipe:${DECODER_PIPES.video}`).outputOptions(
    ...['-map', '0:v:0'],
    ...['-filter:v', filters.join(',')],
    ...['-fps_mode', 'passthrough', '-enc_time_base', '1:1000'],
    // With more threads FFmpeg's raw encoder holds each picture back until the next, and the sound with it.
    ...['-c:v', 'rawvideo', '-threads', '1', '-f', 'rawvideo', '-flush_packets', '1'],
  );
}

function addAudioOutput(command: ffmpeg.FfmpegCommand): void {
  const filters = [
    'aresample=48000',
    'aformat=sample_fmts=s16:channel_layouts=stereo',
    `asetnsamples=${DECODER_AUDIO_SAMPLES}:p=0`,
    'ametadata=mode=add:key=t:value=1',
    `ametadata=mode=print:direct=1:file='pipe\\:${DECODER_PIPES.audioTimes}'`,
    // FFmpeg asks the output that is furthest behind, and sound waits in asetnsamples until it is asked:
    // behind in its times, it is given also while no picture comes.
    'asetpts=PTS-1000000000',
  ];
  command
    .output(`pipe:${DECODER_PIPES.audio}`)
    .outputOptions(
      ...['-map', '0:a:0'],
      ...['-filter:a', filters.join(',')],
      ...['-c:a', 'pcm_s16le', '-f', 's16le', '-flush_packets', '1'],
    );
}

/**
 * FLV or NUT on stdin to yuv420p of the size asked for and s16 48 kHz stereo, each on a pipe,
 * with the pts of every frame on a pipe beside it. No filter here may make a constant rate.
 */
export function decoderArgs({ format, video, audio }: DecoderArgs): string[] {
  // Probing is not needed (sequence headers tell all) and would hold back the first frames.
  const command = ffmpeg('pipe:0').inputOptions(
    ...QUIET,
    '-copyts',
    ...['-probesize', '32', '-analyzeduration', '0'],
    ...['-threads', '1'],
    ...['-f', format],
  );
  if (video) addVideoOutput(command, video);
  if (audio) addAudioOutput(command);
  return argumentsOf(command);
}

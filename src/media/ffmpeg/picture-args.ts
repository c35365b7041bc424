import ffmpeg from 'fluent-ffmpeg';
import { argumentsOf, QUIET } from './argv.ts';

/** Pixels of a picture: 2K square. One that unpacks to more is refused before it is decoded. */
const MAX_PIXELS = 2560 * 2560;
/** Of one block of memory: twice what so many pixels of 16 bits a colour take. */
const MAX_BLOCK_BYTES = 128 * 1024 * 1024;

export interface PictureArgs {
  /** FFmpeg's decoder, and so the one demuxer that reads it. */
  readonly format: 'png' | 'mjpeg' | 'bmp' | 'gif' | 'webp';
  /** Even pixels. */
  readonly width: number;
  readonly height: number;
  /** As of cells: the margins of `fit` are black, those of `fit-background` transparent. */
  readonly renderMode: 'crop' | 'fit' | 'fit-background' | 'stretch';
}

/** Each reads its one format from a pipe and opens nothing else. */
const DEMUXERS: Record<PictureArgs['format'], string> = {
  png: 'png_pipe',
  mjpeg: 'jpeg_pipe',
  bmp: 'bmp_pipe',
  gif: 'gif',
  webp: 'webp_pipe',
};

function scalingFilters({ width, height, renderMode }: PictureArgs): string[] {
  const size = `${width}:${height}`;
  const scale = (size: string): string =>
    `scale=${size}:flags=bicubic+accurate_rnd+full_chroma_int:out_color_matrix=bt709:out_range=tv`;
  const keepAspect = (how: string): string =>
    scale(`${size}:force_original_aspect_ratio=${how}:force_divisible_by=2`);
  switch (renderMode) {
    case 'crop':
      return [keepAspect('increase'), 'format=yuva420p', `crop=${size}`];
    case 'fit':
      return [keepAspect('decrease'), 'format=yuva420p', `pad=${size}:-1:-1:color=black`];
    case 'fit-background':
      return [keepAspect('decrease'), 'format=yuva420p', `pad=${size}:-1:-1:color=black@0`];
    case 'stretch':
      return [scale(size), 'format=yuva420p'];
  }
}

/** A picture file on stdin, its first frame as yuva420p of the size on stdout, colours multiplied by alpha. */
export function pictureArgs(options: PictureArgs): string[] {
  const command = ffmpeg('pipe:0')
    .inputOptions(
      ...QUIET,
      ...['-protocol_whitelist', 'pipe', '-format_whitelist', DEMUXERS[options.format]],
      ...['-codec_whitelist', options.format, '-max_pixels', String(MAX_PIXELS)],
      ...['-max_alloc', String(MAX_BLOCK_BYTES)],
      ...['-threads', '1', '-f', DEMUXERS[options.format], '-c:v', options.format],
    )
    .output('pipe:1')
    .outputOptions(
      ...['-map', '0:v:0', '-frames:v', '1', '-filter_threads', '1'],
      // Colours are mixed by scaling and halving as what they show: a transparent pixel's own counts for nothing.
      ...['-filter:v', ['format=gbrap', 'premultiply=inplace=1', ...scalingFilters(options)].join(',')],
      ...['-c:v', 'rawvideo', '-threads', '1', '-f', 'rawvideo'],
    );
  return argumentsOf(command);
}

export interface TextArgs {
  /** An ASS script. */
  readonly file: string;
  /** Even pixels. */
  readonly width: number;
  readonly height: number;
}

/** A value within a filter's options within a graph: two levels of escaping. */
function filterValue(text: string): string {
  return text.replace(/[\\':]/g, '\\$&').replace(/[\\'[\],;]/g, '\\$&');
}

/** The script's white text as one gray plane on stdout: 0 to 255 as it covers a pixel. */
export function textArgs({ file, width, height }: TextArgs): string[] {
  const command = ffmpeg(`color=c=black:s=${width}x${height}:r=1,format=gbrp`)
    .inputOptions(...QUIET, '-f', 'lavfi')
    .output('pipe:1')
    .outputOptions(
      ...['-frames:v', '1', '-filter_threads', '1'],
      ...['-filter:v', `ass=filename=${filterValue(file)}:shaping=complex,extractplanes=g`],
      ...['-c:v', 'rawvideo', '-threads', '1', '-f', 'rawvideo'],
    );
  return argumentsOf(command);
}

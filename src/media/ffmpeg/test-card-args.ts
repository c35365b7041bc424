import ffmpeg from 'fluent-ffmpeg';
import { argumentsOf, QUIET } from './argv.ts';
import { type DecodedPicture, pictureFilters } from './decoder-args.ts';

export interface TestCardArgs {
  /** Of the card itself, even pixels. */
  readonly width: number;
  readonly height: number;
  /** Letters, digits, blanks, `_`, `-` and brackets. */
  readonly name: string;
  /** How a cell takes it, as it takes a decoded picture. */
  readonly taken: DecodedPicture;
}

function lineOfText(text: string, y: string, divisor: number): string {
  const safe = text.replace(/[^A-Za-z0-9 _()-]/g, ' ');
  return `drawtext=text='${safe}':fontcolor=white:fontsize=min(w\\,h)/${divisor}:x=(w-text_w)/2:y=${y}`;
}

/** A raw yuv420p card on stdin, with its name and size written on it, as a cell takes it, raw on stdout. */
export function testCardArgs({ width, height, name, taken }: TestCardArgs): string[] {
  const filters = [
    lineOfText(name, 'h/2-text_h-h/40', 10),
    lineOfText(`${width}x${height}`, 'h/2+h/40', 13),
    ...pictureFilters(taken),
  ];
  const command = ffmpeg('pipe:0')
    .inputOptions(...QUIET, '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${width}x${height}`)
    .output('pipe:1')
    .outputOptions(
      ...['-frames:v', '1', '-filter_threads', '1', '-filter:v', filters.join(',')],
      ...['-c:v', 'rawvideo', '-threads', '1', '-f', 'rawvideo'],
    );
  return argumentsOf(command);
}

export interface PngArgs {
  readonly width: number;
  readonly height: number;
  readonly file: string;
}

/** A raw yuv420p canvas on stdin as a PNG file; an existing one is replaced. */
export function pngArgs({ width, height, file }: PngArgs): string[] {
  const command = ffmpeg('pipe:0')
    .inputOptions(...QUIET, '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${width}x${height}`)
    .inputOptions('-colorspace', 'bt709', '-color_range', 'tv')
    // As a name of a file whatever it begins with, and not as a pattern of many.
    .output(`file:${file}`)
    .outputOptions(
      ...['-frames:v', '1', '-filter:v', 'scale=in_color_matrix=bt709:in_range=tv,format=rgb24'],
      ...['-c:v', 'png', '-f', 'image2pipe', '-y'],
    );
  return argumentsOf(command);
}

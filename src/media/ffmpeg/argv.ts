import ffmpeg from 'fluent-ffmpeg';

/** fluent-ffmpeg keeps its argument list private; running by it would probe FFmpeg at every start. */
interface ArgumentBuilder {
  _getArguments(): string[];
}

/** Only what went wrong is said. */
export const QUIET = ['-hide_banner', '-nostats', '-loglevel', 'error'] as const;

/** What the command would be run with; the command never runs by itself. */
export function argumentsOf(command: ffmpeg.FfmpegCommand): string[] {
  return (command as unknown as ArgumentBuilder)._getArguments();
}

export interface RemuxArgs {
  /** Of stdin. */
  readonly format: 'flv' | 'nut';
  /** Its pictures are H.265. */
  readonly hasHevc: boolean;
  readonly file: string;
  /** Added to every timestamp, ms; brings the first picture shown, not the first decoded, to 0. */
  readonly shiftMs: number;
}

/** FLV or NUT on stdin into an MP4 file with its index in front, nothing encoded; an existing file is replaced. */
export function remuxArgs({ format, hasHevc, file, shiftMs }: RemuxArgs): string[] {
  const command = ffmpeg('pipe:0')
    // Without -copyts a long gap is taken for a broken clock and closed.
    .inputOptions(...QUIET, '-copyts', ...['-f', format])
    .output(file)
    .outputOptions(
      ...['-map', '0', '-c', 'copy'],
      // Players of Apple want H.265 under this name.
      ...(hasHevc ? ['-tag:v', 'hvc1'] : []),
      ...['-output_ts_offset', (shiftMs / 1000).toFixed(3)],
      // FLV counts in ms: as many ticks keep its times exact, and a gap of days within 32 bit.
      ...['-video_track_timescale', '1000'],
      ...['-movflags', '+faststart', '-f', 'mp4'],
    );
  return argumentsOf(command);
}

export interface TestPublisherArgs {
  /** RTMP URL or file; it shows in the process list, so only for demo and tests. */
  readonly url: string;
  /** FFmpeg colour of the picture: `red`, `#00ff00`. */
  readonly color: string;
  readonly toneHz: number;
  /** `640x360` */
  readonly size: string;
  readonly fps: number;
  /** Frames from one key frame to the next. */
  readonly gop: number;
  /** Letters, digits, blanks, `_` and `-`: drawn into the picture. */
  readonly label?: string;
  /** Draws the number of the frame. */
  readonly frameCounter?: boolean;
  /** Ends by itself after this time; without it, it runs until stopped. */
  readonly seconds?: number;
  readonly videoKbps?: number;
}

function drawText(text: string, y: string, fontSize: string): string {
  return `drawtext=text='${text}':fontcolor=white:fontsize=${fontSize}:x=(w-text_w)/2:y=${y}:box=1:boxcolor=black@0.4:boxborderw=8`;
}

/** A synthetic camera: one colour and one tone, live, published as FLV. */
export function testPublisherArgs(options: TestPublisherArgs): string[] {
  const { color, toneHz, size, fps, gop, seconds } = options;
  const filters = [
    ...(options.label === undefined
      ? []
      : [drawText(options.label.replace(/[^A-Za-z0-9 _-]/g, ' '), 'h*0.82', 'h/12')]),
    ...(options.frameCounter ? [drawText('%{frame_num}', 'h*0.08', 'h/10')] : []),
    'format=yuv420p',
  ];
  const command = ffmpeg(`color=c=${color}:s=${size}:r=${fps}`)
    .inputOptions(...QUIET, '-re', '-f', 'lavfi')
    .input(`sine=frequency=${toneHz}:sample_rate=48000`)
    .inputOptions('-re', '-f', 'lavfi')
    .output(options.url)
    .outputOptions(
      ...['-map', '0:v:0', '-map', '1:a:0'],
      ...['-filter:v', filters.join(',')],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency'],
      ...['-g', String(gop), '-sc_threshold', '0', '-bf', '0'],
      ...(options.videoKbps === undefined
        ? []
        : [
            '-b:v',
            `${options.videoKbps}k`,
            '-maxrate',
            `${options.videoKbps}k`,
            '-bufsize',
            `${options.videoKbps * 2}k`,
          ]),
      ...['-c:a', 'aac', '-b:a', '96k', '-ac', '2'],
      ...(seconds === undefined ? [] : ['-t', String(seconds)]),
      ...['-f', 'flv'],
    );
  return argumentsOf(command);
}

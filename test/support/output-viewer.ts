import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { type FlvTag, isMedia, isSequenceHeader, TAG_AUDIO, TAG_VIDEO } from '../../src/media/flv/tag.ts';
import { encodeFlvTag, flvHeader } from '../../src/media/flv/writer.ts';

export interface ViewerOptions {
  /** Pictures are scaled to this size. */
  readonly width: number;
  readonly height: number;
  readonly format: 'gray' | 'rgb24';
  /** The bytes are valid during the call only; the time is that of its tag. */
  readonly onPicture: (picture: Buffer, ms: number) => void;
  /** Mono at 48 kHz, one AAC frame a call. */
  readonly onSound?: (samples: Int16Array, ms: number) => void;
}

/** Decodes a programme while it runs, every picture with its own timestamp; its memory does not grow with time. */
export interface OutputViewer {
  push(tag: FlvTag): void;
  /** Resolves when what was pushed has been seen. */
  close(): Promise<void>;
}

/** Samples of one AAC-LC frame. */
const AAC_FRAME = 1024;
/** Some minute of programme: a viewer that is so far behind will not catch up. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;

/** Cuts a byte stream into pieces of one size and gives each the next of the times. */
function cut(stream: Readable, bytes: number, times: number[], onPiece: (piece: Buffer, ms: number) => void) {
  const piece = Buffer.alloc(bytes);
  let filled = 0;
  stream.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.copy(piece, filled, at, at + bytes - filled);
      filled += part;
      at += part;
      if (filled < bytes) continue;
      filled = 0;
      onPiece(piece, times.shift() ?? Number.NaN);
    }
  });
}

function decoderArgs({ width, height, format, onSound }: ViewerOptions): string[] {
  const sound = ['-map', '0:a', '-ac', '1', '-ar', '48000', '-f', 's16le', '-flush_packets', '1', 'pipe:3'];
  return [
    ...['-v', 'error', '-probesize', '32', '-analyzeduration', '0', '-threads', '1', '-f', 'flv'],
    ...['-i', 'pipe:0', '-map', '0:v', '-vf', `scale=${width}:${height}:flags=area,format=${format}`],
    ...['-fps_mode', 'passthrough', '-c:v', 'rawvideo', '-threads', '1', '-f', 'rawvideo'],
    ...['-flush_packets', '1', 'pipe:1', ...(onSound ? sound : [])],
  ];
}

/** Starts looking. Its FFmpeg takes for granted that the headers come first: what comes before them waits. */
export function openViewer(options: ViewerOptions): OutputViewer {
  const { width, height, format, onPicture, onSound } = options;
  const child = spawn('ffmpeg', decoderArgs(options), { stdio: ['pipe', 'pipe', 'ignore', 'pipe'] });
  const [stdin, pictures, , sound] = child.stdio as unknown as [Writable, Readable, null, Readable];
  const closed = once(child, 'close');
  const pictureTimes: number[] = [];
  const soundTimes: number[] = [];
  cut(pictures, width * height * (format === 'gray' ? 1 : 3), pictureTimes, onPicture);
  if (onSound) {
    cut(sound, AAC_FRAME * 2, soundTimes, (piece, ms) =>
      onSound(new Int16Array(piece.buffer, piece.byteOffset, AAC_FRAME), ms),
    );
  } else sound.resume();
  stdin.on('error', () => undefined); // it ended: close tells
  stdin.write(flvHeader());
  const wanted = onSound ? [TAG_VIDEO, TAG_AUDIO] : [TAG_VIDEO];
  let early: FlvTag[] | null = [];

  function feed(tag: FlvTag): void {
    if (isMedia(tag) && tag.type === TAG_VIDEO) pictureTimes.push(tag.timestamp);
    else if (isMedia(tag) && onSound) soundTimes.push(tag.timestamp);
    if (stdin.writableLength > MAX_UNREAD_BYTES) throw new Error('the viewer does not keep up');
    stdin.write(encodeFlvTag(tag));
  }

  return {
    push(tag) {
      if (!wanted.includes(tag.type)) return;
      if (!early) return feed(tag);
      early.push(tag);
      const headers = early.filter(isSequenceHeader);
      if (!wanted.every((type) => headers.some((header) => header.type === type))) return;
      for (const waiting of [...headers, ...early.filter((one) => !isSequenceHeader(one))]) feed(waiting);
      early = null;
    },
    async close() {
      stdin.end();
      await closed;
    },
  };
}

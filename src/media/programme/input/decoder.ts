import type { Logger } from 'pino';
import type { Frame, FramePool } from '../../canvas/frame-pool.ts';
import { type DecodedPicture, decoderArgs } from '../../ffmpeg/decoder-args.ts';
import type { FfmpegExit } from '../../ffmpeg/exit.ts';
import { openLines } from '../../ffmpeg/lines.ts';
import { startFfmpeg } from '../../ffmpeg/process.ts';
import type { TagFeed } from '../../ffmpeg/tag-feed.ts';
import type { FlvTag } from '../../flv/tag.ts';
import { readPictures, readSound, readTimes } from './decoder-readers.ts';

/** Where the decoded goes. */
export interface DecoderOutput {
  /** Of the size of the pictures; null decodes none. */
  readonly pool: FramePool | null;
  readonly audio: boolean;
  readonly onFrame: (frame: Frame) => void;
  /** Place on the timeline in samples; the array is valid during the call only. */
  readonly onSound: (position: number, samples: Int16Array) => void;
}

export interface DecoderStart {
  readonly log: Logger;
  /** Of the pool's size. */
  readonly picture: DecodedPicture | null;
  /** How the tags are handed over; the first must be the sequence headers of the tracks asked for. */
  readonly feed: TagFeed;
  readonly nice: number;
  /** A line that FFmpeg wrote of an error; it goes on all the same. */
  readonly onComplaint: (line: string) => void;
}

/** All that a decoder needs is there; starting it blocks for as long as a process takes to start. */
export interface ReadyDecoder {
  start(options: DecoderStart): Decoder;
  /** Instead of `start`. */
  close(): void;
}

/** One FFmpeg that decodes one stream to one size; it lives until it is closed or fails. */
export interface Decoder {
  readonly pid: number;
  /** Timestamps must go on without jumps. False when the child does not keep up and should be replaced. */
  write(tag: FlvTag): boolean;
  setNice(nice: number): void;
  readonly exited: Promise<FfmpegExit>;
  close(): void;
}

/** Some 20 s at 6 Mbit/s: more than any kept GOP that has to be caught up with. */
const MAX_UNREAD_BYTES = 24 * 1024 * 1024;
/** FFmpeg says where in its memory the complaining part lies. */
const ADDRESS = / @ 0x[0-9a-f]+/;

/** Opens the lines on which a decoder will give pictures, sound and their times. */
export async function prepareDecoder({
  pool,
  audio,
  onFrame,
  onSound,
}: DecoderOutput): Promise<ReadyDecoder> {
  let kill = (): void => undefined;
  const pictures = pool && readPictures(pool, onFrame, () => kill());
  const sound = readSound(onSound, () => kill());
  const pictureTimes = readTimes((_pts, seconds) => pictures?.time(seconds * 1000));
  const soundTimes = readTimes((pts) => sound.time(pts));
  const lines = await openLines([pictureTimes, soundTimes, sound, ...(pictures ? [pictures] : [])]);
  // In the order of DECODER_PIPES. Only standard output blocks a child that is ahead of us: pictures are big.
  const [more, pictureLine] = [lines.slice(0, 3), lines[3]];

  function start({ log, picture, feed, nice, onComplaint }: DecoderStart): Decoder {
    const child = startFfmpeg({
      args: decoderArgs({ format: feed.format, video: picture, audio }),
      log,
      name: 'decoder',
      stdin: 'pipe',
      stdout: pictureLine ?? 'ignore',
      lines: more,
      nice,
      onLine: (line) => onComplaint(line.replace(ADDRESS, '')),
    });
    kill = () => child.kill();
    const { stdin } = child;
    stdin?.write(feed.start);

    return {
      pid: child.pid,
      exited: child.exited,
      setNice: child.setNice,
      write(tag) {
        if (!stdin?.writable) return true; // its exit tells the rest
        const bytes = feed.encode(tag);
        if (bytes) stdin.write(bytes);
        return stdin.writableLength <= MAX_UNREAD_BYTES;
      },
      close: () => child.kill(),
    };
  }

  return {
    start,
    close() {
      for (const line of lines) line.close();
    },
  };
}

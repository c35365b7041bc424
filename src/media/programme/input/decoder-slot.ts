import type { Logger } from 'pino';
import type { CanvasSize } from '../../../domain/layout/box.ts';
import type { RenderMode, SourceCrop } from '../../../domain/layout/spec.ts';
import { createFramePool, type FramePool } from '../../canvas/frame-pool.ts';
import { fitInside, partOf } from '../../canvas/picture-box.ts';
import type { DecodedPicture } from '../../ffmpeg/decoder-args.ts';
import { tagFeed } from '../../ffmpeg/tag-feed.ts';
import type { GopKeeper } from '../../flv/gop.ts';
import { snapshotTags } from '../../flv/gop.ts';
import { readVideoConfig, type TrackHeaders } from '../../flv/packets.ts';
import { type FlvTag, isKeyFrame, isSequenceHeader, TAG_AUDIO, TAG_VIDEO } from '../../flv/tag.ts';
import { CHANNELS } from '../clock.ts';
import type { Priorities } from '../priority.ts';
import { type Decoder, prepareDecoder, type ReadyDecoder } from './decoder.ts';
import type { StartQueue } from './start-queue.ts';
import { createVideoFeed, type VideoFeed } from './video-feed.ts';

export interface CellSize {
  readonly width: number;
  readonly height: number;
  readonly renderMode: RenderMode;
  /** The part of the source that is shown. */
  readonly crop?: SourceCrop;
}

function isFitted({ renderMode }: CellSize): boolean {
  return renderMode === 'fit' || renderMode === 'fit-background';
}

function decodedPicture(cell: CellSize, videoHeader: FlvTag): DecodedPicture {
  return takenPicture(cell, cell.crop || isFitted(cell) ? sourceSize(videoHeader) : null);
}

/**
 * What is made of a source's picture for the cell: one of its size, or one that fits inside, with margins left to
 * the canvas. Without a known size it is fitted with margins, and nothing is cut.
 */
export function takenPicture(cell: CellSize, source: CanvasSize | null): DecodedPicture {
  const { width, height, renderMode, crop } = cell;
  const scaling = renderMode === 'fit-background' ? 'fit' : renderMode;
  if (!source) return { width, height, scaling };
  const part = crop ? partOf(source, crop) : null;
  const taken = part ? { part } : {};
  if (!isFitted(cell)) return { ...taken, width, height, scaling };
  return { ...taken, ...fitInside(part ?? source, cell), scaling: 'stretch' };
}

/** null for a configuration that cannot be read. */
function sourceSize(videoHeader: FlvTag): CanvasSize | null {
  try {
    return readVideoConfig(videoHeader);
  } catch {
    return null; // the decoder will tell
  }
}

export interface SlotOptions {
  readonly log: Logger;
  /** What was kept of the stream: the decoder begins with it. */
  readonly gop: GopKeeper;
  /** Sequence headers of the tracks to decode; null for one that has none, or none that can be decoded. */
  readonly headers: TrackHeaders;
  /** null: only the sound is wanted. */
  readonly size: CellSize | null;
  /** Older pictures will not be shown, in ms of the input's timeline; null: all may be. */
  readonly shownFromMs: () => number | null;
  readonly priorities: Priorities;
  readonly starts: StartQueue;
  readonly onSound: (position: number, samples: Int16Array) => void;
  readonly onPicture: (ptsMs: number) => void;
  readonly onComplaint: (line: string) => void;
  /** The decoder ended by itself or is stuck. */
  readonly onLost: () => void;
}

/** A decoder with the pictures it made, at one cell size. It starts when there is time for it. */
export interface DecoderSlot {
  readonly size: CellSize | null;
  readonly feed: VideoFeed | null;
  readonly hasVideo: boolean;
  readonly hasAudio: boolean;
  /** 0 while it has not started. */
  readonly pid: number;
  /** One past the last sample it gave, on the input's timeline. */
  readonly soundEnd: number;
  write(tag: FlvTag): void;
  /** It has caught up: from now on it works at the priority of what is shown. */
  promote(): void;
  /** Resolves when its process is gone. */
  close(): Promise<void>;
}

interface Video {
  readonly picture: DecodedPicture;
  readonly pool: FramePool;
  readonly feed: VideoFeed;
}

function openVideo(size: CellSize | null, header: FlvTag | null): Video | null {
  if (!size || !header) return null;
  const picture = decodedPicture(size, header);
  const pool = createFramePool(picture.width, picture.height);
  return { picture, pool, feed: createVideoFeed(pool, picture.width, picture.height) };
}

/** Without any track to decode the slot stays empty. */
export function openSlot(options: SlotOptions): DecoderSlot {
  const { gop, size, log, priorities } = options;
  const video = openVideo(size, options.headers.video);
  const feed = video?.feed ?? null;
  const hasVideo = video !== null;
  const hasAudio = options.headers.audio !== null;
  const headers = { video: hasVideo ? options.headers.video : null, audio: options.headers.audio };
  let decoder: Decoder | null = null;
  let soundEnd = 0;
  let closed = false;
  let promoted = false;
  // A picture can only begin at a key frame; the kept GOP begins with one.
  let keyed = false;
  let takeBack = (): void => undefined;
  if (hasVideo || hasAudio) void prepare();

  async function prepare(): Promise<void> {
    try {
      const ready = await prepareDecoder({
        pool: video?.pool ?? null,
        audio: hasAudio,
        onFrame(frame) {
          options.onPicture(frame.ptsMs);
          feed?.push(frame);
        },
        onSound(position, samples) {
          soundEnd = position + samples.length / CHANNELS;
          options.onSound(position, samples);
        },
      });
      const takeStartBack = closed ? () => undefined : options.starts.add(() => start(ready));
      takeBack = () => {
        takeStartBack();
        if (decoder === null) ready.close();
      };
      if (closed) takeBack();
    } catch (error) {
      log.warn({ err: error }, 'no decoder could be prepared');
      if (!closed) options.onLost();
    }
  }

  function start(ready: ReadyDecoder): void {
    const fromMs = options.shownFromMs();
    decoder = ready.start({
      ...{ log, feed: tagFeed(headers), onComplaint: options.onComplaint },
      picture: video && { ...video.picture, ...(fromMs === null ? {} : { fromMs }) },
      nice: promoted ? priorities.decoder : priorities.catchingUp,
    });
    watchExit(decoder);
    for (const tag of snapshotTags(gop.snapshot())) give(tag);
  }

  function watchExit(started: Decoder): void {
    started.exited
      .then((exit) => {
        if (closed) return;
        log.warn({ outcome: exit.outcome, signal: exit.signal, tail: exit.tail.slice(-3) }, 'decoder ended');
        options.onLost();
      })
      .catch((error: unknown) => log.error({ err: error }, 'decoder end not handled'));
  }

  function takes(tag: FlvTag): boolean {
    if (tag.type === TAG_AUDIO) return hasAudio;
    if (tag.type !== TAG_VIDEO || !hasVideo) return false;
    keyed ||= isKeyFrame(tag);
    return keyed || isSequenceHeader(tag);
  }

  function give(tag: FlvTag): void {
    if (!decoder || !takes(tag) || decoder.write(tag)) return;
    log.warn('decoder does not keep up and is replaced');
    options.onLost();
  }

  return {
    size,
    feed,
    hasVideo,
    hasAudio,
    get pid() {
      return decoder?.pid ?? 0;
    },
    get soundEnd() {
      return soundEnd;
    },
    promote() {
      promoted = true;
      decoder?.setNice(priorities.decoder);
    },
    write(tag) {
      // What comes before the start is kept in the GOP.
      if (!closed) give(tag);
    },
    async close() {
      if (!closed) {
        closed = true;
        takeBack();
        decoder?.close();
        feed?.close();
      }
      await decoder?.exited;
    },
  };
}

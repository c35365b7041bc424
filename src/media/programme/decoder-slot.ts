import type { Logger } from 'pino';
import type { RenderMode } from '../../domain/layout/spec.ts';
import type { DecodedPicture } from '../ffmpeg/argv.ts';
import { parseAvcConfig } from '../flv/avc-config.ts';
import type { GopKeeper, GopSnapshot } from '../flv/gop.ts';
import { snapshotTags } from '../flv/gop.ts';
import { AVC_PREFIX } from '../flv/packets.ts';
import { type FlvTag, isKeyFrame, isSequenceHeader, TAG_AUDIO, TAG_SCRIPT, TAG_VIDEO } from '../flv/tag.ts';
import { CHANNELS } from './clock.ts';
import { type Decoder, startDecoder } from './decoder.ts';
import { createFramePool, type FramePool } from './frame-pool.ts';
import { fitInside } from './picture-box.ts';
import type { Priorities } from './priority.ts';
import { createVideoFeed, type VideoFeed } from './video-feed.ts';

export interface CellSize {
  readonly width: number;
  readonly height: number;
  readonly renderMode: RenderMode;
}

/** What the decoder makes for the cell: the cell's size, or with margins left to the canvas the picture's own. */
function decodedPicture(cell: CellSize, videoHeader: FlvTag): DecodedPicture {
  const { width, height, renderMode } = cell;
  if (renderMode !== 'fit-background') return { width, height, scaling: renderMode };
  const source = sourceSize(videoHeader);
  if (!source) return { width, height, scaling: 'fit' };
  return { ...fitInside(source, cell), scaling: 'stretch' };
}

/** null for what is no H.264 configuration. */
function sourceSize(videoHeader: FlvTag): { readonly width: number; readonly height: number } | null {
  try {
    return parseAvcConfig(videoHeader.data.subarray(AVC_PREFIX));
  } catch {
    return null; // the decoder will tell
  }
}

export interface SlotOptions {
  readonly log: Logger;
  /** What was kept of the stream: the decoder begins with it. */
  readonly gop: GopKeeper;
  /** null: only the sound is wanted. */
  readonly size: CellSize | null;
  /** Older pictures will not be shown, in ms of the input's timeline; null: all may be. */
  readonly fromMs: number | null;
  readonly priorities: Priorities;
  readonly onSound: (position: number, samples: Int16Array) => void;
  readonly onPicture: (ptsMs: number) => void;
  /** The decoder ended by itself or is stuck. */
  readonly onLost: () => void;
}

/** A decoder with the pictures it made, at one cell size. */
export interface DecoderSlot {
  readonly size: CellSize | null;
  readonly feed: VideoFeed | null;
  readonly hasVideo: boolean;
  readonly hasAudio: boolean;
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

function openVideo({ size, fromMs }: SlotOptions, { videoHeader }: GopSnapshot): Video | null {
  if (!size || !videoHeader) return null;
  const picture = { ...decodedPicture(size, videoHeader), ...(fromMs === null ? {} : { fromMs }) };
  const pool = createFramePool(picture.width, picture.height);
  return { picture, pool, feed: createVideoFeed(pool, picture.width, picture.height) };
}

function startFed(options: SlotOptions, kept: GopSnapshot, video: Video | null): Decoder | null {
  const audio = kept.audioHeader !== null;
  if (!video && !audio) return null;
  const decoder = startDecoder({
    log: options.log,
    video: video && { ...video.picture, pool: video.pool },
    audio,
    nice: options.priorities.catchingUp,
    onFrame(frame) {
      options.onPicture(frame.ptsMs);
      video?.feed.push(frame);
    },
    onSound: options.onSound,
  });
  for (const tag of snapshotTags(kept)) {
    if (tag.type !== TAG_SCRIPT && (video || tag.type !== TAG_VIDEO)) decoder.write(tag);
  }
  return decoder;
}

/** Starts decoding what is kept of the stream; without any sequence header yet the slot stays empty. */
export function openSlot(options: SlotOptions): DecoderSlot {
  const { gop, size } = options;
  const kept = gop.snapshot();
  const video = openVideo(options, kept);
  const feed = video?.feed ?? null;
  const hasVideo = video !== null;
  const hasAudio = kept.audioHeader !== null;
  let soundEnd = 0;
  const onSound = (position: number, samples: Int16Array): void => {
    soundEnd = position + samples.length / CHANNELS;
    options.onSound(position, samples);
  };
  const decoder = startFed({ ...options, onSound }, kept, video);
  let closed = false;
  // A picture can only begin at a key frame; the kept GOP begins with one.
  let keyed = kept.tags.some(isKeyFrame);
  decoder?.exited
    .then((exit) => {
      if (closed) return;
      options.log.warn(
        { outcome: exit.outcome, signal: exit.signal, tail: exit.tail.slice(-3) },
        'decoder ended',
      );
      options.onLost();
    })
    .catch((error: unknown) => options.log.error({ err: error }, 'decoder end not handled'));

  function takes(tag: FlvTag): boolean {
    if (tag.type === TAG_SCRIPT) return false;
    if (tag.type === TAG_AUDIO) return hasAudio;
    keyed ||= isKeyFrame(tag);
    return hasVideo && (keyed || isSequenceHeader(tag));
  }

  return {
    size,
    feed,
    hasVideo,
    hasAudio,
    pid: decoder?.pid ?? 0,
    get soundEnd() {
      return soundEnd;
    },
    promote: () => decoder?.setNice(options.priorities.decoder),
    write(tag) {
      if (!decoder || closed || !takes(tag)) return;
      if (decoder.write(tag)) return;
      options.log.warn('decoder does not keep up and is replaced');
      options.onLost();
    },
    async close() {
      if (!closed) {
        closed = true;
        decoder?.close();
        feed?.close();
      }
      await decoder?.exited;
    },
  };
}

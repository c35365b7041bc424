import { type FlvTag, isMedia, TAG_VIDEO } from '../flv/tag.ts';
import { encodeMediaMessages } from '../rtmp/media-message.ts';
import { createWindowSpace } from './window-space.ts';

/** The tags of one merge window, gathered once for all targets that use them. */
export interface TagWindow {
  readonly tags: readonly FlvTag[];
  /** A picture, or the header of pictures. */
  readonly hasVideo: boolean;
  /** Times of the first and the last frame, or null without one. */
  readonly media: { readonly firstMs: number; readonly lastMs: number } | null;
  /**
   * All tags in chunks of that message stream, as one buffer: built once, shared by every target. Those in passing are
   * overwritten when the window has been given to all, unless keep() is called before.
   */
  bytes(messageStreamId: number, inPassing?: boolean): Buffer;
  keep(): void;
}

export interface MergeWindowOptions {
  /** How long tags are gathered, from the first one on; 0 gives each tag away at once. */
  readonly mergeMs: number;
  /** For so long tags were gathered before they came here; settle() follows those that waited as long as mergeMs. */
  readonly gatheredMs?: () => number;
  readonly onWindow: (window: TagWindow) => void;
}

/** Gathers the tags of a stream into windows. */
export interface MergeWindow {
  push(tag: FlvTag): void;
  /** Tags gathered so far and not given away. */
  gathered(): number;
  /** The source has given all that it gathered: what is left waits for its time. */
  settle(): void;
  /** Gives away what is gathered. */
  flush(): void;
}

/** A burst (a GOP from the hub) is given away in windows of about this size. */
const MAX_WINDOW_BYTES = 1024 * 1024;

/** Times of the first and the last frame among the tags, or null without one. */
export function mediaTimes(tags: readonly FlvTag[]): TagWindow['media'] {
  const first = tags.find(isMedia);
  const last = tags.findLast(isMedia);
  return first && last ? { firstMs: first.timestamp, lastMs: last.timestamp } : null;
}

/** Windows are given away one after the other: those of all streams of the process use the same memory. */
const space = createWindowSpace();

function tagWindow(tags: readonly FlvTag[]): TagWindow {
  const built = new Map<number, Buffer>();
  const passing = new Map<number, Buffer>();
  return {
    tags,
    hasVideo: tags.some((tag) => tag.type === TAG_VIDEO),
    media: mediaTimes(tags),
    bytes(messageStreamId, inPassing = false) {
      const known = built.get(messageStreamId) ?? (inPassing ? passing.get(messageStreamId) : undefined);
      if (known) return known;
      const bytes = encodeMediaMessages(tags, messageStreamId, inPassing ? space.take : undefined);
      (inPassing ? passing : built).set(messageStreamId, bytes);
      return bytes;
    },
    keep: space.keep,
  };
}

/** Has a timer while something is gathered; the last flush ends it. */
export function createMergeWindow(options: MergeWindowOptions): MergeWindow {
  const { mergeMs, onWindow, gatheredMs = () => 0 } = options;
  let tags: FlvTag[] = [];
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (tags.length === 0) return;
    const whole = tags;
    tags = [];
    bytes = 0;
    try {
      onWindow(tagWindow(whole));
    } finally {
      space.release();
    }
  }

  function wait(): void {
    timer ??= setTimeout(flush, Math.max(1, mergeMs - gatheredMs()));
  }

  return {
    push(tag) {
      tags.push(tag);
      bytes += tag.data.length;
      if (mergeMs === 0 || bytes > MAX_WINDOW_BYTES) flush();
      else if (gatheredMs() < mergeMs) wait();
    },
    settle() {
      if (tags.length > 0) wait();
    },
    gathered: () => tags.length,
    flush,
  };
}

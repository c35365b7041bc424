import {
  type FlvTag,
  isKeyFrame,
  isMedia,
  isSequenceHeader,
  TAG_AUDIO,
  TAG_SCRIPT,
  TAG_VIDEO,
} from './tag.ts';

/** What a new reader of a stream needs: headers, then every frame since the last key frame. */
export interface GopSnapshot {
  readonly metadata: FlvTag | null;
  readonly videoHeader: FlvTag | null;
  readonly audioHeader: FlvTag | null;
  /** Begins with a key frame; empty before the first, after an overflow and for sound alone. */
  readonly tags: readonly FlvTag[];
}

export interface GopKeeper {
  push(tag: FlvTag): void;
  /** A copy that later tags do not change. */
  snapshot(): GopSnapshot;
  /** So many frames are kept, the newest ones of all that were pushed. */
  frames(): number;
  /** Forgets everything (a new publisher). */
  clear(): void;
}

export interface GopLimits {
  readonly maxBytes?: number;
  readonly maxTags?: number;
}

/** 20 s at 6 Mbit/s; a longer GOP is not kept and readers wait for the next key frame. */
const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;
const DEFAULT_MAX_TAGS = 4096;

/** Keeps metadata, sequence headers and the running GOP, bounded in bytes and count. */
export function createGopKeeper(limits: GopLimits = {}): GopKeeper {
  const maxBytes = limits.maxBytes ?? DEFAULT_MAX_BYTES;
  const maxTags = limits.maxTags ?? DEFAULT_MAX_TAGS;
  let metadata: FlvTag | null = null;
  let videoHeader: FlvTag | null = null;
  let audioHeader: FlvTag | null = null;
  let tags: FlvTag[] = [];
  let bytes = 0;
  let running = false;

  function restart(): void {
    tags = [];
    bytes = 0;
    running = false;
  }

  function keepHeader(tag: FlvTag): void {
    const before = tag.type === TAG_VIDEO ? videoHeader : audioHeader;
    // Frames kept under another configuration cannot be decoded with the new one.
    if (before !== null && !before.data.equals(tag.data)) restart();
    if (tag.type === TAG_VIDEO) videoHeader = tag;
    else if (tag.type === TAG_AUDIO) audioHeader = tag;
  }

  function keepFrame(tag: FlvTag): void {
    if (isKeyFrame(tag)) {
      restart();
      running = true;
    }
    if (!running) return;
    tags.push(tag);
    bytes += tag.data.length;
    if (bytes > maxBytes || tags.length > maxTags) restart();
  }

  return {
    push(tag) {
      if (tag.type === TAG_SCRIPT) metadata = tag;
      else if (isSequenceHeader(tag)) keepHeader(tag);
      else if (isMedia(tag)) keepFrame(tag);
    },
    snapshot() {
      return { metadata, videoHeader, audioHeader, tags: [...tags] };
    },
    frames: () => tags.length,
    clear() {
      restart();
      metadata = null;
      videoHeader = null;
      audioHeader = null;
    },
  };
}

/** The snapshot as tags to send in order, headers stamped with the first frame's time (or the given one). */
export function snapshotTags(snapshot: GopSnapshot, timestamp = 0): FlvTag[] {
  const at = snapshot.tags[0]?.timestamp ?? timestamp;
  const heads = [snapshot.metadata, snapshot.videoHeader, snapshot.audioHeader];
  const stamped = heads.flatMap((head) => (head === null ? [] : [{ ...head, timestamp: at }]));
  return [...stamped, ...snapshot.tags];
}

import { type FlvTag, isKeyFrame, isMedia, TAG_VIDEO } from '../flv/tag.ts';
import type { MessageCache } from '../rtmp/media-message.ts';
import type { RtmpPublisher } from '../rtmp/publisher.ts';
import { createLagMeter } from './lag-meter.ts';
import { mediaTimes, type TagWindow } from './merge-window.ts';

export interface TargetSessionLimits {
  /** What may wait in this process for one target. */
  readonly maxQueueBytes: number;
  readonly maxQueueMs: number;
  /** Media the peer may be behind before the target counts as degraded. */
  readonly degradedLagMs: number;
  /** How long a drop counts as degraded. */
  readonly degradedAfterDropMs: number;
  /** Without a byte taken for so long the connection is given up. */
  readonly stalledMs: number;
}

/** `young`: nothing is proved yet. */
export type SessionHealth = 'young' | 'good' | 'lagging' | 'stalled';

/** What a session begins with. */
export interface SessionOpening {
  /** Headers and the kept GOP. */
  readonly tags: readonly FlvTag[];
  /** So many tags of the window that is being gathered are among them, or older. */
  readonly gathered: number;
}

/** One accepted session of a target: what is sent, what is dropped, how the peer keeps up. */
export interface TargetSession {
  readonly publisher: RtmpPublisher;
  /** Sends the opening whole: its size is bounded where it is kept. */
  begin(opening: SessionOpening): void;
  /** One window of the stream: whole and shared, or what this target may have of it. */
  write(window: TagWindow): void;
  /** Another publisher's stream follows: nothing until its key frame. */
  restart(): void;
  check(nowMs: number): SessionHealth;
  readonly lagMs: number;
  readonly droppedFrames: number;
}

/** After a session of this length without trouble the attempt counts as good. */
const PROVED_MS = 3000;
/** Drops go on until so much of the queue is left. */
const RESUME_SHARE = 0.5;

export interface TargetSessionOptions {
  readonly ackEveryBytes: number;
  readonly limits: TargetSessionLimits;
  readonly cache: MessageCache;
}

export function createTargetSession(
  publisher: RtmpPublisher,
  { ackEveryBytes, limits, cache }: TargetSessionOptions,
): TargetSession {
  const meter = createLagMeter(ackEveryBytes);
  /** Tags of the next window that the opening has made needless. */
  let skipped = 0;
  let hasVideo = false;
  let keySeen = false;
  let isDropping = false;
  let droppedFrames = 0;
  let droppedAt: number | null = null;
  let startedAt: number | null = null;

  function wrote(media: TagWindow['media']): void {
    if (media) meter.wrote(media.lastMs, publisher.writtenBytes, media.firstMs);
  }

  /** The path of a target of its own: buffers are shared with the others, the choice is not. */
  function sendTags(tags: readonly FlvTag[]): void {
    if (tags.length === 0) return;
    publisher.send(tags.map((tag) => cache.encode(tag, publisher.messageStreamId)));
    wrote(mediaTimes(tags));
  }

  function isFull(share: number): boolean {
    const backlog = publisher.backlogBytes;
    if (backlog === 0) return false;
    if (backlog > limits.maxQueueBytes * share) return true;
    return meter.queuedMs(publisher.sentBytes) > limits.maxQueueMs * share;
  }

  function drop(tag: FlvTag): void {
    if (tag.type === TAG_VIDEO) droppedFrames += 1;
    droppedAt = performance.now();
  }

  /** Whether decoding can begin at this frame. */
  function isEntry(tag: FlvTag): boolean {
    return isKeyFrame(tag) || (!hasVideo && tag.type !== TAG_VIDEO);
  }

  /** Whether a frame may go out, with the moves between sending and dropping. */
  function admits(tag: FlvTag): boolean {
    if (isDropping) isDropping = !(isEntry(tag) && !isFull(RESUME_SHARE));
    else if (isFull(1)) isDropping = true;
    if (isDropping) {
      drop(tag);
      return false;
    }
    if (isKeyFrame(tag)) keySeen = true;
    return keySeen || isEntry(tag);
  }

  /** Whether a window goes out as it is, as it does while the peer keeps up. */
  function takesWhole(window: TagWindow): boolean {
    if (skipped > 0 || isDropping) return false;
    const canDecode = keySeen || !(hasVideo || window.hasVideo);
    return canDecode && !isFull(1);
  }

  /** Headers and script data are small and decide whether what follows can be decoded: never dropped. */
  function choose(tag: FlvTag): boolean {
    if (tag.type === TAG_VIDEO) hasVideo = true;
    return !isMedia(tag) || admits(tag);
  }

  function isLagging(nowMs: number): boolean {
    const dropped = droppedAt !== null && nowMs - droppedAt < limits.degradedAfterDropMs;
    return dropped || meter.lagMs > limits.degradedLagMs;
  }

  return {
    publisher,
    begin({ tags, gathered }) {
      skipped = gathered;
      hasVideo = tags.some((tag) => tag.type === TAG_VIDEO);
      keySeen = tags.some(isKeyFrame);
      sendTags(tags);
    },
    write(window) {
      if (takesWhole(window)) {
        publisher.send([window.bytes(publisher.messageStreamId)]);
        wrote(window.media);
        return;
      }
      const rest = window.tags.slice(skipped);
      skipped = 0;
      sendTags(rest.filter(choose));
    },
    restart() {
      keySeen = false;
      hasVideo = false;
    },
    check(nowMs) {
      startedAt ??= nowMs;
      meter.update(publisher, nowMs);
      if (meter.stalledMs(nowMs) > limits.stalledMs) return 'stalled';
      if (isLagging(nowMs)) return 'lagging';
      return nowMs - startedAt >= PROVED_MS ? 'good' : 'young';
    },
    get lagMs() {
      return meter.lagMs;
    },
    get droppedFrames() {
      return droppedFrames;
    },
  };
}

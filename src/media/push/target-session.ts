import { type FlvTag, isKeyFrame, isMedia, TAG_VIDEO } from '../flv/tag.ts';
import type { RtmpPublisher } from '../rtmp/publisher.ts';
import { createLagMeter } from './lag-meter.ts';

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

/** One accepted session of a target: what is sent, what is dropped, how the peer keeps up. */
export interface TargetSession {
  readonly publisher: RtmpPublisher;
  /** Headers and the kept GOP, whole: its size is bounded where it is kept. */
  begin(tags: readonly FlvTag[]): void;
  write(tag: FlvTag): void;
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

export function createTargetSession(
  publisher: RtmpPublisher,
  ackEveryBytes: number,
  limits: TargetSessionLimits,
): TargetSession {
  const meter = createLagMeter(ackEveryBytes);
  let hasVideo = false;
  let keySeen = false;
  let isDropping = false;
  let droppedFrames = 0;
  let droppedAt: number | null = null;
  let startedAt: number | null = null;

  function send(tag: FlvTag): void {
    publisher.write(tag);
    if (isMedia(tag)) meter.wrote(tag.timestamp, publisher.writtenBytes);
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

  function note(tag: FlvTag): void {
    if (tag.type === TAG_VIDEO) hasVideo = true;
  }

  function isLagging(nowMs: number): boolean {
    const dropped = droppedAt !== null && nowMs - droppedAt < limits.degradedAfterDropMs;
    return dropped || meter.lagMs > limits.degradedLagMs;
  }

  return {
    publisher,
    begin(tags) {
      for (const tag of tags) {
        note(tag);
        if (isKeyFrame(tag)) keySeen = true;
        send(tag);
      }
    },
    write(tag) {
      note(tag);
      // Headers and script data are small and decide whether what follows can be decoded: never dropped.
      if (!isMedia(tag) || admits(tag)) send(tag);
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

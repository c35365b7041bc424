import { type FlvTag, isKeyFrame, isMedia, TAG_VIDEO } from '../flv/tag.ts';
import type { MessageCache } from '../rtmp/media-message.ts';
import type { RtmpPublisher } from '../rtmp/publisher.ts';
import { type Delivery, type DeliveryLimits, judgeDelivery } from './delivery.ts';
import { createLagMeter } from './lag-meter.ts';
import { mediaTimes, type TagWindow } from './merge-window.ts';
import { createRateMeter } from './rate-meter.ts';
import type { SendQueues } from './send-queues.ts';

export interface TargetSessionLimits extends DeliveryLimits {
  /** What may wait in this process for one target. */
  readonly maxQueueBytes: number;
  readonly maxQueueMs: number;
}

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
  check(nowMs: number): Delivery;
  /** What the system says, when it has been asked, of a session that is not acknowledged; else null. */
  probe(): ((queues: SendQueues) => void) | null;
  /** Of the stream, as the peer acknowledged it, else as its TCP confirmed it, else beyond what the kernel may hold. */
  takenBytes(): number;
  /** Who says so. */
  takenBy(): 'peer' | 'kernel' | null;
  /** It has taken the stream for a while. */
  isProved(): boolean;
  lagMs(): number;
  droppedFrames(): number;
}

/** Before more is known of it a peer is asked to acknowledge every so many bytes: soon, whatever the bitrate. */
export const FIRST_ACK_BYTES = 16 * 1024;
/** On the air for so long, the key is good. */
const PROVED_MS = 3000;
/** Drops go on until so much of the queue is left. */
const RESUME_SHARE = 0.5;
const UNSURE_MS = 1000;
/**
 * Headers and script data are sent though the queue is full. A source may send any number of them: with so much
 * waiting, more than an opening and a full queue are, the session is given up.
 */
const MAX_BACKLOG_BYTES = 32 * 1024 * 1024;
/** No kernel holds more of what it was handed. */
const KERNEL_BYTES = 4 * 1024 * 1024;

export interface TargetSessionOptions {
  /** The rarest acknowledgements a peer is asked for; one a second is enough. */
  readonly ackEveryBytes: number;
  readonly limits: TargetSessionLimits;
  readonly cache: MessageCache;
}

export function createTargetSession(
  publisher: RtmpPublisher,
  { ackEveryBytes, limits, cache }: TargetSessionOptions,
): TargetSession {
  const meter = createLagMeter(FIRST_ACK_BYTES);
  const writeRate = createRateMeter();
  /** Handshake and commands are no proof of anything. */
  const baseBytes = publisher.writtenBytes;
  let askedBytes = FIRST_ACK_BYTES;
  let confirmedBytes: number | null = null;
  let confirmedAtMs = performance.now();
  let confirmedOf = 0;
  let takenBytes = 0;
  let isProven = false;
  let isProved = false;
  /** Tags of the next window that the opening has made needless. */
  let skipped = 0;
  let hasVideo = false;
  let keySeen = false;
  let isDropping = false;
  let droppedFrames = 0;
  let droppedAt: number | null = null;
  /** The window that was sent last did not wait in this process, and so nothing before it does. */
  let takesAtOnce = false;
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

  /** As long as the kernel takes all at once, nothing of a window outlives this call. */
  function sendWhole(window: TagWindow): void {
    const inPassing = takesAtOnce;
    publisher.send([window.bytes(publisher.messageStreamId, inPassing)]);
    takesAtOnce = publisher.backlogBytes === 0;
    if (inPassing && !takesAtOnce) window.keep();
  }

  /** Headers and script data are small and decide whether what follows can be decoded: never dropped. */
  function choose(tag: FlvTag): boolean {
    if (tag.type === TAG_VIDEO) hasVideo = true;
    return !isMedia(tag) || admits(tag);
  }

  /** A peer that acknowledges more than it was ever sent is believed no further than that. */
  function ackedBytes(): number | null {
    return publisher.ackedBytes === null ? null : Math.min(publisher.ackedBytes, publisher.writtenBytes);
  }

  /** Of the stream; null before the peer has acknowledged any of it. */
  function ackedOfStream(): number | null {
    const acked = (ackedBytes() ?? 0) - baseBytes;
    return acked > 0 ? acked : null;
  }

  function countTaken(): void {
    const inKernel = (confirmedBytes ?? publisher.sentBytes - KERNEL_BYTES) - baseBytes;
    takenBytes = Math.max(takenBytes, ackedOfStream() ?? inKernel);
  }

  /**
   * What was written while the system answered makes the count too small, and a later one would look like progress:
   * such an answer is taken only when there was no better one for a while.
   */
  function confirm(writtenBefore: number, sentBefore: number, waiting: number): void {
    const nowMs = performance.now();
    if (publisher.sentBytes !== sentBefore && nowMs - confirmedAtMs < UNSURE_MS) return;
    confirmedAtMs = nowMs;
    confirmedBytes = Math.max(confirmedBytes ?? 0, sentBefore - waiting);
    confirmedOf = writtenBefore;
  }

  /** Of the stream, by the way of counting that the judgement goes by. */
  function judgedBytes(): number {
    // The first acknowledgement is proof, though a lag is not measured by it yet.
    if (ackedOfStream() !== null) return Number.POSITIVE_INFINITY;
    return (confirmedBytes ?? publisher.sentBytes) - baseBytes;
  }

  /** About one acknowledgement a second: often enough to see a stall, at no cost for many targets. */
  function askForAcks(nowMs: number): void {
    writeRate.update(publisher.writtenBytes, nowMs);
    const bytes = Math.round((writeRate.kbps() * 1000) / 8);
    const wanted = Math.min(Math.max(bytes, FIRST_ACK_BYTES), ackEveryBytes);
    if (!isProved || (wanted < 2 * askedBytes && wanted > askedBytes / 4)) return;
    askedBytes = wanted;
    publisher.askAcknowledgements(wanted);
    meter.askedFor(wanted);
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
        sendWhole(window);
        wrote(window.media);
        return;
      }
      if (publisher.backlogBytes > MAX_BACKLOG_BYTES) {
        publisher.destroy({ code: 'too-slow', message: 'the server takes less than can be kept for it' });
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
      const { writtenBytes, sentBytes, acknowledgements } = publisher;
      const acked = { ackedBytes: ackedBytes(), acknowledgements };
      meter.update({ writtenBytes, sentBytes, ...acked, confirmedBytes, confirmedOf }, nowMs);
      countTaken();
      const facts = {
        how: meter.how(),
        ageMs: nowMs - startedAt,
        takenBytes: judgedBytes(),
        idleMs: meter.stalledMs(nowMs),
        lagMs: meter.lagMs(),
        sinceDropMs: droppedAt === null ? null : nowMs - droppedAt,
      };
      const delivery = judgeDelivery(facts, limits, isProven);
      isProven ||= delivery === 'taking' || delivery === 'lagging';
      isProved ||= isProven && facts.ageMs >= PROVED_MS;
      if (delivery === 'taking') askForAcks(nowMs);
      return delivery;
    },
    probe() {
      if (meter.how() === 'acknowledged') return null;
      const { ports, writtenBytes, sentBytes } = publisher;
      return (queues) => {
        const waiting = ports === null ? null : queues.waitingBytes(ports);
        if (waiting !== null) confirm(writtenBytes, sentBytes, waiting);
      };
    },
    takenBytes: () => takenBytes,
    takenBy() {
      if (ackedOfStream() !== null) return 'peer';
      return takenBytes > 0 ? 'kernel' : null;
    },
    isProved: () => isProved,
    lagMs: meter.lagMs,
    droppedFrames: () => droppedFrames,
  };
}

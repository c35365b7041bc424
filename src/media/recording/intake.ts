import { type FlvTag, isKeyFrame, isMedia, isSequenceHeader, TAG_SCRIPT, TAG_VIDEO } from '../flv/tag.ts';
import { Timeline, type TimelineStart } from './timeline.ts';

/** What the stream reader tells about a tag. */
export interface TagInfo {
  readonly arrivalMs: number;
  readonly cached: boolean;
}

/** A tag on the copy's own timeline. */
export interface TakenTag {
  readonly tag: FlvTag;
  /** When it was live, Unix ms. */
  readonly wallMs: number;
}

export interface IntakeOptions {
  readonly start: TimelineStart;
  readonly onTag: (taken: TakenTag) => void;
}

/** A cached GOP is bounded by the hub; beyond this we stop waiting for its end. */
const MAX_BURST_BYTES = 32 * 1024 * 1024;

/**
 * Between a stream reader and a copy of its stream: begins at a key frame (from the cached GOP), gives
 * every tag its place on one timeline, leaves out what a reconnection repeats and headers that say nothing new.
 */
export class Intake {
  readonly #timeline: Timeline;
  readonly #onTag: (taken: TakenTag) => void;
  #burst: { readonly tag: FlvTag; readonly arrivalMs: number }[] = [];
  #burstBytes = 0;
  #headers = new Map<number, FlvTag>();
  #written = new Map<number, FlvTag>();
  #waitsForKey = true;

  constructor(options: IntakeOptions) {
    this.#timeline = new Timeline(options.start);
    this.#onTag = options.onTag;
  }

  get startedAtMs(): number | null {
    return this.#timeline.startedAtMs;
  }

  get sourceOffsetMs(): number | null {
    return this.#timeline.sourceOffsetMs;
  }

  take(tag: FlvTag, info: TagInfo): void {
    if (info.cached) {
      this.#burst.push({ tag, arrivalMs: info.arrivalMs });
      this.#burstBytes += tag.data.length;
      if (this.#burstBytes > MAX_BURST_BYTES) this.flush();
      return;
    }
    this.flush();
    this.#take(tag, info.arrivalMs, false);
  }

  /** Takes what is held of a cached GOP: its newest tag counts as live, the others as that much earlier. */
  flush(): void {
    const burst = this.#burst;
    this.#burst = [];
    this.#burstBytes = 0;
    const newest = burst.findLast(({ tag }) => isMedia(tag));
    for (const { tag, arrivalMs } of burst) {
      const earlierMs = newest ? (newest.tag.timestamp - tag.timestamp) | 0 : 0;
      const wallMs = (newest?.arrivalMs ?? arrivalMs) - Math.max(0, earlierMs);
      this.#take(tag, wallMs, true);
    }
  }

  /** A new publisher: headers and clock may be others, pictures begin at its first key frame. */
  streamStarted(): void {
    this.reconnected();
    this.#headers.clear();
  }

  /** The stream was away for a moment: it may be another one, and pictures go on at a key frame. */
  reconnected(): void {
    this.flush();
    this.#timeline.interrupt();
    this.#waitsForKey = true;
  }

  /** Frames were lost between the stream and us: pictures go on at the next key frame. */
  skipToKey(): void {
    this.#waitsForKey = true;
  }

  #take(tag: FlvTag, wallMs: number, cached: boolean): void {
    if (tag.type === TAG_SCRIPT) return;
    if (isSequenceHeader(tag)) {
      // Kept beyond its batch, so it gets memory of its own.
      this.#headers.set(tag.type, { ...tag, data: Buffer.from(tag.data) });
      return;
    }
    if (!isMedia(tag) || !this.#headers.has(tag.type)) return;
    if (this.#waitsForKey && !this.#mayBegin(tag)) return;
    const ms = this.#timeline.place(tag, { wallMs, cached });
    // A key frame that was taken before a reconnection counts too: what follows it can be decoded.
    if (tag.type === TAG_VIDEO) this.#waitsForKey = false;
    if (ms === null) return;
    this.#emitHeaders(ms, wallMs);
    this.#onTag({ tag: { ...tag, timestamp: ms }, wallMs });
  }

  /** Sound alone may begin anywhere, sound beside a picture only with it. */
  #mayBegin(tag: FlvTag): boolean {
    return isKeyFrame(tag) || (tag.type !== TAG_VIDEO && !this.#headers.has(TAG_VIDEO));
  }

  #emitHeaders(ms: number, wallMs: number): void {
    for (const [type, header] of this.#headers) {
      if (this.#written.get(type)?.data.equals(header.data)) continue;
      this.#written.set(type, header);
      this.#onTag({ tag: { ...header, timestamp: ms }, wallMs });
    }
  }
}

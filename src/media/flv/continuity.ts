import { MARK_END, MARK_LIVE, type StreamMark, streamMark } from './script.ts';
import { type FlvTag, isMedia, ownTag } from './tag.ts';

export interface TagInfo {
  /** Monotonic ms. */
  readonly arrivalMs: number;
  /** From the hub's kept GOP: came as a burst, and is older than its arrival says. */
  readonly cached: boolean;
}

export interface ContinuityHooks {
  onTag(tag: FlvTag, info: TagInfo): void;
  /** Before the first tag of a publisher, or of a reconnect that does not continue the last connection. */
  onStreamStart(): void;
  onStreamEnd(): void;
}

/** Makes one stream of several connections to the hub: a reconnect goes on behind the last tag it had. */
export interface Continuity {
  attach(): void;
  push(tag: FlvTag, arrivalMs: number): void;
  /** The memory of the tags that were pushed is about to be overwritten. */
  ownLast(): void;
}

interface HeldTag {
  readonly tag: FlvTag;
  readonly arrivalMs: number;
}

/** A burst that grows beyond this is no cached GOP; it is taken as a new stream. */
const MAX_HELD_TAGS = 8192;
const MAX_HELD_BYTES = 32 * 1024 * 1024;

function sameTag(a: FlvTag, b: FlvTag): boolean {
  return a.type === b.type && a.timestamp === b.timestamp && a.data.equals(b.data);
}

export function createContinuity(hooks: ContinuityHooks): Continuity {
  let live = false;
  let started = false;
  let last: FlvTag | null = null;
  // The burst of a reconnect, until we know whether it continues what we have.
  let held: HeldTag[] | null = null;
  let heldBytes = 0;
  let memory = Buffer.alloc(0);

  function start(): void {
    started = true;
    last = null;
    hooks.onStreamStart();
  }

  function end(): void {
    if (!started) return;
    started = false;
    last = null;
    hooks.onStreamEnd();
  }

  function deliver(tag: FlvTag, arrivalMs: number): void {
    if (!started) start();
    if (isMedia(tag)) last = tag;
    hooks.onTag(tag, { arrivalMs, cached: !live });
  }

  function release(): void {
    if (held === null) return;
    const burst = held;
    held = null;
    const known = last;
    const at = known === null ? -1 : burst.findLastIndex((item) => sameTag(item.tag, known));
    // Nothing kept at the hub: that publisher is gone, and the next tag belongs to another.
    if (burst.length === 0) end();
    else if (at < 0) start();
    for (const item of burst.slice(at + 1)) deliver(item.tag, item.arrivalMs);
  }

  function onMark(mark: StreamMark): void {
    release();
    live = true;
    if (mark === MARK_LIVE) return;
    end();
    if (mark !== MARK_END) start();
  }

  return {
    attach() {
      live = false;
      held = started && last !== null ? [] : null;
      heldBytes = 0;
    },
    push(tag, arrivalMs) {
      const mark = streamMark(tag);
      if (mark !== null) {
        onMark(mark);
      } else if (held === null) {
        deliver(tag, arrivalMs);
      } else {
        held.push({ tag: ownTag(tag), arrivalMs });
        heldBytes += tag.data.length;
        if (held.length > MAX_HELD_TAGS || heldBytes > MAX_HELD_BYTES) release();
      }
    },
    ownLast() {
      if (last === null || last.data.buffer === memory.buffer) return;
      const { length } = last.data;
      if (memory.length < length) memory = Buffer.allocUnsafeSlow(2 * length);
      last.data.copy(memory);
      last = { ...last, data: memory.subarray(0, length) };
    },
  };
}

import type { Logger } from 'pino';
import { sameSpec } from '../../../domain/same-spec.ts';
import type { GopKeeper } from '../../flv/gop.ts';
import type { TrackHeaders } from '../../flv/packets.ts';
import type { FlvTag } from '../../flv/tag.ts';
import { SAMPLE_RATE } from '../clock.ts';
import type { Priorities } from '../priority.ts';
import { type CellSize, type DecoderSlot, openSlot } from './decoder-slot.ts';
import type { InputSound } from './input-sound.ts';
import type { Playout } from './playout.ts';
import type { StartQueue } from './start-queue.ts';

export interface DecoderPairOptions {
  readonly log: Logger;
  /** What was kept of the stream: every decoder begins with it. */
  readonly gop: GopKeeper;
  /** Those of the tracks that can be decoded. */
  readonly headers: () => TrackHeaders;
  readonly playout: Playout;
  readonly sound: InputSound;
  readonly priorities: Priorities;
  readonly starts: StartQueue;
  /** A decoder complained of what it was given. */
  readonly onComplaint: (line: string) => void;
}

/** The decoder whose pictures are shown, and beside it, at times, the one that will take over. */
export interface DecoderPair {
  readonly active: DecoderSlot | null;
  /** Of the cell that is shown or, before that, asked for; null: only sound is. */
  readonly size: CellSize | null;
  readonly pids: readonly number[];
  write(tag: FlvTag): void;
  /** What the stream consists of has changed: a new decoder takes over, soon, when it has caught up. */
  replace(): void;
  /** Prepares pictures of this size; what is prepared waits for `commit` from now on. */
  prepare(size: CellSize | null): void;
  /** Nothing is being prepared, or it could be shown now. */
  isReady(nowMs: number): boolean;
  commit(): void;
  /** What was prepared takes over when it can. */
  advance(nowMs: number): void;
  /** Resolves when the processes are gone. */
  close(): Promise<void>;
}

/** A decoder that has come this near to now has caught up. */
const CAUGHT_UP_MS = 50;
/** The picture shown began at most so long ago: a camera of 5 frames a second. */
const SHOWN_MS = 250;
const RESTART_MIN_MS = 100;
const RESTART_MAX_MS = 2000;
/** A stream that changes all the time costs no more: each start keeps the programme from its work for a while. */
const REPLACE_EVERY_MS = 500;
/** A decoder that lived this long was a good one. */
const RESTART_FORGET_MS = 10_000;

function sameSize(a: CellSize | null, b: CellSize | null): boolean {
  return sameSpec(a, b);
}

export function createDecoderPair(options: DecoderPairOptions): DecoderPair {
  const { playout, sound } = options;
  let active: DecoderSlot | null = null;
  let pending: DecoderSlot | null = null;
  let activeLost = false;
  let wanted: CellSize | null = null;
  // While a scene is being put together, what is ready waits for the common switch.
  let held = false;
  let closed = false;
  let retryTimer: NodeJS.Timeout | undefined;
  let retryMs = RESTART_MIN_MS;
  let lastStartMs = 0;
  let replaceTimer: NodeJS.Timeout | undefined;
  let replacedMs = Number.NEGATIVE_INFINITY;

  const isShown = (slot: DecoderSlot): boolean => slot === active && !activeLost;
  /** Of two decoders only one is heard: the one shown, while it lives. */
  const isHeard = (slot: DecoderSlot): boolean => slot === (active && !activeLost ? active : pending);

  function shownFromMs(): number | null {
    const timeline = playout.at(performance.now());
    return timeline === null ? null : Math.max(0, timeline - SHOWN_MS);
  }

  function open(size: CellSize | null): DecoderSlot {
    lastStartMs = performance.now();
    const slot: DecoderSlot = openSlot({
      log: options.log,
      gop: options.gop,
      headers: options.headers(),
      size,
      shownFromMs,
      priorities: options.priorities,
      starts: options.starts,
      onSound(position, samples) {
        if (isHeard(slot)) sound.hear(slot, position, samples);
        // Its sound tells for both tracks how late it is.
        if (isShown(slot)) playout.decoded((slot.soundEnd * 1000) / SAMPLE_RATE, performance.now());
      },
      onPicture(ptsMs) {
        if (!slot.hasAudio && isShown(slot)) playout.decoded(ptsMs, performance.now());
      },
      onComplaint: options.onComplaint,
      onLost: () => lost(slot),
    });
    return slot;
  }

  function replace(): void {
    if (closed) return;
    void pending?.close();
    pending = open(wanted);
  }

  function replaceChanged(): void {
    replaceTimer = undefined;
    replacedMs = performance.now();
    replace();
  }

  function lost(slot: DecoderSlot): void {
    if (closed || (slot !== active && slot !== pending)) return;
    const livedMs = performance.now() - lastStartMs;
    retryMs = livedMs > RESTART_FORGET_MS ? RESTART_MIN_MS : Math.min(retryMs * 2, RESTART_MAX_MS);
    void slot.close();
    if (slot === pending) pending = null;
    else activeLost = true;
    clearTimeout(retryTimer);
    retryTimer = setTimeout(replace, livedMs > RESTART_FORGET_MS ? 0 : retryMs);
  }

  function takeOver(): void {
    if (!pending) return;
    // The picture shown last stays until the new decoder has its first.
    void active?.close();
    active = pending;
    active.promote();
    activeLost = false;
    pending = null;
  }

  /** The new decoder has caught up with now in picture and sound. */
  function canShow(slot: DecoderSlot, nowMs: number): boolean {
    const timeline = playout.at(nowMs);
    if (!slot.hasVideo) return true;
    if (timeline === null || !slot.feed?.isFresh(timeline, CAUGHT_UP_MS)) return false;
    const soundMatters = sound.isSounding && slot.hasAudio && !activeLost;
    return !soundMatters || sound.hasReached(slot.soundEnd);
  }

  return {
    get active() {
      return active;
    },
    get size() {
      return active?.size ?? wanted;
    },
    get pids() {
      return [active?.pid ?? 0, pending?.pid ?? 0].filter((pid) => pid > 0);
    },
    write(tag) {
      active?.write(tag);
      pending?.write(tag);
    },
    replace() {
      if (replaceTimer) return;
      const waitMs = replacedMs + REPLACE_EVERY_MS - performance.now();
      if (waitMs > 0) replaceTimer = setTimeout(replaceChanged, waitMs);
      else replaceChanged();
    },
    prepare(size) {
      held = true;
      if (sameSize(size, wanted) && (active || pending)) return;
      wanted = size;
      void pending?.close();
      pending = null;
      if (!active || !sameSize(size, active.size)) replace();
    },
    isReady(nowMs) {
      if (!pending) return true;
      return (pending.hasVideo || pending.hasAudio) && canShow(pending, nowMs);
    },
    commit() {
      held = false;
    },
    advance(nowMs) {
      if (pending && !held && (!active || canShow(pending, nowMs))) takeOver();
    },
    async close() {
      closed = true;
      clearTimeout(retryTimer);
      clearTimeout(replaceTimer);
      await Promise.all([active?.close(), pending?.close()]);
    },
  };
}

import type { Logger } from 'pino';
import type { InputState, InputStatus } from '../../domain/job.ts';
import type { MixEventBody } from '../../domain/mix-event.ts';
import { createGopKeeper } from '../flv/gop.ts';
import { createRebaser } from '../flv/rebase.ts';
import { type FlvTag, isSequenceHeader, TAG_SCRIPT, TAG_VIDEO } from '../flv/tag.ts';
import { createAnchor } from './anchor.ts';
import { type AudioFeed, createAudioFeed } from './audio-feed.ts';
import { SAMPLE_RATE } from './clock.ts';
import { type CellSize, type DecoderSlot, openSlot } from './decoder-slot.ts';
import type { Frame } from './frame-pool.ts';
import { createPcmRing } from './pcm-ring.ts';
import type { Priorities } from './priority.ts';
import type { InputRef } from './protocol.ts';
import { createReserve } from './reserve.ts';

export interface InputOptions {
  readonly ref: InputRef;
  readonly log: Logger;
  readonly priorities: Priorities;
  readonly playoutDelayMs?: number;
  readonly onEvent: (event: MixEventBody) => void;
}

export interface TagArrival {
  readonly arrivalMs: number;
  /** From the hub's cached GOP: older than it arrives. */
  readonly cached: boolean;
}

/** One user's stream in the programme: FLV tags in, the picture and sound of any moment out. */
export interface ProgrammeInput {
  readonly ref: InputRef;
  push(tag: FlvTag, arrival: TagArrival): void;
  /** The next tags come from another publisher or connection. */
  restart(): void;
  /** It has sound, and no video came with it for a while. */
  isAudioOnly(nowMs: number): boolean;
  /** Prepares pictures of this size beside the ones shown; null: only sound. */
  prepare(size: CellSize | null): void;
  /** Nothing is being prepared, or it could be shown now. */
  isReady(nowMs: number): boolean;
  /** From now on what was prepared is shown as soon as it can be. */
  commit(): void;
  /** null: the placeholder. */
  pictureAt(nowMs: number): Frame | null;
  mixInto(out: Float32Array, count: number, nowMs: number, last: boolean): void;
  readonly audio: Pick<AudioFeed, 'gain' | 'takeVolume'>;
  status(nowMs: number): Omit<InputStatus, 'volume'>;
  readonly pids: readonly number[];
  /** Resolves when its decoders are gone. */
  close(): Promise<void>;
}

const PLAYOUT_DELAY_MS = 150;
const STALLED_AFTER_MS = 1000;
const PLACEHOLDER_AFTER_MS = 4000;
/** A decoder that has come this near to now has caught up. */
const CAUGHT_UP_MS = 50;
/** Samples that the new decoder's sound may be behind at the change: the playout delay covers them. */
const SOUND_CAUGHT_UP = SAMPLE_RATE / 20;
/** Sound alone for so long: there is no video. */
const AUDIO_ONLY_AFTER_MS = 1000;
/** The picture shown began at most so long ago: a camera of 5 frames a second. */
const SHOWN_MS = 250;
const FIRST_TIMESTAMP_MS = 1000;
const RESTART_MIN_MS = 100;
const RESTART_MAX_MS = 2000;
/** A decoder that lived this long was a good one. */
const RESTART_FORGET_MS = 10_000;

function sameSize(a: CellSize | null, b: CellSize | null): boolean {
  return a?.width === b?.width && a?.height === b?.height && a?.renderMode === b?.renderMode;
}

export function createInput(options: InputOptions): ProgrammeInput {
  const { ref } = options;
  const log = options.log.child({ input: ref.streamId });
  const playoutDelayMs = options.playoutDelayMs ?? PLAYOUT_DELAY_MS;
  const gop = createGopKeeper();
  const anchor = createAnchor({ playoutDelayMs });
  const ring = createPcmRing();
  const audio = createAudioFeed(ring);
  const reserve = createReserve();
  let arrivalMs = 0;
  const rebaser = createRebaser({ baseMs: FIRST_TIMESTAMP_MS, gap: 'elapsed', now: () => arrivalMs });
  let active: DecoderSlot | null = null;
  let pending: DecoderSlot | null = null;
  let activeLost = false;
  let speaker: DecoderSlot | null = null;
  let headersChanged = false;
  let wanted: CellSize | null = null;
  // While a scene is being put together, what is ready waits for the common switch.
  let held = false;
  let closed = false;
  let retryTimer: NodeJS.Timeout | undefined;
  let retryMs = RESTART_MIN_MS;
  let lastStartMs = 0;
  let lastPicture: Frame | null = null;
  let lastPictureId = 0;
  let lastPictureMs: number | null = null;
  let lastSoundMs: number | null = null;
  let hasVideo = false;
  let firstFrameMs: number | null = null;

  const timelineAt = (nowMs: number): number | null =>
    anchor.offsetMs === null ? null : nowMs - anchor.offsetMs - playoutDelayMs - reserve.extraMs;

  /** Of two decoders only one is heard: the one shown, while it lives. */
  function hear(slot: DecoderSlot, position: number, samples: Int16Array): void {
    if (slot !== (active && !activeLost ? active : pending)) return;
    if (slot !== speaker) ring.joinExactly();
    speaker = slot;
    ring.write(position, samples);
    lastSoundMs = performance.now();
  }

  /** How late the decoder shown gives what it was given; its sound tells for both tracks. */
  function observeMargin(slot: DecoderSlot, reachedMs: number): void {
    const nowMs = performance.now();
    const timeline = timelineAt(nowMs);
    if (slot === active && !activeLost && timeline !== null) reserve.observe(reachedMs - timeline, nowMs);
  }

  function open(size: CellSize | null): DecoderSlot {
    lastStartMs = performance.now();
    const timeline = timelineAt(lastStartMs);
    const slot: DecoderSlot = openSlot({
      log,
      gop,
      size,
      fromMs: timeline === null ? null : Math.max(0, timeline - SHOWN_MS),
      priorities: options.priorities,
      onSound(position, samples) {
        hear(slot, position, samples);
        observeMargin(slot, (slot.soundEnd * 1000) / SAMPLE_RATE);
      },
      onPicture(ptsMs) {
        if (!slot.hasAudio) observeMargin(slot, ptsMs);
      },
      onLost: () => lost(slot),
    });
    return slot;
  }

  /** A new decoder beside the one shown; it takes over when it has a picture. */
  function replace(): void {
    void pending?.close();
    pending = open(wanted);
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

  function advance(nowMs: number): void {
    if (pending && !held && (!active || canShow(pending, nowMs))) takeOver();
  }

  /** The new decoder has caught up with now in picture and sound. */
  function canShow(slot: DecoderSlot, nowMs: number): boolean {
    const timeline = timelineAt(nowMs);
    if (!slot.feed || !slot.hasVideo) return true;
    if (timeline === null || !slot.feed.isFresh(timeline, CAUGHT_UP_MS)) return false;
    const isHeard = audio.isSounding && slot.hasAudio && !activeLost;
    return !isHeard || slot.soundEnd >= ring.end - SOUND_CAUGHT_UP;
  }

  function tracksChanged(before: ReturnType<typeof gop.snapshot>, tag: FlvTag): boolean {
    const known = tag.type === TAG_VIDEO ? before.videoHeader : before.audioHeader;
    return known === null || !known.data.equals(tag.data);
  }

  function pushHeader(tag: FlvTag): void {
    // Headers of both tracks come together: the decoder starts with the first frame behind them.
    headersChanged ||= tracksChanged(gop.snapshot(), tag);
    hasVideo ||= tag.type === TAG_VIDEO;
    gop.push(tag);
    active?.write(tag);
    pending?.write(tag);
  }

  function pushFrame(tag: FlvTag): void {
    if (headersChanged) {
      headersChanged = false;
      replace();
    }
    firstFrameMs ??= arrivalMs;
    gop.push(tag);
    active?.write(tag);
    pending?.write(tag);
  }

  function stateAt(nowMs: number): InputState {
    const hasPicture = (active?.hasVideo ?? false) || lastPictureMs !== null;
    const last = hasPicture ? lastPictureMs : lastSoundMs;
    if (last === null) return 'connecting';
    const age = nowMs - last;
    if (age < STALLED_AFTER_MS) return 'live';
    return age < PLACEHOLDER_AFTER_MS ? 'stalled' : 'placeholder';
  }

  return {
    ref,
    audio,
    push(tag, arrival) {
      if (closed || tag.type === TAG_SCRIPT) return;
      arrivalMs = arrival.arrivalMs;
      const placed = rebaser.rebase(tag);
      if (isSequenceHeader(tag)) {
        pushHeader(placed);
        return;
      }
      if (!arrival.cached) anchor.observe(placed.timestamp, arrival.arrivalMs);
      pushFrame(placed);
    },
    restart() {
      rebaser.discontinuity();
      anchor.reset();
      hasVideo = false;
      firstFrameMs = null;
    },
    isAudioOnly: (nowMs) => !hasVideo && firstFrameMs !== null && nowMs - firstFrameMs > AUDIO_ONLY_AFTER_MS,
    prepare(size) {
      held = true;
      if (sameSize(size, wanted) && (active || pending)) return;
      wanted = size;
      void pending?.close();
      pending = null;
      if (!active || !sameSize(size, active.size)) replace();
    },
    isReady(nowMs) {
      if (!pending || stateAt(nowMs) === 'placeholder') return true;
      return (pending.hasVideo || pending.hasAudio) && canShow(pending, nowMs);
    },
    commit() {
      held = false;
    },
    pictureAt(nowMs) {
      advance(nowMs);
      const timeline = timelineAt(nowMs);
      const picture = timeline === null ? null : (active?.feed?.pick(timeline) ?? null);
      if (picture && picture.id !== lastPictureId) {
        lastPictureId = picture.id;
        lastPictureMs = nowMs;
      }
      lastPicture = picture ?? lastPicture;
      const age = lastPictureMs === null ? Number.POSITIVE_INFINITY : nowMs - lastPictureMs;
      return age < PLACEHOLDER_AFTER_MS ? lastPicture : null;
    },
    mixInto(out, count, nowMs, last) {
      advance(nowMs);
      const timeline = timelineAt(nowMs);
      audio.mixInto(out, count, timeline === null ? null : (timeline * SAMPLE_RATE) / 1000, last);
    },
    status(nowMs) {
      const size = active?.size ?? wanted;
      return {
        ...{ streamId: ref.streamId, userId: ref.userId, stream: ref.stream },
        state: stateAt(nowMs),
        ...{ width: size?.width ?? 0, height: size?.height ?? 0 },
        hasAudio: gop.snapshot().audioHeader !== null,
      };
    },
    get pids() {
      return [active?.pid ?? 0, pending?.pid ?? 0].filter((pid) => pid > 0);
    },
    async close() {
      closed = true;
      clearTimeout(retryTimer);
      await Promise.all([active?.close(), pending?.close()]);
    },
  };
}

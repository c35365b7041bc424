import type { Logger } from 'pino';
import type { InputState, InputStatus } from '../../../domain/job.ts';
import type { RoomStream } from '../../../domain/layout/box.ts';
import type { MixEventBody } from '../../../domain/mix-event.ts';
import type { Frame } from '../../canvas/frame-pool.ts';
import { createGopKeeper } from '../../flv/gop.ts';
import { type FlvTag, isMedia, isSequenceHeader } from '../../flv/tag.ts';
import type { Priorities } from '../priority.ts';
import { createArrivals } from './arrivals.ts';
import type { AudioFeed } from './audio-feed.ts';
import { createDecoderPair } from './decoder-pair.ts';
import type { CellSize } from './decoder-slot.ts';
import { createInputPicture } from './input-picture.ts';
import { createInputReports } from './input-reports.ts';
import { createInputSound } from './input-sound.ts';
import { createInputTracks } from './input-tracks.ts';
import type { PictureCodecs } from './picture-codecs.ts';
import { createPlayout } from './playout.ts';
import type { StartQueue } from './start-queue.ts';

export interface InputOptions {
  readonly ref: RoomStream;
  readonly log: Logger;
  readonly priorities: Priorities;
  readonly starts: StartQueue;
  readonly codecs: PictureCodecs;
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
  readonly ref: RoomStream;
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
/** Sound alone for so long: there is no video. */
const AUDIO_ONLY_AFTER_MS = 1000;
const FIRST_TIMESTAMP_MS = 1000;

export function createInput(options: InputOptions): ProgrammeInput {
  const { ref, priorities, starts } = options;
  const log = options.log.child({ input: ref.streamId });
  const gop = createGopKeeper();
  const sound = createInputSound();
  const picture = createInputPicture({ holdMs: PLACEHOLDER_AFTER_MS });
  const playout = createPlayout({
    delayMs: options.playoutDelayMs ?? PLAYOUT_DELAY_MS,
    isSounding: () => sound.isSounding,
  });
  let arrivalMs = 0;
  const reports = createInputReports({
    ...{ streamId: ref.streamId, onEvent: options.onEvent },
    now: () => arrivalMs,
  });
  const arrivals = createArrivals({ reports, baseMs: FIRST_TIMESTAMP_MS });
  const tracks = createInputTracks({ codecs: options.codecs, reports, onKnown: () => decoders.replace() });
  const decoders = createDecoderPair({
    ...{ log, gop, playout, sound, priorities, starts },
    headers: tracks.decodable,
    onComplaint: reports.damaged,
  });
  let headersChanged = false;
  let firstFrameMs: number | null = null;
  let closed = false;

  function beforeFrame(): void {
    // Headers of both tracks come together: the decoder starts with the first frame behind them.
    if (headersChanged) decoders.replace();
    headersChanged = false;
    firstFrameMs ??= arrivalMs;
  }

  function stateAt(nowMs: number): InputState {
    const hasPicture = (decoders.active?.hasVideo ?? false) || picture.lastMs !== null;
    const last = hasPicture ? picture.lastMs : sound.lastMs;
    if (last === null) return 'connecting';
    const age = nowMs - last;
    if (age < STALLED_AFTER_MS) return 'live';
    return age < PLACEHOLDER_AFTER_MS ? 'stalled' : 'placeholder';
  }

  return {
    ref,
    audio: sound.feed,
    push(tag, arrival) {
      if (closed || !(isSequenceHeader(tag) || isMedia(tag))) return;
      arrivalMs = arrival.arrivalMs;
      const placed = arrivals.place(tag, arrival);
      headersChanged = tracks.take(placed) || headersChanged;
      if (isMedia(tag)) {
        if (!arrival.cached) playout.observe(placed.timestamp, arrivalMs);
        beforeFrame();
      }
      gop.push(placed);
      decoders.write(placed);
    },
    restart() {
      arrivals.restart();
      tracks.restart();
      playout.reset();
      firstFrameMs = null;
    },
    isAudioOnly: (nowMs) =>
      !tracks.hasVideo && firstFrameMs !== null && nowMs - firstFrameMs > AUDIO_ONLY_AFTER_MS,
    prepare: decoders.prepare,
    isReady: (nowMs) => stateAt(nowMs) === 'placeholder' || decoders.isReady(nowMs),
    commit: decoders.commit,
    pictureAt(nowMs) {
      decoders.advance(nowMs);
      return picture.at(nowMs, decoders.active?.feed ?? null, playout.at(nowMs));
    },
    mixInto(out, count, nowMs, last) {
      decoders.advance(nowMs);
      sound.mixInto(out, count, playout.at(nowMs), last);
    },
    status(nowMs) {
      return {
        ...{ streamId: ref.streamId, userId: ref.userId, stream: ref.stream },
        state: stateAt(nowMs),
        ...{ width: decoders.size?.width ?? 0, height: decoders.size?.height ?? 0 },
        hasAudio: gop.snapshot().audioHeader !== null,
      };
    },
    get pids() {
      return decoders.pids;
    },
    async close() {
      closed = true;
      await decoders.close();
    },
  };
}

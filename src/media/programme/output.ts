import type { Logger } from 'pino';
import { wholeAudio } from '../../domain/encoding.ts';
import type { MixEventBody } from '../../domain/mix-event.ts';
import type { AudioSpec, VideoSpec } from '../../domain/programme.ts';
import type { Encoders } from '../ffmpeg/capabilities.ts';
import { type FlvTag, TAG_AUDIO, TAG_VIDEO } from '../flv/tag.ts';
import { Interleaver } from './interleave.ts';
import { metadataTag } from './metadata.ts';
import type { TrackFrame } from './output-order.ts';
import { SoundKeeper } from './sound-keeper.ts';
import type { DuePicture } from './video-encoder.ts';
import { VideoKeeper } from './video-keeper.ts';

export interface OutputOptions {
  readonly encoders: Encoders;
  readonly video: VideoSpec | null;
  readonly audio: AudioSpec;
  readonly log: Logger;
  readonly onEvent: (event: MixEventBody) => void;
  /** In the order of their times, ms from the programme's start; those of a track only grow. */
  readonly onTag: (tag: FlvTag) => void;
}

/** The programme as one encoded stream, whatever encoders it takes one after the other. */
export interface ProgrammeOutput {
  /** The picture belongs to the encoder until `done`, which is called exactly once. */
  writeFrame(picture: DuePicture, done: () => void): void;
  /** Interleaved s16 from this sample of the programme on. */
  writeSound(firstSample: number, samples: Buffer): void;
  /** Age of the oldest picture that waits for the encoder. */
  behindMs(nowMs: number): number;
  /** Pictures that wait for the encoder. */
  readonly waiting: number;
  /** Gets an encoder ready for another spec, which is in use from `switchVideo` on. */
  prepareVideo(video: VideoSpec | null): void;
  switchVideo(): void;
  changeAudio(audio: AudioSpec): void;
  /** Called each tick. */
  check(nowMs: number): void;
  readonly starts: number;
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

export function openOutput(options: OutputOptions): ProgrammeOutput {
  const { encoders, log, onEvent } = options;
  let { video, audio } = options;
  let prepared = video;
  let metadata: Buffer | null = null;
  const soundEncoding = () => ({ ...wholeAudio(audio), heAacEncoder: encoders.heAac ?? undefined });
  const order = new Interleaver({ hasVideo: video !== null, onTag: options.onTag });

  /** Metadata goes before the header that it tells of. */
  function describe({ header }: TrackFrame, shown: VideoSpec | null): FlvTag[] {
    if (header === null) return [];
    const tag = metadataTag(shown, wholeAudio(audio));
    if (metadata?.equals(tag.data)) return [header];
    metadata = tag.data;
    return [{ ...tag, timestamp: header.timestamp }, header];
  }

  function pass(track: typeof TAG_AUDIO | typeof TAG_VIDEO, frame: TrackFrame): void {
    order.push(track, [...describe(frame, video), frame.frame], performance.now());
  }

  const pictures = new VideoKeeper({
    ...{ encoder: encoders.video, spec: video, log, onEvent },
    onFrame: (frame) => pass(TAG_VIDEO, frame),
  });
  const sound = new SoundKeeper({
    ...{ spec: soundEncoding(), log },
    onFrame: (frame) => pass(TAG_AUDIO, frame),
  });

  return {
    writeFrame: (picture, done) => pictures.writeFrame(picture, done),
    writeSound: (first, samples) => sound.write(first, samples),
    behindMs: (nowMs) => pictures.behindMs(nowMs),
    get waiting() {
      return pictures.waiting;
    },
    prepareVideo(next) {
      prepared = next;
      pictures.prepare(next);
    },
    switchVideo() {
      video = prepared;
      order.hasVideo = video !== null;
      pictures.switch();
    },
    changeAudio(next) {
      audio = next;
      sound.change(soundEncoding());
    },
    check(nowMs) {
      pictures.check(nowMs);
      sound.check(nowMs);
      order.release(nowMs);
    },
    get starts() {
      return video === null ? sound.starts : pictures.starts;
    },
    get pids() {
      return [...pictures.pids, ...sound.pids];
    },
    async stop() {
      await Promise.all([pictures.stop(), sound.stop()]);
      order.flush();
    },
  };
}

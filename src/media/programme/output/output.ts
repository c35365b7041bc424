import type { Logger } from 'pino';
import { type WholeAudioSpec, wholeAudio } from '../../../domain/encoding.ts';
import type { MixEventBody } from '../../../domain/mix-event.ts';
import type { AudioSpec, VideoSpec } from '../../../domain/programme.ts';
import { sameSpec } from '../../../domain/same-spec.ts';
import type { Encoders } from '../../ffmpeg/capabilities.ts';
import { type FlvTag, TAG_AUDIO, TAG_VIDEO } from '../../flv/tag.ts';
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
  let { video } = options;
  let prepared = video;
  /** As they are in the stream; of encoders still at work on their rest, only a new header tells. */
  let told: { readonly video: VideoSpec | null; readonly audio: WholeAudioSpec } = {
    video,
    audio: wholeAudio(options.audio),
  };
  let metadata: FlvTag | null = null;
  const heAacEncoder = encoders.heAac ?? undefined;
  const order = new Interleaver({ hasVideo: video !== null, onTag: options.onTag });

  function tell(next: Partial<typeof told>): void {
    told = { ...told, ...next };
    metadata = metadataTag(told.video, told.audio);
  }

  /** Metadata goes before the header that it tells of. */
  function pass(track: typeof TAG_AUDIO | typeof TAG_VIDEO, { header, frame }: TrackFrame<unknown>): void {
    const tags = [metadata, header, frame].filter((tag) => tag !== null);
    metadata = null;
    order.push(
      track,
      tags.map((tag) => ({ ...tag, timestamp: frame.timestamp })),
      performance.now(),
    );
  }

  const pictures = new VideoKeeper({
    ...{ encoder: encoders.video, spec: video, log, onEvent },
    onFrame(frame) {
      if (frame.header && frame.spec !== told.video) tell({ video: frame.spec });
      pass(TAG_VIDEO, frame);
    },
  });
  tell({});
  const sound = new SoundKeeper({
    ...{ spec: { ...told.audio, heAacEncoder }, log },
    onFrame(frame) {
      if (frame.header && !sameSpec(frame.spec, told.audio)) tell({ audio: frame.spec });
      pass(TAG_AUDIO, frame);
    },
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
      if (video === null) tell({ video });
      order.hasVideo = video !== null;
      pictures.switch();
    },
    changeAudio(next) {
      sound.change({ ...wholeAudio(next), heAacEncoder });
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

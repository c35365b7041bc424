import { open } from 'node:fs/promises';
import {
  EncodedAudioPacketSource,
  EncodedPacket,
  EncodedVideoPacketSource,
  Mp4OutputFormat,
  Output,
  StreamTarget,
} from 'mediabunny';
import { AudioClock } from '../mp4/audio-clock.ts';
import type { MediaPacket, TrackConfigs } from '../mp4/flv-packets.ts';

const WRITE_CHUNK_BYTES = 4 * 1024 * 1024;
const DEFAULT_FRAME_MS = 33;
/** A longer step is a gap and says nothing of how long the last frame is shown. */
const MAX_FRAME_MS = 1000;

export interface Mp4WriterOptions {
  readonly file: string;
  readonly configs: TrackConfigs;
  /** Presentation time that becomes 0. */
  readonly firstMs: number;
}

/** Writes one MP4 (not fragmented, index at the end); data goes to the disk as it comes. */
export interface Mp4Writer {
  /** Packets in decoding order of each track. */
  add(packet: MediaPacket): Promise<void>;
  /** Frames that could not be placed (before the first key frame, or behind the picture group before). */
  readonly leftOut: number;
  readonly written: number;
  /** Writes the index and syncs the file. */
  finish(): Promise<void>;
  abort(): Promise<void>;
}

interface VideoState {
  begun: boolean;
  maxPtsMs: number;
  floorMs: number;
  lastPtsMs: number;
  frameMs: number;
}

class MediabunnyWriter implements Mp4Writer {
  leftOut = 0;
  written = 0;
  readonly #output: Output;
  readonly #sync: () => Promise<void>;
  readonly #options: Mp4WriterOptions;
  readonly #video: EncodedVideoPacketSource | null;
  readonly #audio: EncodedAudioPacketSource | null;
  readonly #clock: AudioClock | null;
  readonly #state: VideoState = {
    begun: false,
    maxPtsMs: Number.NEGATIVE_INFINITY,
    floorMs: Number.NEGATIVE_INFINITY,
    lastPtsMs: 0,
    frameMs: DEFAULT_FRAME_MS,
  };
  #audioBegun = false;

  constructor(output: Output, sync: () => Promise<void>, options: Mp4WriterOptions) {
    this.#output = output;
    this.#sync = sync;
    this.#options = options;
    const { video, audio } = options.configs;
    this.#video = video ? new EncodedVideoPacketSource('avc') : null;
    this.#audio = audio ? new EncodedAudioPacketSource('aac') : null;
    this.#clock = audio ? new AudioClock(audio.sampleRate) : null;
    if (this.#video) output.addVideoTrack(this.#video);
    if (this.#audio) output.addAudioTrack(this.#audio);
  }

  async add(packet: MediaPacket): Promise<void> {
    if (packet.track === 'video') await this.#addVideo(packet);
    else await this.#addAudio(packet);
  }

  async finish(): Promise<void> {
    await this.#output.finalize();
    await this.#sync();
  }

  async abort(): Promise<void> {
    await this.#output.cancel();
    await this.#sync();
  }

  async #addVideo(packet: MediaPacket): Promise<void> {
    const config = this.#options.configs.video;
    const state = this.#state;
    if (!this.#video || !config) return;
    if (packet.key) state.floorMs = state.maxPtsMs;
    // The muxer refuses both: a first frame that is no key frame, and times within the group before.
    if ((!state.begun && !packet.key) || packet.ptsMs < state.floorMs) {
      this.leftOut += 1;
      return;
    }
    const step = packet.ptsMs - state.maxPtsMs;
    if (step > 0 && step <= MAX_FRAME_MS) state.frameMs = step;
    state.maxPtsMs = Math.max(state.maxPtsMs, packet.ptsMs);
    const meta = state.begun
      ? undefined
      : {
          decoderConfig: {
            codec: config.codec,
            codedWidth: config.width,
            codedHeight: config.height,
            description: config.description,
          },
        };
    state.begun = true;
    this.written += 1;
    const seconds = (packet.ptsMs - this.#options.firstMs) / 1000;
    const type = packet.key ? 'key' : 'delta';
    await this.#video.add(new EncodedPacket(packet.data, type, seconds, state.frameMs / 1000), meta);
  }

  async #addAudio(packet: MediaPacket): Promise<void> {
    const config = this.#options.configs.audio;
    if (!this.#audio || !this.#clock || !config || packet.data.length === 0) return;
    const meta = this.#audioBegun
      ? undefined
      : {
          decoderConfig: {
            codec: config.codec,
            sampleRate: config.sampleRate,
            numberOfChannels: config.channels,
            description: config.description,
          },
        };
    this.#audioBegun = true;
    this.written += 1;
    const seconds = this.#clock.place(packet.ptsMs - this.#options.firstMs) / 1000;
    await this.#audio.add(new EncodedPacket(packet.data, 'key', seconds, this.#clock.frameMs / 1000), meta);
  }
}

/** Opens the file and its tracks; throws what the file system does. */
export async function createMp4Writer(options: Mp4WriterOptions): Promise<Mp4Writer> {
  const handle = await open(options.file, 'w', 0o640);
  try {
    const writable = new WritableStream<{ data: Uint8Array; position: number }>({
      async write({ data, position }) {
        for (let at = 0; at < data.length; ) {
          const { bytesWritten } = await handle.write(data, at, data.length - at, position + at);
          at += bytesWritten;
        }
      },
    });
    const target = new StreamTarget(writable, { chunked: true, chunkSize: WRITE_CHUNK_BYTES });
    const output = new Output({ format: new Mp4OutputFormat({ fastStart: false }), target });
    const sync = async () => {
      await handle.sync();
      await handle.close();
    };
    const writer = new MediabunnyWriter(output, sync, options);
    await output.start();
    return writer;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

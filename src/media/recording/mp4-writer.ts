import { type FileHandle, open } from 'node:fs/promises';
import { AudioClock } from '../mp4/audio-clock.ts';
import { aacEntry, avcEntry, box, fullBox, identityMatrix, u16, u32, u64 } from '../mp4/boxes.ts';
import type { MediaPacket, TrackConfigs } from '../mp4/flv-packets.ts';
import { MOVIE_TIMESCALE, TrackTable } from '../mp4/track-table.ts';

export interface Mp4WriterOptions {
  readonly file: string;
  readonly configs: TrackConfigs;
  /** Presentation time that becomes 0. */
  readonly firstMs: number;
}

const WRITE_BYTES = 4 * 1024 * 1024;
/** Players read both tracks at once: stretches of half a second keep them near each other. */
const CHUNK_MS = 500;
const CHUNK_BYTES = 1024 * 1024;
const DEFAULT_FRAME_MS = 33;
/** A longer step is a gap and says nothing of how long the last frame is shown. */
const MAX_FRAME_MS = 1000;
/** FLV counts in ms. */
const VIDEO_TIMESCALE = 1000;
const MDAT_HEADER_BYTES = 16;

interface OpenTrack {
  readonly table: TrackTable;
  readonly clock: AudioClock | null;
  pending: Buffer[];
  pendingBytes: number;
  pendingFromMs: number;
}

/**
 * Writes one MP4 with its index at the end, from frames whose decoding times are known. Not mediabunny's:
 * that one keeps objects for every frame and stops the process for a second an hour when it ends.
 */
export class Mp4Writer {
  /** Pictures before the first key frame. */
  leftOut = 0;
  written = 0;
  readonly #handle: FileHandle;
  readonly #options: Mp4WriterOptions;
  readonly #video: OpenTrack | null;
  readonly #audio: OpenTrack | null;
  readonly #mdatAt: number;
  #out: Buffer[] = [];
  #outBytes = 0;
  /** Where what is in #out begins. */
  #position = 0;
  #frameMs = DEFAULT_FRAME_MS;
  #lastDtsMs: number | null = null;

  constructor(handle: FileHandle, options: Mp4WriterOptions) {
    this.#handle = handle;
    this.#options = options;
    const { video, audio } = options.configs;
    this.#video = video ? openTrack(this.#videoTable(video)) : null;
    this.#audio = audio ? openTrack(audioTable(audio), new AudioClock(audio.sampleRate)) : null;
    const brands = Buffer.from('isom\0\0\x02\0isomiso2avc1mp41', 'latin1');
    this.#append(box('ftyp', brands));
    this.#mdatAt = this.#end;
    // Long form from the start: how much comes is known at the end.
    this.#append(Buffer.concat([u32(1), Buffer.from('mdat', 'latin1'), u64(MDAT_HEADER_BYTES)]));
  }

  /** Packets in decoding order of each track. */
  async add(packet: MediaPacket): Promise<void> {
    if (packet.data.length === 0) return;
    if (packet.track === 'video') this.#addVideo(packet);
    else this.#addAudio(packet);
    if (this.#outBytes >= WRITE_BYTES) await this.#write();
  }

  /** Writes the index and syncs the file. */
  async finish(): Promise<void> {
    for (const track of [this.#video, this.#audio]) if (track) this.#closeChunk(track);
    const mdatBytes = this.#end - this.#mdatAt;
    this.#append(this.#movie());
    await this.#write();
    await this.#writeAt(u64(mdatBytes), this.#mdatAt + 8);
    await this.#handle.sync();
    await this.#handle.close();
  }

  async abort(): Promise<void> {
    await this.#handle.close();
  }

  get #end(): number {
    return this.#position + this.#outBytes;
  }

  #videoTable(config: NonNullable<TrackConfigs['video']>): TrackTable {
    const { width, height } = config;
    const lastDuration = () => this.#frameMs;
    const entry = avcEntry(config);
    return new TrackTable({
      id: 1,
      kind: 'video',
      timescale: VIDEO_TIMESCALE,
      entry,
      width,
      height,
      lastDuration,
    });
  }

  #addVideo(packet: MediaPacket): void {
    const track = this.#video;
    if (!track) return;
    if (track.table.samples === 0 && !packet.key) {
      this.leftOut += 1;
      return;
    }
    const stepMs = packet.dtsMs - (this.#lastDtsMs ?? packet.dtsMs);
    if (stepMs > 0 && stepMs <= MAX_FRAME_MS) this.#frameMs = stepMs;
    this.#lastDtsMs = packet.dtsMs;
    track.table.add({ bytes: packet.data.length, key: packet.key, dts: packet.dtsMs, pts: packet.ptsMs });
    this.#keep(track, packet);
  }

  #addAudio(packet: MediaPacket): void {
    const track = this.#audio;
    const sampleRate = this.#options.configs.audio?.sampleRate ?? 0;
    if (!track?.clock) return;
    const at = Math.round((track.clock.place(packet.ptsMs) * sampleRate) / 1000);
    track.table.add({ bytes: packet.data.length, key: true, dts: at, pts: at });
    this.#keep(track, packet);
  }

  #keep(track: OpenTrack, packet: MediaPacket): void {
    this.written += 1;
    if (track.pending.length === 0) track.pendingFromMs = packet.dtsMs;
    track.pending.push(packet.data);
    track.pendingBytes += packet.data.length;
    const isLong = packet.dtsMs - track.pendingFromMs >= CHUNK_MS;
    if (isLong || track.pendingBytes >= CHUNK_BYTES) this.#closeChunk(track);
  }

  #closeChunk(track: OpenTrack): void {
    if (track.pending.length === 0) return;
    track.table.addChunk(this.#end, track.pending.length);
    for (const data of track.pending) this.#append(data);
    track.pending = [];
    track.pendingBytes = 0;
  }

  #append(data: Buffer): void {
    this.#out.push(data);
    this.#outBytes += data.length;
  }

  async #write(): Promise<void> {
    const data = Buffer.concat(this.#out, this.#outBytes);
    const at = this.#position;
    this.#position += data.length;
    this.#out = [];
    this.#outBytes = 0;
    await this.#writeAt(data, at);
  }

  async #writeAt(data: Buffer, position: number): Promise<void> {
    for (let at = 0; at < data.length; ) {
      const { bytesWritten } = await this.#handle.write(data, at, data.length - at, position + at);
      at += bytesWritten;
    }
  }

  #movie(): Buffer {
    const { firstMs } = this.#options;
    const tables = [this.#video, this.#audio].flatMap((track) => (track?.table.samples ? [track.table] : []));
    const durationMs = Math.round(Math.max(0, ...tables.map((table) => table.endMs(firstMs))));
    const times = u32(0, 0, MOVIE_TIMESCALE, durationMs, 0x10000);
    const fixed = Buffer.concat([
      times,
      u16(0x100, 0),
      u32(0, 0),
      identityMatrix(),
      Buffer.alloc(24),
      u32(3),
    ]);
    return box('moov', fullBox('mvhd', 0, 0, fixed), ...tables.map((table) => table.trackBox(firstMs)));
  }
}

function openTrack(table: TrackTable, clock: AudioClock | null = null): OpenTrack {
  return { table, clock, pending: [], pendingBytes: 0, pendingFromMs: 0 };
}

function audioTable(config: NonNullable<TrackConfigs['audio']>): TrackTable {
  const timescale = config.sampleRate;
  const entry = aacEntry(config);
  return new TrackTable({
    id: 2,
    kind: 'audio',
    timescale,
    entry,
    width: 0,
    height: 0,
    lastDuration: () => 1024,
  });
}

/** Opens the file; throws what the file system does. */
export async function createMp4Writer(options: Mp4WriterOptions): Promise<Mp4Writer> {
  return new Mp4Writer(await open(options.file, 'w', 0o640), options);
}

import { box, fullBox, identityMatrix, tableBox, u16, u32, u64 } from './boxes.ts';
import { NumberList, RunList } from './number-list.ts';

export interface TrackSample {
  readonly bytes: number;
  readonly key: boolean;
  /** In the track's timescale, from any zero. */
  readonly dts: number;
  readonly pts: number;
}

export interface TrackTableOptions {
  readonly id: number;
  readonly kind: 'video' | 'audio';
  /** Units a second. */
  readonly timescale: number;
  /** Sample entry for `stsd`. */
  readonly entry: Buffer;
  readonly width: number;
  readonly height: number;
  /** Length of the last sample, in units. */
  readonly lastDuration: () => number;
}

/** Of the movie: its times are in ms. */
export const MOVIE_TIMESCALE = 1000;
const MAX_U32 = 2 ** 32 - 1;
const UNDETERMINED_LANGUAGE = 0x55c4;
/** A box that is not there. */
const NONE = Buffer.alloc(0);

/** The index of one track: some 16 bytes a sample, whatever the recording's length. */
export class TrackTable {
  readonly #options: TrackTableOptions;
  readonly #durations = new RunList();
  readonly #offsets = new RunList();
  readonly #sizes = new NumberList();
  readonly #keys = new NumberList();
  /** First chunk, samples a chunk, sample entry: one for every change. */
  readonly #chunkRuns = new NumberList();
  readonly #chunks32 = new NumberList();
  readonly #chunks64 = new NumberList();
  #chunkSamples = 0;
  #lastChunkAt = 0;
  #firstDts = 0;
  #lastDts = 0;
  #firstPts = Number.POSITIVE_INFINITY;
  #endPts = Number.NEGATIVE_INFINITY;
  #allKeys = true;
  #hasOffsets = false;
  #hasNegativeOffsets = false;

  constructor(options: TrackTableOptions) {
    this.#options = options;
  }

  get samples(): number {
    return this.#sizes.length;
  }

  /** In decoding order; a decoding time that does not grow is moved behind the one before. */
  add(sample: TrackSample): void {
    const first = this.samples === 0;
    const dts = first ? sample.dts : Math.max(sample.dts, this.#lastDts + 1);
    if (first) this.#firstDts = dts;
    else this.#durations.push(dts - this.#lastDts);
    this.#lastDts = dts;
    this.#sizes.push(sample.bytes);
    const offset = sample.pts - dts;
    this.#offsets.push(offset);
    this.#hasOffsets ||= offset !== 0;
    this.#hasNegativeOffsets ||= offset < 0;
    if (sample.key) this.#keys.push(this.samples);
    else this.#allKeys = false;
    this.#firstPts = Math.min(this.#firstPts, sample.pts);
    this.#endPts = Math.max(this.#endPts, sample.pts);
  }

  /** The last `samples` added ones lie in a row from that byte of the file on. */
  addChunk(offset: number, samples: number): void {
    this.#chunks32.push(offset | 0);
    this.#chunks64.push(Math.floor(offset / 2 ** 32));
    this.#chunks64.push(offset | 0);
    this.#lastChunkAt = offset;
    if (samples === this.#chunkSamples) return;
    this.#chunkSamples = samples;
    for (const value of [this.#chunks32.length, samples, 1]) this.#chunkRuns.push(value);
  }

  /** End of the presentation in ms, counted from `zeroMs` of the same clock as the samples. */
  endMs(zeroMs: number): number {
    const end = this.#endPts + this.#options.lastDuration();
    return (end * 1000) / this.#options.timescale - zeroMs;
  }

  /** The `trak` box, once, at the end; `zeroMs` is the time on the samples' clock that is 0 of the movie. */
  trackBox(zeroMs: number): Buffer {
    const { id, kind, timescale } = this.#options;
    this.#durations.push(this.#options.lastDuration());
    const units = this.#lastDts - this.#firstDts + this.#options.lastDuration();
    const movieMs = Math.max(0, Math.round(this.endMs(zeroMs)));
    const volume = kind === 'audio' ? 0x100 : 0;
    const size = u32(this.#options.width * 0x10000, this.#options.height * 0x10000);
    const tkhd = fullBox(
      'tkhd',
      0,
      3,
      u32(0, 0, id, 0, movieMs, 0, 0),
      u16(0, kind === 'audio' ? 1 : 0, volume, 0),
      identityMatrix(),
      size,
    );
    const long = units > MAX_U32;
    const mdhdTimes = long ? [u64(0), u64(0), u32(timescale), u64(units)] : [u32(0, 0, timescale, units)];
    const mdhd = fullBox('mdhd', long ? 1 : 0, 0, ...mdhdTimes, u16(UNDETERMINED_LANGUAGE, 0));
    return box('trak', tkhd, this.#edits(zeroMs), box('mdia', mdhd, this.#handler(), this.#information()));
  }

  /** Puts the first shown picture (not the first decoded) where it belongs in the movie. */
  #edits(zeroMs: number): Buffer {
    const { timescale } = this.#options;
    const startMs = Math.round((this.#firstPts * 1000) / timescale - zeroMs);
    const lengthMs = Math.max(0, Math.round(this.endMs(zeroMs)) - startMs);
    const shown = [lengthMs, this.#firstPts - this.#firstDts, 0x10000];
    const entries = startMs > 0 ? [startMs, -1, 0x10000, ...shown] : shown;
    return box('edts', tableBox('elst', 0, entries.length / 3, u32(...entries)));
  }

  #handler(): Buffer {
    const [type, name] = this.#options.kind === 'video' ? ['vide', 'video\0'] : ['soun', 'sound\0'];
    return fullBox('hdlr', 0, 0, 0, Buffer.from(type, 'latin1'), u32(0, 0, 0), Buffer.from(name, 'latin1'));
  }

  #information(): Buffer {
    const video = this.#options.kind === 'video';
    const header = video ? fullBox('vmhd', 0, 1, u16(0, 0, 0, 0)) : fullBox('smhd', 0, 0, u16(0, 0));
    const data = box('dinf', tableBox('dref', 0, 1, fullBox('url ', 0, 1)));
    return box('minf', header, data, box('stbl', ...this.#tables()));
  }

  #tables(): Buffer[] {
    const durations = this.#durations.finish();
    const offsets = this.#offsets.finish();
    const version = this.#hasNegativeOffsets ? 1 : 0;
    return [
      tableBox('stsd', 0, 1, this.#options.entry),
      tableBox('stts', 0, durations.count, durations.bytes),
      this.#hasOffsets ? tableBox('ctts', version, offsets.count, offsets.bytes) : NONE,
      this.#allKeys ? NONE : tableBox('stss', 0, this.#keys.length, this.#keys.toBytes()),
      tableBox('stsc', 0, this.#chunkRuns.length / 3, this.#chunkRuns.toBytes()),
      fullBox('stsz', 0, 0, 0, this.samples, this.#sizes.toBytes()),
      this.#chunkOffsets(),
    ];
  }

  #chunkOffsets(): Buffer {
    const chunks = this.#chunks32.length;
    if (this.#lastChunkAt <= MAX_U32) return tableBox('stco', 0, chunks, this.#chunks32.toBytes());
    return tableBox('co64', 0, chunks, this.#chunks64.toBytes());
  }
}

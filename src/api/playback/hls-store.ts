import type { Logger } from 'pino';
import { GatewayError } from '../../domain/errors.ts';
import { LEAST_TARGET_SECONDS, type PlaylistSegment, playlistText } from './hls-playlist.ts';

export interface HlsStoreOptions {
  readonly log: Logger;
  /** Segments of all streams together; 256 MB by default. */
  readonly maxBytes?: number;
  /** Unix ms; Date.now by default. */
  readonly now?: () => number;
}

export interface SegmentUpload {
  readonly epoch: number;
  /** Counted by the worker from 0; the same one twice is a repeated request. */
  readonly sequence: number;
  readonly durationMs: number;
  readonly programTimeMs: number;
  readonly data: Buffer;
}

/** The last segments of every stream that is watched as HLS, in memory. */
export interface HlsStore {
  /** Throws `fenced` for a lower epoch than the stream's. */
  putInit(streamId: string, epoch: number, data: Buffer): void;
  /** Throws `fenced`, and `not-found` when the init segment must come first. */
  putSegment(streamId: string, upload: SegmentUpload): void;
  /** Null while there is no segment. Counts as watching. */
  playlist(streamId: string, query: string): string | null;
  /** Resolves true when there is a segment, false when there was none in time or the store was closed. */
  waitForSegment(streamId: string, timeoutMs: number): Promise<boolean>;
  /** `init-N.mp4` or `N.m4s`; null when it is not (or no longer) there. */
  file(streamId: string, name: string): Buffer | null;
  readonly bytes: number;
  readonly streams: number;
  close(): void;
}

interface StoredSegment extends PlaylistSegment {
  readonly data: Buffer;
}

interface StoredStream {
  epoch: number;
  initName: string | null;
  readonly inits: Map<string, Buffer>;
  /** Oldest first: listed ones and a few more, for players that hold an older playlist. */
  segments: StoredSegment[];
  nextSequence: number;
  /** Of the worker; lower ones were stored already. */
  nextUpload: number;
  targetSeconds: number;
  /** Discontinuities of segments that are gone. */
  forgotten: number;
  viewedAt: number;
  storedAt: number;
}

const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;
const LISTED = 6;
const KEPT = 10;
/** After the last viewer, and after the last segment of a stream that ended. */
const LINGER_MS = 60_000;
const SWEEP_MS = 5_000;
const MAX_WAITING = 10_000;

class MemoryHlsStore implements HlsStore {
  bytes = 0;
  readonly #options: HlsStoreOptions;
  readonly #now: () => number;
  readonly #streams = new Map<string, StoredStream>();
  readonly #waiting = new Map<string, Set<(found: boolean) => void>>();
  readonly #sweeper: NodeJS.Timeout;
  #waitingCount = 0;

  constructor(options: HlsStoreOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#sweeper.unref();
  }

  get streams(): number {
    return this.#streams.size;
  }

  putInit(streamId: string, epoch: number, data: Buffer): void {
    const stream = this.#admit(streamId, epoch);
    stream.initName = null;
    this.#dropUnusedInits(stream);
    stream.initName = `init-${stream.nextSequence}.mp4`;
    stream.inits.set(stream.initName, data);
    stream.storedAt = this.#now();
    this.bytes += data.length;
    this.#bound();
  }

  putSegment(streamId: string, upload: SegmentUpload): void {
    const stream = this.#admit(streamId, upload.epoch);
    const { initName } = stream;
    if (initName === null) throw new GatewayError('not-found', 'the init segment comes first');
    stream.storedAt = this.#now();
    if (upload.sequence < stream.nextUpload) return;
    stream.nextUpload = upload.sequence + 1;
    const { durationMs, programTimeMs, data } = upload;
    const before = stream.segments.at(-1);
    const discontinuity = before !== undefined && before.init !== initName;
    const sequence = stream.nextSequence;
    stream.nextSequence += 1;
    stream.segments.push({ sequence, durationMs, programTimeMs, init: initName, discontinuity, data });
    // It must not change while a player has the playlist, so it only grows.
    stream.targetSeconds = Math.max(stream.targetSeconds, Math.ceil(durationMs / 1000));
    this.bytes += data.length;
    while (stream.segments.length > KEPT) this.#dropOldest(stream);
    this.#bound();
    this.#wake(streamId, true);
  }

  playlist(streamId: string, query: string): string | null {
    const stream = this.#streams.get(streamId);
    if (!stream || stream.segments.length === 0) return null;
    stream.viewedAt = this.#now();
    const segments = stream.segments.slice(-LISTED);
    const unlisted = stream.segments.slice(0, -LISTED);
    // The first listed segment's own mark is not written, so it counts as gone.
    const gone = [...unlisted, ...segments.slice(0, 1)].filter((segment) => segment.discontinuity).length;
    const discontinuitySequence = stream.forgotten + gone;
    return playlistText({ segments, targetSeconds: stream.targetSeconds, discontinuitySequence }, query);
  }

  waitForSegment(streamId: string, timeoutMs: number): Promise<boolean> {
    if (this.#streams.get(streamId)?.segments.length) return Promise.resolve(true);
    if (this.#waitingCount >= MAX_WAITING) return Promise.resolve(false);
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(streamId) ?? new Set();
      const settle = (found: boolean) => {
        clearTimeout(timer);
        if (waiting.delete(settle)) this.#waitingCount -= 1;
        if (waiting.size === 0) this.#waiting.delete(streamId);
        resolve(found);
      };
      const timer = setTimeout(() => settle(false), timeoutMs);
      waiting.add(settle);
      this.#waitingCount += 1;
      this.#waiting.set(streamId, waiting);
    });
  }

  file(streamId: string, name: string): Buffer | null {
    const stream = this.#streams.get(streamId);
    if (!stream) return null;
    const init = stream.inits.get(name);
    if (init) return init;
    return stream.segments.find(({ sequence }) => `${sequence}.m4s` === name)?.data ?? null;
  }

  close(): void {
    clearInterval(this.#sweeper);
    for (const streamId of [...this.#waiting.keys()]) this.#wake(streamId, false);
    this.#streams.clear();
    this.bytes = 0;
  }

  #admit(streamId: string, epoch: number): StoredStream {
    const now = this.#now();
    const known = this.#streams.get(streamId);
    if (known && known.epoch > epoch) {
      throw new GatewayError('fenced', 'a higher epoch makes the HLS of this stream', { blame: 'system' });
    }
    if (known && known.epoch < epoch) {
      known.epoch = epoch;
      known.nextUpload = 0;
      // The new run's times begin anew: its own init segment comes first.
      known.initName = null;
    }
    if (known) return known;
    const stream: StoredStream = {
      epoch,
      initName: null,
      inits: new Map(),
      segments: [],
      // Players refuse numbers that go back, so a store that begins anew starts beyond any earlier one.
      nextSequence: Math.floor(now / 1000),
      nextUpload: 0,
      targetSeconds: LEAST_TARGET_SECONDS,
      forgotten: 0,
      viewedAt: now,
      storedAt: now,
    };
    this.#streams.set(streamId, stream);
    return stream;
  }

  #dropUnusedInits(stream: StoredStream): void {
    const used = new Set(stream.segments.map((segment) => segment.init));
    for (const [name, init] of stream.inits) {
      if (used.has(name) || name === stream.initName) continue;
      this.bytes -= init.length;
      stream.inits.delete(name);
    }
  }

  #dropOldest(stream: StoredStream): void {
    const dropped = stream.segments.shift();
    if (!dropped) return;
    this.bytes -= dropped.data.length;
    if (dropped.discontinuity) stream.forgotten += 1;
    this.#dropUnusedInits(stream);
  }

  /** Above the limit the streams that were watched least recently lose their oldest segments first. */
  #bound(): void {
    const maxBytes = this.#options.maxBytes ?? DEFAULT_MAX_BYTES;
    if (this.bytes <= maxBytes) return;
    const byView = [...this.#streams].sort(([, a], [, b]) => a.viewedAt - b.viewedAt);
    for (const [streamId, stream] of byView) {
      while (this.bytes > maxBytes && stream.segments.length > 1) this.#dropOldest(stream);
      if (this.bytes <= maxBytes) return;
      if (this.#streams.size > 1) this.#drop(streamId, 'too many HLS segments in memory');
      if (this.bytes <= maxBytes) return;
    }
  }

  #drop(streamId: string, reason: string): void {
    const stream = this.#streams.get(streamId);
    if (!stream) return;
    for (const segment of stream.segments) this.bytes -= segment.data.length;
    for (const init of stream.inits.values()) this.bytes -= init.length;
    this.#streams.delete(streamId);
    this.#options.log.info({ streamId, reason }, 'HLS segments dropped');
  }

  #sweep(): void {
    const now = this.#now();
    for (const [streamId, stream] of this.#streams) {
      if (now - stream.viewedAt > LINGER_MS) this.#drop(streamId, 'nobody watches');
      else if (now - stream.storedAt > LINGER_MS) this.#drop(streamId, 'the stream ended');
    }
  }

  #wake(streamId: string, found: boolean): void {
    for (const settle of [...(this.#waiting.get(streamId) ?? [])]) settle(found);
  }
}

export function createHlsStore(options: HlsStoreOptions): HlsStore {
  return new MemoryHlsStore(options);
}

import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { StreamName } from '../domain/ids.ts';
import type { HubLimits } from './limits.ts';
import { HubStream } from './stream.ts';

/** What is known of a live stream. */
export interface HubStreamInfo {
  readonly streamId: string;
  readonly isMix: boolean;
  readonly publishedAt: number;
  readonly viewers: number;
  readonly readers: number;
}

/** The streams of a hub, live or still waited for. */
export class StreamTable {
  readonly #streams = new Map<string, HubStream>();
  readonly #scope = randomBytes(4).toString('hex');
  readonly #limits: HubLimits;
  readonly #log: Logger;

  constructor(limits: HubLimits, log: Logger) {
    this.#limits = limits;
    this.#log = log;
  }

  get(id: string): HubStream | undefined {
    return this.#streams.get(id);
  }

  open(id: string, name: StreamName): HubStream {
    const known = this.#streams.get(id);
    if (known) return known;
    const stream = new HubStream(id, name, this.#scope, this.#limits);
    this.#streams.set(id, stream);
    return stream;
  }

  list(): HubStreamInfo[] {
    const infos: HubStreamInfo[] = [];
    for (const { id, isMix, publisher, viewers, readers } of this.#streams.values()) {
      if (publisher === null) continue;
      const { publishedAt } = publisher;
      infos.push({ streamId: id, isMix, publishedAt, viewers: viewers.size, readers: readers.size });
    }
    return infos;
  }

  /** Ends viewers that take nothing, and those of streams that did not come back. */
  sweep(nowMs: number): void {
    for (const stream of this.#streams.values()) {
      this.#endStalled(stream, nowMs);
      if (stream.isWatchable(nowMs)) continue;
      for (const viewer of stream.viewers) stream.endViewer(viewer);
      if (stream.readers.size === 0) this.#streams.delete(stream.id);
    }
  }

  close(): void {
    for (const stream of this.#streams.values()) {
      for (const viewer of stream.viewers) stream.endViewer(viewer);
      for (const reader of stream.readers) stream.endReader(reader);
    }
    this.#streams.clear();
  }

  #endStalled(stream: HubStream, nowMs: number): void {
    const { viewerStallMs } = this.#limits;
    for (const viewer of stream.viewers) {
      if (viewer.isAlive(nowMs, viewerStallMs)) continue;
      this.#log.info({ streamId: stream.id }, 'a viewer that takes nothing was closed');
      stream.removeViewer(viewer);
      viewer.destroy();
    }
    for (const reader of stream.readers) {
      const dropped = reader.viewer.takeDropped();
      if (dropped > 0)
        this.#log.warn({ streamId: stream.id, task: reader.task, dropped }, 'a worker is too slow');
      if (reader.viewer.isAlive(nowMs, viewerStallMs)) continue;
      this.#log.warn({ streamId: stream.id, task: reader.task }, 'a worker that takes nothing was closed');
      stream.endReader(reader);
    }
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { toGatewayError } from '../../domain/errors.ts';
import type { HlsSegment } from './segmenter.ts';

export interface UploaderOptions {
  /** `http://gateway/internal/hls/STREAM`, or null while no gateway is known. */
  readonly address: () => Promise<string | null>;
  /** A fresh ticket for every request. */
  readonly ticket: () => string;
  readonly log: Logger;
  /** The gateway has a higher epoch of this job; nothing is sent any more. */
  readonly onFenced: () => void;
}

/** Stores init and segments at the gateway, in order; what is too old to be of use is left out. */
export interface HlsUploader {
  init(data: Buffer): void;
  segment(segment: HlsSegment): void;
  /** Segments stored so far. */
  readonly stored: number;
  /** Ends a running request; what waits is forgotten. */
  stop(): Promise<void>;
}

type Item =
  | { readonly kind: 'init'; readonly data: Buffer }
  | { readonly kind: 'segment'; readonly segment: HlsSegment; readonly sequence: number };

type Sent = 'done' | 'again' | 'init-missing' | 'fenced' | 'never';

/** More than a playlist shows: older ones nobody would fetch. */
const MAX_WAITING = 8;
const MAX_WAITING_BYTES = 48 * 1024 * 1024;
const REQUEST_MS = 5000;
const RETRY_MS = 500;

function sizeOf(item: Item): number {
  return item.kind === 'init' ? item.data.length : item.segment.data.length;
}

function meaning(status: number): Sent {
  if (status < 300) return 'done';
  if (status === 409) return 'fenced';
  if (status === 404) return 'init-missing';
  // Too large or malformed: sent again it would be the same.
  return status === 413 || status === 400 ? 'never' : 'again';
}

class QueueingUploader implements HlsUploader {
  stored = 0;
  readonly #options: UploaderOptions;
  readonly #stop = new AbortController();
  #queue: Item[] = [];
  #lastInit: Buffer | null = null;
  #sequence = 0;
  #running: Promise<void> | null = null;

  constructor(options: UploaderOptions) {
    this.#options = options;
  }

  init(data: Buffer): void {
    this.#push({ kind: 'init', data });
  }

  segment(segment: HlsSegment): void {
    this.#push({ kind: 'segment', segment, sequence: this.#sequence });
    this.#sequence += 1;
  }

  async stop(): Promise<void> {
    this.#queue = [];
    this.#stop.abort();
    await this.#running;
  }

  #push(item: Item): void {
    if (this.#stop.signal.aborted) return;
    this.#queue.push(item);
    this.#trim();
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  /** Oldest segments go first; the newest init before what is left stays. */
  #trim(): void {
    const bytes = () => this.#queue.reduce((sum, item) => sum + sizeOf(item), 0);
    while (this.#queue.length > MAX_WAITING || (bytes() > MAX_WAITING_BYTES && this.#queue.length > 1)) {
      const oldest = this.#queue.findIndex((item) => item.kind === 'segment');
      const at = Math.max(oldest, 0);
      this.#options.log.warn('the gateway does not take HLS segments in time: one is left out');
      this.#queue.splice(at, 1);
      if (this.#queue[at]?.kind === 'init' && this.#queue[at - 1]?.kind === 'init')
        this.#queue.splice(at - 1, 1);
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (let item = this.#queue[0]; item && !signal.aborted; item = this.#queue[0]) {
      const sent = await this.#send(item);
      if (signal.aborted) return;
      if (sent === 'fenced') {
        this.#queue = [];
        this.#stop.abort();
        this.#options.onFenced();
        return;
      }
      if (sent === 'init-missing' && this.#lastInit) {
        // The gateway restarted or forgot the stream.
        this.#queue.unshift({ kind: 'init', data: this.#lastInit });
      } else if (sent === 'done' || sent === 'never') {
        this.#finish(item, sent);
      } else {
        // Rejects only when we are stopped, which the loop sees itself.
        await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #finish(item: Item, sent: 'done' | 'never'): void {
    if (sent === 'never')
      this.#options.log.error({ bytes: sizeOf(item) }, 'the gateway refuses an HLS segment');
    else if (item.kind === 'init') this.#lastInit = item.data;
    else this.stored += 1;
    // Trimming may have taken it out meanwhile.
    this.#queue = this.#queue.filter((other) => other !== item);
  }

  async #send(item: Item): Promise<Sent> {
    try {
      const address = await this.#options.address();
      if (address === null) return 'again';
      const query = new URLSearchParams({ ticket: this.#options.ticket() });
      if (item.kind === 'segment') {
        query.set('sequence', String(item.sequence));
        query.set('durationMs', String(Math.round(item.segment.durationMs)));
        query.set('programTime', String(Math.round(item.segment.programTimeMs)));
      }
      const response = await fetch(`${address}/${item.kind}?${query}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/octet-stream' },
        body: Uint8Array.from(item.kind === 'init' ? item.data : item.segment.data),
        signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(REQUEST_MS)]),
      });
      await response.body?.cancel();
      return meaning(response.status);
    } catch (error) {
      this.#options.log.debug({ reason: toGatewayError(error).message }, 'an HLS segment was not stored');
      return 'again';
    }
  }
}

export function createHlsUploader(options: UploaderOptions): HlsUploader {
  return new QueueingUploader(options);
}

import type { NmsSubscriber } from 'node-media-server/src/session/rtmp_session.js';
import { type MediaRole, mediaRole } from './packets.ts';

/** Where a viewer's bytes go: an HTTP response, a WebSocket, an RTMP socket. None of these may throw. */
export interface MediaSink {
  write(buffer: Buffer): void;
  /** Bytes written but not yet taken by the peer's side of the connection. */
  readonly writableLength: number;
  /** Ends after what was written. */
  end(): void;
  destroy(): void;
}

export interface ViewerOptions {
  readonly id: string;
  readonly protocol: 'flv' | 'rtmp';
  readonly sink: MediaSink;
  readonly maxQueuedBytes: number;
  readonly nowMs: number;
}

/** Headers pass a full queue; this many times the bound ends the viewer whatever they are. */
const HARD_FACTOR = 4;
/** After a loss frames go on at a key frame once the queue is this part of its bound. */
const RESUME_PART = 4;
const FLV_BODY = 11;
const RTMP_BODY = 12;

function roleOf(protocol: 'flv' | 'rtmp', buffer: Buffer): MediaRole {
  if (protocol === 'flv') return mediaRole(buffer[0] ?? 0, buffer[FLV_BODY] ?? 0, buffer[FLV_BODY + 1] ?? 0);
  const body = RTMP_BODY + (buffer.readUIntBE(1, 3) === 0xffffff ? 4 : 0);
  return mediaRole(buffer[7] ?? 0, buffer[body] ?? 0, buffer[body + 1] ?? 0);
}

/** A subscriber of a broadcast with a bounded queue: it loses frames up to a key frame, never memory. */
export class Viewer implements NmsSubscriber {
  readonly id: string;
  /** Empty: node-media-server emits no global events for it. */
  readonly ip = '';
  readonly protocol: 'flv' | 'rtmp';
  streamPath = '';
  endTime = 0;
  droppedPackets = 0;
  readonly #sink: MediaSink;
  readonly #maxQueuedBytes: number;
  #written = 0;
  #taken = 0;
  #progressAt: number;
  #dropping = false;
  #attaching = false;
  #hasVideo = false;
  #closed = false;

  constructor(options: ViewerOptions) {
    this.id = options.id;
    this.protocol = options.protocol;
    this.#sink = options.sink;
    this.#maxQueuedBytes = options.maxQueuedBytes;
    this.#progressAt = options.nowMs;
  }

  /** What the function sends (headers and the kept GOP, bounded by the cache) is not subject to loss. */
  attach(send: () => void): void {
    this.#attaching = true;
    send();
    this.#attaching = false;
  }

  sendBuffer(buffer: Buffer): void {
    if (this.#closed || !(this.#attaching || this.#mayPass(buffer))) return;
    this.#written += buffer.length;
    this.#sink.write(buffer);
  }

  /** False when the viewer took nothing for longer than stallMs although something waits. */
  isAlive(nowMs: number, stallMs: number): boolean {
    const waiting = this.#sink.writableLength;
    const taken = this.#written - waiting;
    if (waiting === 0 || taken > this.#taken) this.#progressAt = nowMs;
    this.#taken = taken;
    return nowMs - this.#progressAt <= stallMs;
  }

  /** Packets lost since the last call. */
  takeDropped(): number {
    const { droppedPackets } = this;
    this.droppedPackets = 0;
    return droppedPackets;
  }

  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sink.end();
  }

  destroy(): void {
    this.#closed = true;
    this.#sink.destroy();
  }

  #mayPass(buffer: Buffer): boolean {
    const role = roleOf(this.protocol, buffer);
    const waiting = this.#sink.writableLength;
    if (role === 'key' || role === 'delta') this.#hasVideo = true;
    if (role.endsWith('header') || role === 'script') {
      if (waiting > HARD_FACTOR * this.#maxQueuedBytes) return this.#lose();
      return true;
    }
    if (!this.#dropping) {
      return waiting <= this.#maxQueuedBytes || this.#lose();
    }
    const canResume = role === 'key' || (role === 'audio' && !this.#hasVideo);
    if (!canResume || waiting > this.#maxQueuedBytes / RESUME_PART) return this.#lose();
    this.#dropping = false;
    return true;
  }

  #lose(): false {
    this.#dropping = true;
    this.droppedPackets += 1;
    return false;
  }
}

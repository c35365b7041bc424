import type { LookupFunction, Socket } from 'node:net';
import { parseRtmpUrl } from '../../domain/push/rtmp-url.ts';
import { Secret } from '../../domain/secret.ts';
import type { FlvTag } from '../flv/tag.ts';
import { destinationError, type OpenStep } from './connection-errors.ts';
import { type Link, openLink, type PublisherEnd } from './link.ts';
import { createMessageCache, type MessageCache } from './media-message.ts';
import { firstRoute, nextRoute } from './route.ts';
import { createTrust, type Trust } from './trust.ts';

export interface RtmpPublisherOptions {
  readonly url: Secret | string;
  /** For name look-up and TCP, and again for TLS. */
  readonly connectTimeoutMs?: number;
  /** From the first connection to the accepted stream, redirects and logins included. */
  readonly publishTimeoutMs?: number;
  /** How often the peer is asked to acknowledge. */
  readonly ackEveryBytes?: number;
  /** Packets of this many ms go out as one write; 0 sends each at once. */
  readonly mergeMs?: number;
  /** Shared by publishers that are given the same tags. */
  readonly cache?: MessageCache;
  /** For rtmps; one is to be shared by all publishers of a process. */
  readonly trust?: Trust;
  /** Instead of the system's, as node:net takes it. */
  readonly lookup?: LookupFunction;
  /** A step is done; those of the way to a login or after a redirect are told again. */
  readonly onStep?: (step: OpenStep) => void;
  /** Ends the attempt, or the session, at once. */
  readonly signal?: AbortSignal;
}

/** An accepted publishing session. Counts are bytes of this connection, handshake included. */
export interface RtmpPublisher {
  /** Queues a tag; never blocks: look at bufferedBytes. Does nothing once closed. */
  write(tag: FlvTag): void;
  /** Queues messages that are in chunks for this messageStreamId already, as one write and past the merge window. */
  send(messages: readonly Buffer[]): void;
  readonly messageStreamId: number;
  /** Asks the peer for an acknowledgement every so many bytes from now on. */
  askAcknowledgements(everyBytes: number): void;
  /** TCP ports of both ends, as the system's table of sockets names this one; null once it is gone. */
  readonly ports: { readonly local: number; readonly remote: number } | null;
  /** Sends what the merge window holds. */
  flush(): void;
  /** Waiting in this process (merge window and socket). */
  readonly bufferedBytes: number;
  /** Waiting in the socket alone; 0 while the kernel takes everything. */
  readonly backlogBytes: number;
  readonly writtenBytes: number;
  /** As acknowledged by the peer; null until it does. */
  readonly ackedBytes: number | null;
  /** How often it has acknowledged. */
  readonly acknowledgements: number;
  /** Handed to the kernel. */
  readonly sentBytes: number;
  /** Resolves (never rejects) when the connection is gone. */
  readonly closed: Promise<PublisherEnd>;
  /** Sends what is waiting, takes the stream back and ends the connection; resolves when it is gone (1.5 s at most). */
  close(): Promise<void>;
  /** Ends the connection at once. */
  destroy(end?: PublisherEnd): void;
}

const DEFAULT_CONNECT_TIMEOUT_MS = 5000;
const DEFAULT_PUBLISH_TIMEOUT_MS = 8000;
export const DEFAULT_ACK_EVERY_BYTES = 250_000;
const CLOSE_DEADLINE_MS = 1500;
const DONE: PublisherEnd = { code: 'done', message: 'closed by us' };

/**
 * Connects and publishes; resolves when the server accepted the stream. Throws name-not-found, connection-refused,
 * unreachable, timeout, tls-failed, certificate-refused, handshake-failed, app-refused, login-refused, key-refused,
 * bad-request (URL) or fenced (signal).
 */
export async function openRtmpPublisher(options: RtmpPublisherOptions): Promise<RtmpPublisher> {
  const { url, signal, lookup } = options;
  const publishTimeoutMs = options.publishTimeoutMs ?? DEFAULT_PUBLISH_TIMEOUT_MS;
  let deadline: number | null = null;
  let route = firstRoute(parseRtmpUrl(url instanceof Secret ? url.reveal() : url));
  const given = {
    trust: options.trust ?? createTrust(),
    lookup,
    signal,
    ackEveryBytes: options.ackEveryBytes ?? DEFAULT_ACK_EVERY_BYTES,
    connectTimeoutMs: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    onStep: (step: OpenStep) => {
      if (step === 'tcp') deadline ??= performance.now() + publishTimeoutMs;
      options.onStep?.(step);
    },
  };
  for (;;) {
    const leftMs: number = deadline === null ? publishTimeoutMs : deadline - performance.now();
    if (leftMs <= 0) throw destinationError('timeout', 'the server does not accept the stream');
    const opening = await openLink({ ...given, route, publishTimeoutMs: leftMs });
    if (opening.link !== null) return new LinkPublisher(opening.link, options);
    route = nextRoute(route, opening.refusal);
  }
}

/** A class: V8 keeps an object literal that has getters as a dictionary, and this one is asked for each write. */
class LinkPublisher implements RtmpPublisher {
  readonly messageStreamId: number;
  readonly closed: Promise<PublisherEnd>;
  readonly #link: Link;
  readonly #socket: Socket;
  readonly #cache: MessageCache;
  readonly #mergeMs: number;
  #parts: Buffer[] = [];
  #partBytes = 0;
  #handed = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(link: Link, { cache = createMessageCache(), mergeMs = 0 }: RtmpPublisherOptions) {
    this.messageStreamId = link.session.messageStreamId;
    this.closed = link.closed;
    this.#link = link;
    this.#socket = link.socket();
    this.#cache = cache;
    this.#mergeMs = mergeMs;
    void link.closed.then(() => clearTimeout(this.#timer));
  }

  write(tag: FlvTag): void {
    if (this.#socket.destroyed) return;
    const bytes = this.#cache.encode(tag, this.messageStreamId);
    if (this.#mergeMs === 0) {
      this.#link.write(bytes);
      return;
    }
    this.#parts.push(bytes);
    this.#partBytes += bytes.length;
    this.#timer ??= setTimeout(() => this.flush(), this.#mergeMs);
  }

  send(messages: readonly Buffer[]): void {
    if (this.#socket.destroyed) return;
    const isOne = messages.length === 1;
    if (!isOne) this.#socket.cork();
    for (const bytes of messages) this.#link.write(bytes);
    if (!isOne) this.#socket.uncork();
  }

  askAcknowledgements(everyBytes: number): void {
    this.#link.session.askAcknowledgements(everyBytes);
  }

  get ports(): RtmpPublisher['ports'] {
    const { localPort: local, remotePort: remote } = this.#socket;
    return local === undefined || remote === undefined ? null : { local, remote };
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#parts.length === 0) return;
    const bytes = this.#cache.join(this.#parts);
    this.#parts = [];
    this.#partBytes = 0;
    if (!this.#socket.destroyed) this.#link.write(bytes);
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength + this.#partBytes;
  }

  get backlogBytes(): number {
    return this.#socket.writableLength;
  }

  get writtenBytes(): number {
    return this.#link.counts.written + this.#partBytes;
  }

  get ackedBytes(): number | null {
    return this.#link.counts.acked;
  }

  get acknowledgements(): number {
    return this.#link.session.acknowledgements;
  }

  get sentBytes(): number {
    const { destroyed, writableFinished, writableLength } = this.#socket;
    // A socket that is gone holds nothing: what it threw away was not taken.
    if (!destroyed || writableFinished) this.#handed = this.#link.counts.written - writableLength;
    return this.#handed;
  }

  async close(): Promise<void> {
    this.flush();
    this.#link.finish(DONE);
    this.#link.session.finish();
    this.#socket.end();
    const deadline = setTimeout(() => this.#link.cut(), CLOSE_DEADLINE_MS);
    await this.closed;
    clearTimeout(deadline);
  }

  destroy(end: PublisherEnd = DONE): void {
    this.#link.finish(end);
    clearTimeout(this.#timer);
    this.#link.cut();
  }
}

import type { LookupFunction } from 'node:net';
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
    if (opening.link !== null) return createPublisher(opening.link, options);
    route = nextRoute(route, opening.refusal);
  }
}

function createPublisher(link: Link, options: RtmpPublisherOptions): RtmpPublisher {
  const { socket, session } = link;
  const cache = options.cache ?? createMessageCache();
  const mergeMs = options.mergeMs ?? 0;
  let parts: Buffer[] = [];
  let partBytes = 0;
  let handed = 0;
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (parts.length === 0) return;
    const bytes = cache.join(parts);
    parts = [];
    partBytes = 0;
    if (!socket.destroyed) link.write(bytes);
  }

  function destroy(end: PublisherEnd = DONE): void {
    link.finish(end);
    clearTimeout(timer);
    link.cut();
  }

  async function close(): Promise<void> {
    flush();
    link.finish(DONE);
    session.finish();
    socket.end();
    const deadline = setTimeout(() => link.cut(), CLOSE_DEADLINE_MS);
    await link.closed;
    clearTimeout(deadline);
  }

  void link.closed.then(() => clearTimeout(timer));
  return {
    write(tag) {
      if (socket.destroyed) return;
      const bytes = cache.encode(tag, session.messageStreamId);
      if (mergeMs === 0) return link.write(bytes);
      parts.push(bytes);
      partBytes += bytes.length;
      timer ??= setTimeout(flush, mergeMs);
    },
    send(messages) {
      if (socket.destroyed) return;
      socket.cork();
      for (const bytes of messages) link.write(bytes);
      socket.uncork();
    },
    get messageStreamId() {
      return session.messageStreamId;
    },
    askAcknowledgements: (everyBytes) => session.askAcknowledgements(everyBytes),
    get ports() {
      const { localPort: local, remotePort: remote } = socket;
      return local === undefined || remote === undefined ? null : { local, remote };
    },
    flush,
    get bufferedBytes() {
      return socket.writableLength + partBytes;
    },
    get backlogBytes() {
      return socket.writableLength;
    },
    get writtenBytes() {
      return link.written + partBytes;
    },
    get ackedBytes() {
      return link.acked;
    },
    get acknowledgements() {
      return session.acknowledgements;
    },
    get sentBytes() {
      // A socket that is gone holds nothing: what it threw away was not taken.
      if (!socket.destroyed || socket.writableFinished) handed = link.written - socket.writableLength;
      return handed;
    },
    closed: link.closed,
    close,
    destroy,
  };
}

import { createConnection, type Socket, type TcpNetConnectOpts } from 'node:net';
import type { DuplexOptions } from 'node:stream';
import { type ErrorCode, GatewayError } from '../../domain/errors.ts';
import { parseRtmpUrl } from '../../domain/push/rtmp-url.ts';
import { Secret } from '../../domain/secret.ts';
import type { FlvTag } from '../flv/tag.ts';
import { createMessageCache, type MessageCache } from './media-message.ts';
import { createRtmpSession, type RtmpSession, type SessionPhase } from './session.ts';

export interface RtmpPublisherOptions {
  readonly url: Secret | string;
  /** For name look-up and TCP. */
  readonly connectTimeoutMs?: number;
  /** From the TCP connection to the accepted stream. */
  readonly publishTimeoutMs?: number;
  /** How often the peer is asked to acknowledge. */
  readonly ackEveryBytes?: number;
  /** Packets of this many ms go out as one write; 0 sends each at once. */
  readonly mergeMs?: number;
  /** Shared by publishers that are given the same tags. */
  readonly cache?: MessageCache;
  /** Ends the attempt, or the session, at once. */
  readonly signal?: AbortSignal;
}

/** Why a session ended: `done` is our own close. */
export interface PublisherEnd {
  readonly code: ErrorCode | 'done';
  readonly message: string;
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
const NO_DRAIN_BYTES = 64 * 1024 * 1024;
const DONE: PublisherEnd = { code: 'done', message: 'closed by us' };

function destinationError(code: ErrorCode, message: string, cause?: unknown): GatewayError {
  return new GatewayError(code, message, { blame: 'destination', retry: 'later', cause });
}

/** Node names what the system said; addresses stay out of the text. */
function networkError(cause: NodeJS.ErrnoException): GatewayError {
  switch (cause.code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
    case 'ENODATA':
      return destinationError('name-not-found', 'the host name cannot be resolved', cause);
    case 'ECONNREFUSED':
      return destinationError('connection-refused', 'nothing listens on that port', cause);
    case 'ETIMEDOUT':
      return destinationError('timeout', 'the server does not answer', cause);
    default:
      return destinationError(
        'unreachable',
        `the server cannot be reached (${cause.code ?? 'error'})`,
        cause,
      );
  }
}

/** What it means that the server closed the connection before the stream was accepted. */
function earlyClose(phase: SessionPhase): GatewayError {
  if (phase === 'handshake')
    return destinationError('handshake-failed', 'the server closed during the handshake');
  const refused = { blame: 'destination', retry: 'never' } as const;
  if (phase === 'connect') {
    return new GatewayError('app-refused', 'the server closed on the application', refused);
  }
  return new GatewayError('key-refused', 'the server closed on the stream key', refused);
}

/** One connection: its socket, its session and the first reason why it ended. */
interface Link {
  readonly socket: Socket;
  readonly session: RtmpSession;
  readonly closed: Promise<PublisherEnd>;
  acked: number | null;
  /** Given to the socket; its own bytesWritten walks its queue at every call. */
  written: number;
  write(bytes: Buffer): void;
  finish(end: PublisherEnd): void;
}

function openLink(
  options: RtmpPublisherOptions,
  onLive: () => void,
  onEnd: (error: GatewayError) => void,
): Link {
  const url = parseRtmpUrl(options.url instanceof Secret ? options.url.reveal() : options.url);
  const connection: TcpNetConnectOpts & DuplexOptions = {
    host: url.host,
    port: url.port,
    noDelay: true,
    // Nobody waits for 'drain': queues are bounded by who writes, in bytes and in time.
    writableHighWaterMark: NO_DRAIN_BYTES,
    // Both address families are tried; the default of 250 ms gives up on far servers.
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: 1000,
  };
  const socket = createConnection(connection);
  socket.setKeepAlive(true, 5000);
  let end: PublisherEnd | null = null;
  let opened = false;
  let timer: NodeJS.Timeout | undefined;

  function fail(error: GatewayError): void {
    end ??= { code: error.code, message: error.message };
    clearTimeout(timer);
    socket.destroy();
    onEnd(error);
  }
  function limit(ms: number, what: string): void {
    clearTimeout(timer);
    timer = setTimeout(() => fail(destinationError('timeout', what)), ms);
  }

  const session = createRtmpSession(url, options.ackEveryBytes ?? DEFAULT_ACK_EVERY_BYTES, {
    send: (bytes) => link.write(bytes),
    onLive: () => {
      clearTimeout(timer);
      opened = true;
      onLive();
    },
    onFailure: fail,
    onAcknowledged: (total) => {
      link.acked = total;
    },
  });
  const closed = new Promise<PublisherEnd>((resolve) => {
    socket.once('close', () => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', abort);
      resolve(end ?? { code: 'closed-by-peer', message: 'the server closed the connection' });
    });
  });
  const abort = () => fail(destinationError('fenced', 'given up'));
  const link: Link = {
    socket,
    session,
    closed,
    acked: null,
    written: 0,
    write: (bytes) => {
      link.written += bytes.length;
      socket.write(bytes);
    },
    finish: (reason) => {
      end ??= reason;
    },
  };

  limit(options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS, 'the server does not answer');
  socket.once('connect', () => {
    limit(options.publishTimeoutMs ?? DEFAULT_PUBLISH_TIMEOUT_MS, 'the server does not accept the stream');
    session.start();
  });
  socket.on('data', (chunk: Buffer) => session.push(chunk));
  socket.on('error', (cause: NodeJS.ErrnoException) => {
    const isReset = cause.code === 'ECONNRESET' || cause.code === 'EPIPE';
    if (opened)
      fail(destinationError('closed-by-peer', `the connection was lost (${cause.code ?? 'error'})`, cause));
    else fail(isReset ? earlyClose(session.phase) : networkError(cause));
  });
  socket.on('end', () => {
    if (!opened) fail(earlyClose(session.phase));
    else socket.destroy();
  });
  if (options.signal?.aborted) abort();
  else options.signal?.addEventListener('abort', abort, { once: true });
  return link;
}

/**
 * Connects and publishes; resolves when the server accepted the stream. Throws name-not-found, connection-refused,
 * unreachable, timeout, handshake-failed, app-refused, key-refused, bad-request (URL) or fenced (signal).
 */
export async function openRtmpPublisher(options: RtmpPublisherOptions): Promise<RtmpPublisher> {
  const link = await new Promise<Link>((resolve, reject) => {
    const opening: Link = openLink(options, () => resolve(opening), reject);
  });
  return createPublisher(link, options);
}

function createPublisher(link: Link, options: RtmpPublisherOptions): RtmpPublisher {
  const { socket, session } = link;
  const cache = options.cache ?? createMessageCache();
  const mergeMs = options.mergeMs ?? 0;
  let parts: Buffer[] = [];
  let partBytes = 0;
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (parts.length === 0) return;
    const [only] = parts;
    const bytes = parts.length === 1 && only ? only : cache.join(parts);
    parts = [];
    partBytes = 0;
    if (!socket.destroyed) link.write(bytes);
  }

  function destroy(end: PublisherEnd = DONE): void {
    link.finish(end);
    clearTimeout(timer);
    socket.destroy();
  }

  async function close(): Promise<void> {
    flush();
    link.finish(DONE);
    session.finish();
    socket.end();
    const deadline = setTimeout(() => socket.destroy(), CLOSE_DEADLINE_MS);
    await link.closed;
    clearTimeout(deadline);
  }

  void link.closed.then(() => clearTimeout(timer));
  return {
    write(tag) {
      if (socket.destroyed) return;
      const bytes = cache.encode(tag, session.messageStreamId);
      if (mergeMs === 0) {
        link.write(bytes);
        return;
      }
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
    get sentBytes() {
      return link.written - socket.writableLength;
    },
    closed: link.closed,
    close,
    destroy,
  };
}

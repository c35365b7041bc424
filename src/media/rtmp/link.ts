import { createConnection, isIP, type LookupFunction, type Socket, type TcpNetConnectOpts } from 'node:net';
import type { DuplexOptions } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { ErrorCode, GatewayError } from '../../domain/errors.ts';
import { destinationError, linkEnd, linkError, type OpenStep } from './connection-errors.ts';
import type { ConnectRefusal } from './replies.ts';
import { type Route, routeNames } from './route.ts';
import { createRtmpSession, type RtmpSession, type SessionPhase } from './session.ts';
import type { Trust } from './trust.ts';

/** Why a session ended: `done` is our own close. */
export interface PublisherEnd {
  readonly code: ErrorCode | 'done';
  readonly message: string;
}

export interface LinkOptions {
  readonly route: Route;
  readonly trust: Trust;
  readonly lookup: LookupFunction | undefined;
  readonly ackEveryBytes: number;
  /** For name look-up and TCP, and again for TLS. */
  readonly connectTimeoutMs: number;
  /** From there to the accepted stream. */
  readonly publishTimeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** A step of the opening is done. */
  readonly onStep: (step: OpenStep) => void;
}

/** Bytes of one connection. */
export interface LinkCounts {
  /** As acknowledged by the peer; null until it does. */
  readonly acked: number | null;
  /** Given to the socket; its own bytesWritten walks its queue at every call. */
  readonly written: number;
}

/** One connection: its socket, its session and the first reason why it ended. */
export interface Link {
  /** The TLS socket where there is one. */
  socket(): Socket;
  readonly session: RtmpSession;
  readonly closed: Promise<PublisherEnd>;
  readonly counts: LinkCounts;
  write(bytes: Buffer): void;
  finish(end: PublisherEnd): void;
  /** Ends the connection at once: what is on its way to the peer is thrown away, and the peer hears it. */
  cut(): void;
}

/** The stream was accepted, or `connect` was refused in a way that may lead on. */
export type LinkOpening =
  | { readonly link: Link; readonly refusal: null }
  | { readonly link: null; readonly refusal: ConnectRefusal };

const NO_DRAIN_BYTES = 64 * 1024 * 1024;
const KEEP_ALIVE_MS = 5000;
const STEP_BEFORE: Readonly<Record<Exclude<SessionPhase, 'handshake'>, OpenStep>> = {
  connect: 'handshake',
  publish: 'connect',
  live: 'publish',
};

function openTcp({ route, lookup }: LinkOptions): Socket {
  const connection: TcpNetConnectOpts & DuplexOptions = {
    host: route.url.host,
    port: route.url.port,
    noDelay: true,
    // Nobody waits for 'drain': queues are bounded by who writes, in bytes and in time.
    writableHighWaterMark: NO_DRAIN_BYTES,
    // Both address families are tried; the default of 250 ms gives up on far servers.
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: 1000,
    ...(lookup === undefined ? {} : { lookup }),
  };
  const socket = createConnection(connection);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return socket;
}

/** TLS over a connection that stands; certificates are always verified, whatever the environment says. */
function openTls(socket: Socket, { route, trust }: LinkOptions): Socket {
  const { host } = route.url;
  return connectTls({
    socket,
    host,
    secureContext: trust.context(),
    rejectUnauthorized: true,
    // Server names are names (RFC 6066): an address is only compared with the certificate.
    ...(isIP(host) === 0 ? { servername: host } : {}),
  });
}

/** Rejects with what is wrong on the way: see openRtmpPublisher. */
export function openLink(options: LinkOptions): Promise<LinkOpening> {
  return new Promise((resolve, reject) => {
    startLink(options, resolve, reject);
  });
}

function startLink(
  options: LinkOptions,
  resolve: (opening: LinkOpening) => void,
  reject: (error: GatewayError) => void,
): void {
  const { route, signal, onStep } = options;
  const isSecure = route.url.protocol === 'rtmps';
  let end: PublisherEnd | null = null;
  let step: 'tcp' | 'tls' | 'session' = 'tcp';
  const counts: { acked: number | null; written: number } = { acked: null, written: 0 };
  let timer: NodeJS.Timeout | undefined;
  const tcp = openTcp(options);
  let socket = tcp;

  function cut(): void {
    // Without a reset the kernel goes on sending what it holds: seconds of stream to a slow peer, which stays on air.
    if (!tcp.connecting && !tcp.destroyed) tcp.resetAndDestroy();
    tcp.destroy();
    socket.destroy();
  }
  function stop(reason: PublisherEnd): void {
    end ??= reason;
    clearTimeout(timer);
    cut();
  }
  function fail(error: GatewayError): void {
    stop({ code: error.code, message: error.message });
    reject(error);
  }
  function limit(ms: number, error: () => GatewayError): void {
    clearTimeout(timer);
    timer = setTimeout(() => fail(error()), ms);
  }
  const abort = () => fail(destinationError('fenced', 'given up'));

  const session = createRtmpSession(routeNames(route), options.ackEveryBytes, {
    send: (bytes) => link.write(bytes),
    onPhase: (phase) => {
      if (phase !== 'handshake') onStep(STEP_BEFORE[phase]);
      if (phase !== 'live') return;
      clearTimeout(timer);
      resolve({ link, refusal: null });
    },
    onConnectRefused: (refusal) => {
      stop({ code: 'app-refused', message: 'the server refused the application' });
      resolve({ link: null, refusal });
    },
    onFailure: fail,
    onAcknowledged: (total) => {
      counts.acked = total;
    },
  });

  const stage = () => ({ step, phase: session.phase, isSecure });
  function onError(cause: NodeJS.ErrnoException): void {
    if (end === null) fail(linkError(cause, stage()));
  }
  function onEnd(): void {
    if (session.phase === 'live') socket.destroy();
    else fail(linkEnd(stage()));
  }

  const closed = new Promise<PublisherEnd>((done) => {
    const onClose = (which: Socket) => {
      if (which !== socket) return;
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      done(end ?? { code: 'closed-by-peer', message: 'the server closed the connection' });
    };
    const watch = (which: Socket) => {
      which.on('error', onError);
      which.once('close', () => onClose(which));
    };
    const startSession = () => {
      step = 'session';
      limit(options.publishTimeoutMs, () =>
        destinationError('timeout', 'the server does not accept the stream'),
      );
      socket.on('data', (chunk: Buffer) => session.push(chunk));
      session.start();
    };
    const startTls = () => {
      step = 'tls';
      limit(options.connectTimeoutMs, () =>
        destinationError('tls-failed', 'the server does not answer in TLS on that port'),
      );
      try {
        socket = openTls(socket, options);
      } catch (cause) {
        fail(destinationError('tls-failed', 'the trusted certificates of this machine are unusable', cause));
        return;
      }
      watch(socket);
      socket.once('secureConnect', () => {
        onStep('tls');
        startSession();
      });
      socket.on('end', onEnd);
    };
    watch(socket);
    limit(options.connectTimeoutMs, () => destinationError('timeout', 'the server does not answer'));
    if (isIP(route.url.host) !== 0) onStep('name');
    socket.on('lookup', (error: Error | null) => {
      if (error === null) onStep('name');
    });
    socket.once('connect', () => {
      onStep('tcp');
      if (isSecure) startTls();
      else {
        socket.on('end', onEnd);
        startSession();
      }
    });
  });

  const link: Link = {
    socket: () => socket,
    session,
    closed,
    counts,
    write: (bytes) => {
      counts.written += bytes.length;
      socket.write(bytes);
    },
    finish: (reason) => {
      end ??= reason;
    },
    cut,
  };

  if (signal?.aborted) abort();
  else signal?.addEventListener('abort', abort, { once: true });
}

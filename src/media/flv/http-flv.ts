import { connect, type Socket } from 'node:net';
import { toGatewayError } from '../../domain/errors.ts';
import { createFlvParser } from './parser.ts';
import type { FlvTag } from './tag.ts';

export interface HttpFlvOptions {
  readonly url: string;
  readonly onOpen: () => void;
  readonly onTag: (tag: FlvTag) => void;
  /** All tags of what came at once were given; with damage in it, those before that. */
  readonly onRead?: () => void;
  /** The data of tags is overwritten behind onRead: who keeps it copies it, and no memory is made for reads. */
  readonly lent?: boolean;
  readonly signal: AbortSignal;
  readonly connectTimeoutMs?: number;
}

/** How one HTTP-FLV connection ended. */
export type HttpFlvEnd =
  | { readonly kind: 'aborted' }
  /** The gateway answered 409: a higher epoch of the same task reads. */
  | { readonly kind: 'fenced' }
  | { readonly kind: 'refused'; readonly status: number }
  | { readonly kind: 'lost'; readonly message: string };

const DEFAULT_CONNECT_TIMEOUT_MS = 3000;
const KEEP_ALIVE_MS = 5000;
const HTTP_PORT = 80;
const OK = 200;
const CONFLICT = 409;
const MAX_HEAD_BYTES = 16 * 1024;
const HEAD_END = '\r\n\r\n';
const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})/;
const NO_HTTP = 'the gateway does not speak HTTP';
/** Reads follow one another into blocks, which tags share: Node would make a buffer of 64 kB for each tag that comes. */
const BLOCK_BYTES = 128 * 1024;
const MIN_ROOM_BYTES = 16 * 1024;
const LENT_BYTES = 256 * 1024;

/** Room for reads; a block lives as long as what was read into it. */
interface ReadBlocks {
  room(): Buffer;
  /** So many bytes of the room were filled. */
  took(count: number): Buffer;
}

/** Room for one read after the other of all connections that lend: each is over before the next begins. */
const lentBlocks: ReadBlocks = (() => {
  const memory = Buffer.allocUnsafeSlow(LENT_BYTES);
  return { room: () => memory, took: (count) => memory.subarray(0, count) };
})();

function createReadBlocks(): ReadBlocks {
  let free: Buffer = Buffer.alloc(0);
  return {
    room() {
      if (free.length < MIN_ROOM_BYTES) free = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      return free;
    },
    took(count) {
      const bytes = free.subarray(0, count);
      free = free.subarray(count);
      return bytes;
    },
  };
}

function lost(message: string): HttpFlvEnd {
  return { kind: 'lost', message };
}

/** Takes the bytes of a response: its head, then the stream; answers why it is over, or null while it goes on. */
function createResponseReader({
  onOpen,
  onTag,
  onRead,
}: HttpFlvOptions): (bytes: Buffer) => HttpFlvEnd | null {
  const parser = createFlvParser({ onTag });
  let head: Buffer | null = Buffer.alloc(0);

  function parse(bytes: Buffer): void {
    try {
      parser.push(bytes);
    } finally {
      onRead?.();
    }
  }

  function readHead(bytes: Buffer): HttpFlvEnd | null {
    const whole: Buffer = Buffer.concat([head ?? Buffer.alloc(0), bytes]);
    const end = whole.indexOf(HEAD_END);
    head = whole;
    if (end < 0) return whole.length > MAX_HEAD_BYTES ? lost(NO_HTTP) : null;
    const status = Number(STATUS_LINE.exec(whole.toString('latin1', 0, end))?.[1] ?? 0);
    if (status === 0) return lost(NO_HTTP);
    if (status !== OK) return status === CONFLICT ? { kind: 'fenced' } : { kind: 'refused', status };
    head = null;
    onOpen();
    parse(whole.subarray(end + HEAD_END.length));
    return null;
  }

  return (bytes) => {
    try {
      if (head !== null) return readHead(bytes);
      parse(bytes);
      return null;
    } catch (error) {
      return lost(toGatewayError(error).message);
    }
  };
}

/** Connects and asks; `onBytes` answers false when no more is to be read. */
function openRequest({ url: address, lent }: HttpFlvOptions, onBytes: (bytes: Buffer) => boolean): Socket {
  const url = new URL(address);
  const blocks = lent ? lentBlocks : createReadBlocks();
  const socket = connect({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || HTTP_PORT),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    onread: { buffer: () => blocks.room(), callback: (count) => onBytes(blocks.took(count)) },
  });
  // Of version 1.0, so that the body comes as it is, up to the end of the connection.
  socket.write(`GET ${url.pathname}${url.search} HTTP/1.0\r\nHost: ${url.host}\r\n\r\n`);
  return socket;
}

/** Reads one HTTP-FLV response to its end, whatever ends it; never throws. An idle stream is no failure. */
export async function readHttpFlv(options: HttpFlvOptions): Promise<HttpFlvEnd> {
  const { signal, connectTimeoutMs = DEFAULT_CONNECT_TIMEOUT_MS } = options;
  return new Promise((resolve) => {
    if (signal.aborted) return resolve({ kind: 'aborted' });
    const read = createResponseReader(options);
    let over = false;
    const socket = openRequest(options, (bytes) => {
      const end = over ? null : read(bytes);
      if (end !== null) finish(end);
      return !over;
    });
    const timer = setTimeout(() => finish(lost('no connection in time')), connectTimeoutMs);
    const abort = () => finish({ kind: 'aborted' });
    function finish(end: HttpFlvEnd): void {
      if (over) return;
      over = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.destroy();
      resolve(end);
    }
    signal.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => clearTimeout(timer));
    socket.on('error', (error) => finish(lost(error.message)));
    socket.once('close', () => finish(lost('the gateway ended the stream')));
  });
}

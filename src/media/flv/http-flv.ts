import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { toGatewayError } from '../../domain/errors.ts';
import { createFlvParser } from './parser.ts';
import type { FlvTag } from './tag.ts';

export interface HttpFlvOptions {
  readonly url: string;
  readonly onOpen: () => void;
  readonly onTag: (tag: FlvTag) => void;
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
const CONFLICT = 409;

function limitConnect(req: ClientRequest, ms: number): void {
  req.once('socket', (socket) => {
    const timer = setTimeout(() => req.destroy(new Error('no connection in time')), ms);
    const clear = () => clearTimeout(timer);
    socket.once('connect', clear).once('close', clear);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.setNoDelay(true);
  });
}

function readBody(
  response: IncomingMessage,
  options: HttpFlvOptions,
  finish: (end: HttpFlvEnd) => void,
): void {
  const parser = createFlvParser({ onTag: options.onTag });
  options.onOpen();
  response.on('data', (chunk: Buffer) => {
    try {
      parser.push(chunk);
    } catch (error) {
      finish({ kind: 'lost', message: toGatewayError(error).message });
    }
  });
  const ended = () => finish({ kind: 'lost', message: 'the gateway ended the stream' });
  response.once('end', ended).once('close', ended).once('error', ended);
}

/** Reads one HTTP-FLV response to its end, whatever ends it; never throws. An idle stream is no failure. */
export async function readHttpFlv(options: HttpFlvOptions): Promise<HttpFlvEnd> {
  return new Promise((resolve) => {
    if (options.signal.aborted) return resolve({ kind: 'aborted' });
    const req = request(options.url, { agent: false, method: 'GET' });
    const abort = () => finish({ kind: 'aborted' });
    let over = false;
    function finish(end: HttpFlvEnd): void {
      if (over) return;
      over = true;
      options.signal.removeEventListener('abort', abort);
      req.destroy();
      resolve(end);
    }
    options.signal.addEventListener('abort', abort, { once: true });
    limitConnect(req, options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS);
    req.on('error', (error) => finish({ kind: 'lost', message: error.message }));
    req.once('response', (response) => {
      const status = response.statusCode ?? 0;
      if (status === 200) readBody(response, options, finish);
      else finish(status === CONFLICT ? { kind: 'fenced' } : { kind: 'refused', status });
    });
    req.end();
  });
}

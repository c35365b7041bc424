import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { GatewayError } from '../../domain/errors.ts';
import type { AddressPolicy } from './address-policy.ts';
import { httpGet } from './http-get.ts';
import { parsePictureUrl } from './picture-url.ts';

export interface FetchOptions {
  readonly policy: AddressPolicy;
  readonly signal: AbortSignal;
  /** A try, from the name to the last byte and over redirects: 10 s by default. */
  readonly tryMs?: number;
  /** Before the second try, and twice of it before the third: 500 ms by default. */
  readonly pauseMs?: number;
}

export const MAX_PICTURE_BYTES = 5 * 1024 * 1024;
/** What may come beside it: five million pieces of one byte would keep the programme from its work. */
const MAX_FRAMING_BYTES = 256 * 1024;
const MAX_TRIES = 3;
const MAX_REDIRECTS = 3;
const TRY_MS = 10_000;
const PAUSE_MS = 500;

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Too early, too many, or the server's own trouble: it can get better. */
const PASSING = new Set([408, 425, 429]);
/** Of the network, by the codes of the system; all else (certificates, protocol) stays as it is. */
const NETWORK = /^(E[A-Z]*(REFUSED|RESET|TIMEDOUT|UNREACH|PIPE|NOTFOUND|AGAIN|ABORTED)|EAI_AGAIN)$/;

function failure(code: 'too-large' | 'bad-media' | 'unreachable', message: string, passing = false) {
  return new GatewayError(code, message, { blame: 'source', retry: passing ? 'later' : 'never' });
}

function tooLarge(): GatewayError {
  return failure('too-large', 'larger than 5 MB');
}

async function readBody(answer: IncomingMessage): Promise<Buffer> {
  const encoding = answer.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw failure('bad-media', 'it comes compressed, which was not asked for');
  if (Number(answer.headers['content-length'] ?? 0) > MAX_PICTURE_BYTES) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_PICTURE_BYTES) throw tooLarge();
    chunks.push(chunk);
    const framing = answer.socket.bytesRead - bytes - answer.readableLength;
    if (framing > MAX_FRAMING_BYTES) throw failure('bad-media', 'it comes in too many small pieces');
  }
  if (!answer.complete) throw failure('unreachable', 'the connection ended in the middle', true);
  return Buffer.concat(chunks);
}

async function getOnce(text: string, { policy, signal }: FetchOptions): Promise<Buffer> {
  let url = parsePictureUrl(text, policy);
  for (let redirects = 0; ; redirects++) {
    const answer = await httpGet(url, { policy, signal });
    try {
      const status = answer.statusCode ?? 0;
      if (status === 200) return await readBody(answer);
      if (!REDIRECTS.has(status)) {
        throw failure('unreachable', `the server answers ${status}`, status >= 500 || PASSING.has(status));
      }
      if (redirects === MAX_REDIRECTS) throw failure('unreachable', `more than ${MAX_REDIRECTS} redirects`);
      url = parsePictureUrl(answer.headers.location ?? '', policy, url);
    } finally {
      answer.destroy();
    }
  }
}

function toFailure(error: unknown, timeout: AbortSignal): GatewayError {
  if (error instanceof GatewayError) return error;
  if (timeout.aborted) {
    return new GatewayError('timeout', 'not here in time', { blame: 'source', retry: 'later', cause: error });
  }
  const { code = 'unknown' } = error as { code?: string };
  return failure('unreachable', `no answer (${code})`, NETWORK.test(code));
}

async function tryOnce(text: string, options: FetchOptions): Promise<Buffer> {
  const timeout = AbortSignal.timeout(options.tryMs ?? TRY_MS);
  const signal = AbortSignal.any([options.signal, timeout]);
  try {
    return await getOnce(text, { ...options, signal });
  } catch (error) {
    throw toFailure(error, timeout);
  }
}

/**
 * The bytes behind a URL, at most 5 MB; three tries of what can get better.
 * Throws a GatewayError whose message says why, without the URL.
 */
export async function fetchPicture(text: string, options: FetchOptions): Promise<Buffer> {
  let pauseMs = options.pauseMs ?? PAUSE_MS;
  for (let tries = 1; ; tries++) {
    try {
      return await tryOnce(text, options);
    } catch (error) {
      const isLast = tries === MAX_TRIES || (error as GatewayError).retry === 'never';
      if (isLast || options.signal.aborted) throw error;
    }
    await delay(pauseMs, undefined, { signal: options.signal });
    pauseMs *= 2;
  }
}

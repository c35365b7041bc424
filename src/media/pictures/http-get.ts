import { lookup as resolve } from 'node:dns';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { GatewayError } from '../../domain/errors.ts';
import type { AddressPolicy } from './address-policy.ts';
import { NOT_PUBLIC } from './picture-url.ts';

export interface GetOptions {
  readonly policy: AddressPolicy;
  readonly signal: AbortSignal;
}

const HEADERS = {
  accept: 'image/png, image/jpeg, image/webp, image/gif, image/bmp',
  // What is not compressed cannot grow.
  'accept-encoding': 'identity',
  'user-agent': 'roomcast',
};

/** Answers before the answer (103 Early Hints): more are meant to keep us busy. */
const MAX_HINTS = 10;

function notPublic(): GatewayError {
  return new GatewayError('forbidden', NOT_PUBLIC, { retry: 'never' });
}

/** Names resolve to allowed addresses only: what is checked here is what is connected to. */
function guardedLookup(policy: AddressPolicy): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      const allowed = error ? [] : found.filter(({ address }) => policy(address));
      const [first] = allowed;
      if (error) callback(error, '', 0);
      else if (!first) callback(notPublic(), '', 0);
      else if (options.all) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

/** Sends a GET and resolves with the answer's head; proxies of the environment are not used. */
export function httpGet(url: URL, { policy, signal }: GetOptions): Promise<IncomingMessage> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const options: RequestOptions = { agent: false, signal, headers: HEADERS, lookup: guardedLookup(policy) };
  return new Promise((resolve, reject) => {
    const request = send(url, options, resolve);
    request.on('error', reject);
    let hints = 0;
    request.on('information', () => {
      hints += 1;
      if (hints > MAX_HINTS)
        request.destroy(new GatewayError('bad-media', 'no answer but hints', { retry: 'never' }));
    });
    request.on('socket', (socket) => {
      socket.once('connect', () => {
        if (!policy(socket.remoteAddress ?? '')) request.destroy(notPublic());
      });
    });
    request.end();
  });
}

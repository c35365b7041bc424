import { isIP } from 'node:net';
import { GatewayError } from '../../domain/errors.ts';
import type { AddressPolicy } from './address-policy.ts';

const MAX_SHOWN_CHARS = 200;

/** The URL as people may see it: without query, fragment and credentials. */
export function shownUrl(text: string): string {
  if (!URL.canParse(text)) return '(no URL)';
  const { protocol, host, pathname } = new URL(text);
  return `${protocol}//${host}${pathname}`.slice(0, MAX_SHOWN_CHARS);
}

/** Never tried again: it would be the same. */
function refuse(code: 'bad-request' | 'forbidden', message: string): never {
  throw new GatewayError(code, message, { retry: 'never' });
}

/** The URL of a picture or of a redirect; throws `bad-request`, or `forbidden` for an address that is written out. */
export function parsePictureUrl(text: string, policy: AddressPolicy, base?: URL): URL {
  if (!URL.canParse(text, base?.href)) refuse('bad-request', 'not a URL');
  // It also brings decimal, octal, hexadecimal and shortened IPv4 addresses into their one form.
  const url = new URL(text, base);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    refuse('bad-request', 'not an http or https URL');
  if (url.username !== '' || url.password !== '') refuse('bad-request', 'a URL with user name or password');
  const literal = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(literal) !== 0 && !policy(literal)) refuse('forbidden', NOT_PUBLIC);
  return url;
}

export const NOT_PUBLIC = 'its address is not a public one (ROOMCAST_PICTURE_NETWORKS can allow it)';

import { GatewayError } from '../errors.ts';

/** What a server with authentication is told; both parts are secrets. */
export interface RtmpLogin {
  readonly user: string;
  readonly password: string;
}

/** The parts of a push URL. `key` is the secret: stream name with its query, whole and as written. */
export interface RtmpUrl {
  readonly protocol: 'rtmp' | 'rtmps';
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** Without slashes at its ends; may have several segments. */
  readonly app: string;
  readonly key: string;
  /** `rtmp://host[:port]/app`, as `connect` announces it; holds neither key nor login. */
  readonly tcUrl: string;
  readonly login: RtmpLogin | null;
}

/** Where a server is, and which of its applications is meant. */
type RtmpPlace = Omit<RtmpUrl, 'key' | 'login'>;

const DEFAULT_PORTS = { rtmp: 1935, rtmps: 443 } as const;
const MAX_URL_CHARS = 2048;
const HIDDEN = '****';
const FORM = /^(rtmps?):\/\/([^/]*)(?:\/(.*))?$/i;
const AUTHORITY = /^(\[[0-9a-f:.]+\]|[^\s:?#[\]]+)(?::([0-9]{1,5}))?$/i;

/** Where the key begins in what follows the host: behind the last slash that is no part of the key's query. */
function keyStart(path: string): number {
  const query = path.indexOf('?');
  const slash = path.lastIndexOf('/', query < 0 ? path.length : query);
  // `app?vhost=x/key`: an old way to name a virtual host; the only slash is inside the query.
  return slash >= 0 ? slash : path.lastIndexOf('/');
}

function refuse(why: string): GatewayError {
  // Never the URL itself: it holds the key.
  return new GatewayError('bad-request', `a push URL ${why}`);
}

function hasControlOrSpace(text: string): boolean {
  return [...text].some((char) => {
    const code = char.charCodeAt(0);
    return code <= 0x20 || code === 0x7f;
  });
}

/** People write a `%` of a password as it is as often as encoded. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function readLogin(text: string): RtmpLogin {
  const colon = text.indexOf(':');
  const user = decode(colon < 0 ? text : text.slice(0, colon));
  if (user === '') throw refuse('has a user name before the password');
  return { user, password: colon < 0 ? '' : decode(text.slice(colon + 1)) };
}

interface UrlParts {
  readonly protocol: RtmpUrl['protocol'];
  readonly login: RtmpLogin | null;
  readonly host: string;
  readonly port: number;
  readonly authority: string;
  /** What follows the slash behind the host. */
  readonly path: string;
}

function splitUrl(text: string): UrlParts {
  if (text.length > MAX_URL_CHARS) throw refuse(`has at most ${MAX_URL_CHARS} characters`);
  if (hasControlOrSpace(text)) throw refuse('has no spaces or control characters');
  const [, scheme = '', authority = '', path = ''] = FORM.exec(text) ?? [];
  if (scheme === '') throw refuse('begins with rtmp:// or rtmps://');
  const protocol = scheme.toLowerCase() === 'rtmps' ? 'rtmps' : 'rtmp';
  // A password may hold an `@` as it is; a host cannot.
  const at = authority.lastIndexOf('@');
  const match = AUTHORITY.exec(authority.slice(at + 1));
  if (!match) {
    throw refuse('has the form rtmp://[user:password@]host[:port]/app/key; a slash in a password is %2F');
  }
  const [shownHost = '', host = '', portText] = match;
  const port = portText === undefined ? DEFAULT_PORTS[protocol] : Number(portText);
  if (port < 1 || port > 65_535) throw refuse('has a port from 1 to 65535');
  return {
    protocol,
    login: at < 0 ? null : readLogin(authority.slice(0, at)),
    host: host.startsWith('[') ? host.slice(1, -1) : host,
    port,
    authority: shownHost,
    path,
  };
}

function placeOf(parts: UrlParts, path: string): RtmpPlace {
  const app = path.replace(/^\/+|\/+$/g, '');
  const { protocol, host, port, authority } = parts;
  return { protocol, host, port, app, tcUrl: `${protocol}://${authority}/${app}` };
}

/**
 * Parses `rtmp[s]://[user:password@]host[:port]/app[/more]/key[?query]`; throws `bad-request` with a text that holds
 * no part of it. A key may be a query alone, as some platforms give it: `/app/?streamname=...`.
 */
export function parseRtmpUrl(text: string): RtmpUrl {
  const parts = splitUrl(text);
  const split = keyStart(parts.path);
  const place = placeOf(parts, parts.path.slice(0, Math.max(split, 0)));
  const key = parts.path.slice(split + 1);
  if (split < 0 || place.app === '') throw refuse('names an application and a stream key');
  if (key === '' || key === '?') throw refuse('ends with a stream key');
  if (place.app.includes('@')) throw refuse('has no @ in its application: / in a password is written %2F');
  return { ...place, key, login: parts.login };
}

/**
 * The place a server's redirect names, with our key and login. Such a URL holds the application, sometimes also
 * the stream's name, sometimes neither. Throws `bad-request` as parseRtmpUrl does.
 */
export function parseRedirect(text: string, from: RtmpUrl): RtmpUrl {
  const parts = splitUrl(text);
  const query = from.key.indexOf('?');
  const names = [from.key, query < 0 ? from.key : from.key.slice(0, query)].filter((name) => name !== '');
  const path = parts.path.replace(/^\/+|\/+$/g, '');
  const name = names.find((one) => path.endsWith(`/${one}`));
  const app = name === undefined ? path : path.slice(0, -name.length);
  return { ...placeOf(parts, app === '' ? from.app : app), key: from.key, login: from.login };
}

/** Of `app/KEY/?query` the query alone is the key, as some platforms want it; somebody's slash too many looks the same. */
function hideStrayKey(place: string, key: string): string {
  return key.startsWith('?') ? place.replace(/^(\w+:\/\/[^/]+\/.+)\/[^/]+$/, `$1/${HIDDEN}`) : place;
}

/** The URL with its key, login and any query hidden, for people, logs and status; never throws. */
export function showRtmpUrl(url: RtmpUrl | string): string {
  try {
    const { protocol, tcUrl, key, login } = typeof url === 'string' ? parseRtmpUrl(url) : url;
    const query = tcUrl.indexOf('?');
    const plain = query < 0 ? tcUrl : `${tcUrl.slice(0, query)}?${HIDDEN}`;
    const place = hideStrayKey(plain, key).slice(protocol.length + 3);
    return `${protocol}://${login === null ? '' : `${HIDDEN}@`}${place}/${HIDDEN}`;
  } catch {
    // What we cannot split we cannot show a part of.
    return typeof url === 'string' && /^rtmps:/i.test(url) ? `rtmps://${HIDDEN}` : `rtmp://${HIDDEN}`;
  }
}

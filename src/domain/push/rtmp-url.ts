import { GatewayError } from '../errors.ts';

/** The parts of a push URL. `key` is the secret: stream name with its query, whole and as written. */
export interface RtmpUrl {
  readonly protocol: 'rtmp' | 'rtmps';
  readonly host: string;
  readonly port: number;
  /** Without slashes at its ends; may have several segments. */
  readonly app: string;
  readonly key: string;
  /** `rtmp://host[:port]/app`, as `connect` announces it; holds no key. */
  readonly tcUrl: string;
  /** For servers with Adobe authentication; both are secrets. */
  readonly login: { readonly user: string; readonly password: string } | null;
}

const DEFAULT_PORT = 1935;
const MAX_URL_CHARS = 2048;
const HIDDEN = '****';
const FORM = /^rtmp:\/\/(\[[0-9a-f:.]+\]|[^\s/:@?#[\]]+)(?::([0-9]{1,5}))?\/(.+)$/i;

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

/** Parses `rtmp://host[:port]/app[/more]/key[?query]`; throws `bad-request` with a text that holds no part of it. */
export function parseRtmpUrl(text: string): RtmpUrl {
  if (text.length > MAX_URL_CHARS) throw refuse(`has at most ${MAX_URL_CHARS} characters`);
  if (hasControlOrSpace(text)) throw refuse('has no spaces or control characters');
  if (!/^rtmp:\/\//i.test(text)) throw refuse('begins with rtmp://');
  const match = FORM.exec(text);
  if (!match) throw refuse('has the form rtmp://host[:port]/app/key, without a user name');
  const [, host = '', portText, path = ''] = match;
  const port = portText === undefined ? DEFAULT_PORT : Number(portText);
  if (port < 1 || port > 65_535) throw refuse('has a port from 1 to 65535');
  const split = keyStart(path);
  const app = path.slice(0, Math.max(split, 0)).replace(/^\/+|\/+$/g, '');
  const key = path.slice(split + 1);
  if (split < 0 || app === '') throw refuse('names an application and a stream key');
  if (key === '' || key.startsWith('?')) throw refuse('ends with a stream key');
  const authority = portText === undefined ? host : `${host}:${port}`;
  const bare = host.startsWith('[') ? host.slice(1, -1) : host;
  return { protocol: 'rtmp', host: bare, port, app, key, tcUrl: `rtmp://${authority}/${app}`, login: null };
}

/** The URL with its key (and any query) hidden, for people, logs and status; never throws. */
export function showRtmpUrl(url: RtmpUrl | string): string {
  try {
    const { tcUrl } = typeof url === 'string' ? parseRtmpUrl(url) : url;
    const query = tcUrl.indexOf('?');
    return `${query < 0 ? tcUrl : `${tcUrl.slice(0, query)}?${HIDDEN}`}/${HIDDEN}`;
  } catch {
    return `rtmp://${HIDDEN}`; // what we cannot split we cannot show a part of
  }
}

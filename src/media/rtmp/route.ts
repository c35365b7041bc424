import { randomBytes } from 'node:crypto';
import { parseRedirect, type RtmpUrl } from '../../domain/push/rtmp-url.ts';
import { type LoginWish, loginQuery, readLoginWish } from './login.ts';
import { type ConnectRefusal, refusal } from './replies.ts';
import type { SessionNames } from './session.ts';

/** Where the next connection goes and what it says there: servers send on to others and ask for logins. */
export interface Route {
  readonly url: RtmpUrl;
  /** Places that redirected us here, the first one first. */
  readonly past: readonly string[];
  /** What was asked of us by this server already. */
  readonly asked: LoginWish['wants'] | null;
  /** Answer to its wish for a login; empty without one. */
  readonly loginQuery: string;
}

export const MAX_REDIRECTS = 5;
const NONCE_BYTES = 4;

export function firstRoute(url: RtmpUrl): Route {
  return { url, past: [], asked: null, loginQuery: '' };
}

/** What `connect` and `publish` say on this route. */
export function routeNames({ url, loginQuery: query }: Route): SessionNames {
  const end = query === '' ? '' : `${url.app.includes('?') ? '&' : '?'}${query}`;
  return { app: url.app + end, tcUrl: url.tcUrl + end, key: url.key };
}

function redirected(route: Route, to: string, status: string): Route {
  const past = [...route.past, route.url.tcUrl];
  let url: RtmpUrl;
  try {
    url = parseRedirect(to, route.url);
  } catch {
    throw refusal('app-refused', 'the server redirects to something that is no RTMP address', status);
  }
  if (route.url.protocol === 'rtmps' && url.protocol !== 'rtmps') {
    throw refusal('app-refused', 'the server redirects to a place without encryption', status);
  }
  if (past.includes(url.tcUrl)) {
    throw refusal('app-refused', 'the server redirects in a circle', status);
  }
  if (past.length > MAX_REDIRECTS) {
    throw refusal('app-refused', `the server redirects more than ${MAX_REDIRECTS} times`, status);
  }
  return { ...firstRoute(url), past };
}

function withLogin(route: Route, wish: LoginWish, status: string): Route {
  const { login, app } = route.url;
  if (login === null) {
    const how = 'the server asks for a login: write it into the URL, rtmp://USER:PASSWORD@HOST/...';
    throw refusal('login-refused', how, status);
  }
  // First it asks who, then for the proof; whatever comes in another order or again is a no.
  const isNo = wish.wants === 'no' || route.asked === 'proof' || route.asked === wish.wants;
  if (isNo) throw refusal('login-refused', 'the server refused the user name or the password', status);
  const nonce = randomBytes(NONCE_BYTES).toString('hex');
  return { ...route, asked: wish.wants, loginQuery: loginQuery(wish, login, { app, nonce }) };
}

/** The way on from a refused `connect`; throws `app-refused` or `login-refused` when there is none. */
export function nextRoute(route: Route, { status, description, redirect }: ConnectRefusal): Route {
  if (redirect !== null) return redirected(route, redirect, status);
  const wish = readLoginWish(description);
  if (wish !== null) return withLogin(route, wish, status);
  throw refusal('app-refused', 'the server refused the application', status);
}

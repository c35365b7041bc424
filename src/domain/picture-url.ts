import { LIMITS } from './programme-limits.ts';
import { assertText, refuse } from './rule.ts';

/** What TRTC allows in the URL of a picture. */
const CHARACTERS = /^[A-Za-z0-9\-._~:/?#[\]@!&()*+,%=;|]+$/;

function parse(url: string): URL | null {
  try {
    return new URL(url);
  } catch {
    return null; // told by the caller, without the URL: it may hold a ticket
  }
}

/** Throws `bad-request` for a URL that no picture is fetched from; `what` names it in the sentence. */
export function checkPictureUrl(what: string, url: string): void {
  assertText(`${what}: a URL`, url, LIMITS.urlChars);
  const parsed = parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.hostname === '') {
    refuse(`${what}: a picture has a whole URL that begins with http:// or https://`);
  }
  if (!CHARACTERS.test(url)) {
    refuse(`${what}: a URL has letters, digits and - . _ ~ : / ? # [ ] @ ! & ( ) * + , % = ; | only`);
  }
  if (parsed.username !== '' || parsed.password !== '') {
    refuse(`${what}: a URL with a user or password is not fetched`);
  }
}

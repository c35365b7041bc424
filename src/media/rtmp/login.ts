import { createHash } from 'node:crypto';
import type { RtmpLogin } from '../../domain/push/rtmp-url.ts';

/** What a server says of a login in the description of its refusal, in the way of Adobe's and Limelight's servers. */
export interface LoginWish {
  readonly scheme: 'adobe' | 'llnw';
  /** `user`: it wants to know who; `proof`: it gave what the password is to be proved with; `no`: it refused them. */
  readonly wants: 'user' | 'proof' | 'no';
  readonly fields: Readonly<Record<string, string>>;
}

const MAX_FIELD_CHARS = 256;
const LLNW_COUNT = '00000001';

function readFields(query: string): Record<string, string> {
  const pairs = query.split('&').map((pair) => {
    const equals = pair.indexOf('=');
    return [
      pair.slice(0, Math.max(equals, 0)),
      pair.slice(equals + 1, equals + 1 + MAX_FIELD_CHARS),
    ] as const;
  });
  return Object.fromEntries(pairs.filter(([name]) => name !== ''));
}

/** What the description of a refused `connect` asks for; null when it is no matter of a login. */
export function readLoginWish(description: string): LoginWish | null {
  const scheme = /authmod=(adobe|llnw)/.exec(description)?.[1];
  if (scheme !== 'adobe' && scheme !== 'llnw') return null;
  const proof = /\?reason=needauth&?(\S*)/.exec(description);
  if (proof) return { scheme, wants: 'proof', fields: readFields(proof[1] ?? '') };
  return { scheme, wants: description.includes('code=403 need auth') ? 'user' : 'no', fields: {} };
}

function md5(text: string, encoding: 'base64' | 'hex'): string {
  return createHash('md5').update(text, 'utf8').digest(encoding);
}

/** Only what would break the query is encoded: servers compare names as they are written. */
function queryValue(text: string): string {
  return text.replace(/[%&#+\s]/g, encodeURIComponent);
}

function adobeProof(login: RtmpLogin, fields: LoginWish['fields'], nonce: string): string {
  const { salt = '', opaque, challenge = '' } = fields;
  const secret = md5(login.user + salt + login.password, 'base64');
  const response = md5(secret + (opaque ?? challenge) + nonce, 'base64');
  const end = opaque === undefined ? '' : `&opaque=${opaque}`;
  return `&challenge=${nonce}&response=${response}${end}`;
}

/** HTTP's digest with a realm and a method of Limelight's. */
function llnwProof(
  login: RtmpLogin,
  { app, nonce, own }: { app: string; nonce: string; own: string },
): string {
  const secret = md5(`${login.user}:live:${login.password}`, 'hex');
  const place = md5(`publish:/${app}${app.includes('/') ? '' : '/_definst_'}`, 'hex');
  const response = md5(`${secret}:${nonce}:${LLNW_COUNT}:${own}:auth:${place}`, 'hex');
  return `&nonce=${nonce}&cnonce=${own}&nc=${LLNW_COUNT}&response=${response}`;
}

/** The query that `connect` carries behind the application to answer the wish; `nonce` is 8 random characters. */
export function loginQuery(wish: LoginWish, login: RtmpLogin, to: { app: string; nonce: string }): string {
  const { scheme, wants, fields } = wish;
  const who = `authmod=${scheme}&user=${queryValue(login.user)}`;
  if (wants !== 'proof') return who;
  if (scheme === 'adobe') return who + adobeProof(login, fields, to.nonce);
  return who + llnwProof(login, { app: to.app, nonce: fields['nonce'] ?? '', own: to.nonce });
}

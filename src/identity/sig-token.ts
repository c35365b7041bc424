import { createHmac, timingSafeEqual } from 'node:crypto';
import { deflateSync, type Inflate, inflateSync } from 'node:zlib';
import { type ErrorCode, GatewayError } from '../domain/errors.ts';
import { sameUser } from '../domain/ids.ts';
import type { Secret } from '../domain/secret.ts';

/** The two tokens of this form, and the codes by which they are refused. */
const REFUSALS = {
  UserSig: { malformed: 'sig-malformed', mismatch: 'sig-mismatch', expired: 'sig-expired' },
  PrivateMapKey: { malformed: 'ticket-invalid', mismatch: 'ticket-invalid', expired: 'ticket-expired' },
} as const satisfies Record<string, Record<string, ErrorCode>>;

type TokenName = keyof typeof REFUSALS;

/** A user of an app, with the app's key. */
export interface TokenUser {
  readonly secretKey: Secret;
  readonly sdkAppId: number;
  readonly userId: string;
}

export interface TokenRequest extends TokenUser {
  readonly expireSeconds: number;
  readonly nowMs: number;
}

export interface TokenCheck extends TokenUser {
  readonly name: TokenName;
  readonly text: string;
  readonly nowMs: number;
}

/** What a token that holds is good for. */
export interface OpenedToken {
  /** The user as the token writes it. */
  readonly identifier: string;
  /** Unix seconds. */
  readonly expires: number;
  readonly userbuf: Buffer | null;
}

interface SigFields {
  readonly identifier: string;
  readonly sdkAppId: number;
  readonly time: number;
  readonly expire: number;
  /** As base64. */
  readonly userbuf: string | null;
}

const VERSION = '2.0';
const MAX_TOKEN_CHARS = 4096;
/** A token is some 400 bytes of JSON. All zlib may ever write is this much: one buffer, which must not get full. */
const INFLATE_BYTES = 8192;

function macOf(secretKey: Secret, fields: SigFields): string {
  let message = `TLS.identifier:${fields.identifier}\nTLS.sdkappid:${fields.sdkAppId}\nTLS.time:${fields.time}\nTLS.expire:${fields.expire}\n`;
  if (fields.userbuf !== null) message += `TLS.userbuf:${fields.userbuf}\n`;
  return createHmac('sha256', secretKey.reveal()).update(message).digest('base64');
}

/** A token (v2, HMAC) as Tencent's own libraries make it, with a userbuf or without. */
export function signToken(request: TokenRequest, userbuf: Buffer | null): string {
  const fields: SigFields = {
    identifier: request.userId,
    sdkAppId: request.sdkAppId,
    time: Math.floor(request.nowMs / 1000),
    expire: request.expireSeconds,
    userbuf: userbuf?.toString('base64') ?? null,
  };
  const token = {
    'TLS.ver': VERSION,
    'TLS.identifier': fields.identifier,
    'TLS.sdkappid': fields.sdkAppId,
    'TLS.time': fields.time,
    'TLS.expire': fields.expire,
    ...(fields.userbuf !== null && { 'TLS.userbuf': fields.userbuf }),
    'TLS.sig': macOf(request.secretKey, fields),
  };
  return deflateSync(Buffer.from(JSON.stringify(token)))
    .toString('base64')
    .replaceAll('+', '*')
    .replaceAll('/', '-')
    .replaceAll('=', '_');
}

/** The bytes of a base64 text in its one spelling; null when it is another. */
function fromBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

/** Throws what zlib throws, and when it stopped before the end or did not stop within INFLATE_BYTES. */
function inflate(packed: Buffer): Buffer {
  const options = { info: true, chunkSize: INFLATE_BYTES, maxOutputLength: INFLATE_BYTES - 1 };
  const { buffer, engine } = inflateSync(packed, options) as unknown as { buffer: Buffer; engine: Inflate };
  if (engine.bytesWritten !== packed.length) throw new Error('there is more behind the end');
  return buffer;
}

class TokenReader {
  readonly #name: TokenName;

  constructor(name: TokenName) {
    this.#name = name;
  }

  refuse(how: 'malformed' | 'mismatch' | 'expired', why: string): GatewayError {
    return new GatewayError(REFUSALS[this.#name][how], `the ${this.#name} ${why}`);
  }

  unpack(text: string): Record<string, unknown> {
    if (text.length === 0 || text.length > MAX_TOKEN_CHARS || !/^[A-Za-z0-9*_-]+$/.test(text)) {
      throw this.refuse('malformed', 'is missing, too long or has characters that none has');
    }
    let value: unknown;
    try {
      const packed = fromBase64(text.replaceAll('*', '+').replaceAll('-', '/').replaceAll('_', '='));
      value = packed && JSON.parse(inflate(packed).toString('utf8'));
    } catch {
      throw this.refuse('malformed', 'cannot be unpacked: it was cut off or changed'); // zlib and JSON say no more
    }
    if (typeof value !== 'object' || value === null) throw this.refuse('malformed', 'holds no fields');
    return value as Record<string, unknown>;
  }

  fields(token: Record<string, unknown>): { fields: SigFields; mac: string; userbuf: Buffer | null } {
    if (this.#text(token, 'TLS.ver') !== VERSION) {
      throw this.refuse('malformed', `is of another version than ${VERSION}`);
    }
    const userbuf = token['TLS.userbuf'] === undefined ? null : this.#text(token, 'TLS.userbuf');
    // Lines of the signed text must not hide in it.
    const bytes = userbuf === null ? null : fromBase64(userbuf);
    if (userbuf !== null && bytes === null) throw this.refuse('malformed', 'has a userbuf that is no base64');
    const fields = {
      identifier: this.#text(token, 'TLS.identifier'),
      sdkAppId: this.#count(token, 'TLS.sdkappid'),
      time: this.#count(token, 'TLS.time'),
      expire: this.#count(token, 'TLS.expire'),
      userbuf,
    };
    return { fields, mac: this.#text(token, 'TLS.sig'), userbuf: bytes };
  }

  #text(token: Record<string, unknown>, field: string): string {
    const value = token[field];
    if (typeof value !== 'string') throw this.refuse('malformed', `has no ${field}`);
    return value;
  }

  #count(token: Record<string, unknown>, field: string): number {
    const value = token[field];
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
      throw this.refuse('malformed', `has no ${field}`);
    }
    return value;
  }
}

/** What the token holds, of this user and in time; throws by the codes of its name, and nothing else. */
export function openToken(check: TokenCheck): OpenedToken {
  const reader = new TokenReader(check.name);
  const { fields, mac, userbuf } = reader.fields(reader.unpack(check.text));
  // As texts: the same signature has one spelling.
  const given = Buffer.from(mac);
  const wanted = Buffer.from(macOf(check.secretKey, fields));
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
    throw reader.refuse('mismatch', "was not signed with this app's secret key");
  }
  if (fields.sdkAppId !== check.sdkAppId) throw reader.refuse('mismatch', 'is for another sdkappid');
  if (!sameUser(fields.identifier, check.userId)) throw reader.refuse('mismatch', 'is for another user');
  const expires = fields.time + fields.expire;
  if (check.nowMs > expires * 1000) throw reader.refuse('expired', 'has expired');
  return { identifier: fields.identifier, expires, userbuf };
}

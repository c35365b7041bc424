import { createHmac, timingSafeEqual } from 'node:crypto';
import { deflateSync, inflateSync } from 'node:zlib';
import { GatewayError } from '../domain/errors.ts';
import { sameUser } from '../domain/ids.ts';
import type { Secret } from '../domain/secret.ts';

export interface UserSigRequest {
  readonly secretKey: Secret;
  readonly sdkAppId: number;
  readonly userId: string;
  readonly expireSeconds: number;
  readonly nowMs: number;
}

export interface UserSigCheck {
  readonly secretKey: Secret;
  readonly sdkAppId: number;
  readonly userId: string;
  readonly userSig: string;
  readonly nowMs: number;
}

interface SigFields {
  readonly identifier: string;
  readonly sdkAppId: number;
  readonly time: number;
  readonly expire: number;
  readonly userbuf: string | null;
}

const VERSION = '2.0';
const MAX_TOKEN_CHARS = 4096;
/** A token is some 300 bytes of JSON; more is an attempt to make us inflate without end. */
const MAX_INFLATED_BYTES = 8192;

function macOf(secretKey: Secret, fields: SigFields): string {
  let message = `TLS.identifier:${fields.identifier}\nTLS.sdkappid:${fields.sdkAppId}\nTLS.time:${fields.time}\nTLS.expire:${fields.expire}\n`;
  if (fields.userbuf !== null) message += `TLS.userbuf:${fields.userbuf}\n`;
  return createHmac('sha256', secretKey.reveal()).update(message).digest('base64');
}

/** A UserSig (v2, HMAC) as Tencent's own libraries make it. */
export function signUserSig(request: UserSigRequest): string {
  const fields: SigFields = {
    identifier: request.userId,
    sdkAppId: request.sdkAppId,
    time: Math.floor(request.nowMs / 1000),
    expire: request.expireSeconds,
    userbuf: null,
  };
  const token = {
    'TLS.ver': VERSION,
    'TLS.identifier': fields.identifier,
    'TLS.sdkappid': fields.sdkAppId,
    'TLS.time': fields.time,
    'TLS.expire': fields.expire,
    'TLS.sig': macOf(request.secretKey, fields),
  };
  return deflateSync(Buffer.from(JSON.stringify(token)))
    .toString('base64')
    .replaceAll('+', '*')
    .replaceAll('/', '-')
    .replaceAll('=', '_');
}

function malformed(why: string): GatewayError {
  return new GatewayError('sig-malformed', `the UserSig ${why}`);
}

function decodeToken(userSig: string): Record<string, unknown> {
  if (userSig.length === 0 || userSig.length > MAX_TOKEN_CHARS || !/^[A-Za-z0-9*_-]+$/.test(userSig)) {
    throw malformed('is missing, too long or has characters that no UserSig has');
  }
  const base64 = userSig.replaceAll('*', '+').replaceAll('-', '/').replaceAll('_', '=');
  let value: unknown;
  try {
    const json = inflateSync(Buffer.from(base64, 'base64'), { maxOutputLength: MAX_INFLATED_BYTES });
    value = JSON.parse(json.toString('utf8'));
  } catch {
    throw malformed('cannot be unpacked: it was cut off or changed'); // zlib's and JSON's texts say no more
  }
  if (typeof value !== 'object' || value === null) throw malformed('holds no fields');
  return value as Record<string, unknown>;
}

function readFields(token: Record<string, unknown>): { fields: SigFields; mac: string } {
  const text = (name: string): string => {
    const value = token[name];
    if (typeof value !== 'string') throw malformed(`has no ${name}`);
    return value;
  };
  const count = (name: string): number => {
    const value = token[name];
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw malformed(`has no ${name}`);
    return value;
  };
  if (text('TLS.ver') !== VERSION) throw malformed('is of another version than 2.0');
  const fields = {
    identifier: text('TLS.identifier'),
    sdkAppId: count('TLS.sdkappid'),
    time: count('TLS.time'),
    expire: count('TLS.expire'),
    userbuf: token['TLS.userbuf'] === undefined ? null : text('TLS.userbuf'),
  };
  return { fields, mac: text('TLS.sig') };
}

/** Throws `sig-malformed`, `sig-mismatch` (key, app or user) or `sig-expired`, and nothing else. */
export function verifyUserSig(check: UserSigCheck): void {
  const { fields, mac } = readFields(decodeToken(check.userSig));
  const given = Buffer.from(mac, 'base64');
  const wanted = Buffer.from(macOf(check.secretKey, fields), 'base64');
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
    throw new GatewayError('sig-mismatch', "the UserSig was not signed with this app's secret key");
  }
  if (fields.sdkAppId !== check.sdkAppId) {
    throw new GatewayError('sig-mismatch', 'the UserSig is for another sdkappid');
  }
  if (!sameUser(fields.identifier, check.userId)) {
    throw new GatewayError('sig-mismatch', 'the UserSig is for another user');
  }
  if (check.nowMs > (fields.time + fields.expire) * 1000) {
    throw new GatewayError('sig-expired', 'the UserSig has expired');
  }
}

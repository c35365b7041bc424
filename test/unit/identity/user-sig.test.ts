import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../../src/domain/errors.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { signUserSig, verifyUserSig } from '../../../src/identity/user-sig.ts';
import {
  SAMPLE_MAP_KEY as MAP_KEY,
  packToken as pack,
  SAMPLE_APP,
  SAMPLE_KEY,
  SAMPLE_NOW_MS,
  SAMPLE_USER_SIG,
  unpackToken as unpack,
} from '../../support/sig-text.ts';

const KEY = new Secret(SAMPLE_KEY);
const APP = SAMPLE_APP;
const NOW_MS = SAMPLE_NOW_MS;
const USER_SIG = SAMPLE_USER_SIG;

function codeOf(run: () => void): string {
  try {
    run();
    return 'accepted';
  } catch (error) {
    return error instanceof GatewayError ? error.code : `not a GatewayError: ${String(error)}`;
  }
}

interface Change {
  readonly sdkAppId?: number;
  readonly userId?: string;
  readonly userSig?: string;
  readonly nowMs?: number;
  readonly secretKey?: Secret;
}

function verify(change: Change = {}): string {
  const good = { secretKey: KEY, sdkAppId: APP, userId: 'xiaojun', userSig: USER_SIG, nowMs: NOW_MS };
  return codeOf(() => verifyUserSig({ ...good, ...change }));
}

describe('a UserSig', () => {
  test("has the fields and the signature of Tencent's own library", () => {
    const ours = signUserSig({
      secretKey: KEY,
      sdkAppId: APP,
      userId: 'xiaojun',
      expireSeconds: 15_552_000,
      nowMs: NOW_MS,
    });
    expect(unpack(ours)).toEqual(unpack(USER_SIG));
    expect(Object.keys(unpack(ours))).toEqual(Object.keys(unpack(USER_SIG)));
    expect(unpack(ours)['TLS.sig']).toBe('LvA7d/Iw7gSsnskvVzBDPOCCDbuNCw4GHwTC0bip+B4=');
    expect(ours).toMatch(/^[A-Za-z0-9*_-]+$/);
  });

  test('is accepted for its user in any case, until its last second', () => {
    expect(verify()).toBe('accepted');
    expect(verify({ userId: 'XiaoJun' })).toBe('accepted');
    expect(verify({ nowMs: NOW_MS + 15_552_000_000 })).toBe('accepted');
  });

  test('signs its userbuf with it', () => {
    const sigOf = (token: Record<string, unknown>) => verify({ userSig: pack(token) });
    const token = unpack(MAP_KEY);
    expect(sigOf(token)).toBe('accepted');
    expect(sigOf({ ...token, 'TLS.userbuf': 'AAAA' })).toBe('sig-mismatch');
    expect(sigOf({ ...token, 'TLS.userbuf': undefined })).toBe('sig-mismatch');
  });

  test.each<[string, Change, string]>([
    ['another user', { userId: 'xiaojun2' }, 'sig-mismatch'],
    ['another app', { sdkAppId: APP + 1 }, 'sig-mismatch'],
    ['another key', { secretKey: new Secret('0'.repeat(64)) }, 'sig-mismatch'],
    ['a moment after its end', { nowMs: NOW_MS + 15_552_000_001 }, 'sig-expired'],
    ['nothing at all', { userSig: '' }, 'sig-malformed'],
    ['a text that was cut off', { userSig: USER_SIG.slice(0, 100) }, 'sig-malformed'],
    ['characters of plain base64', { userSig: USER_SIG.replace('*', '+') }, 'sig-malformed'],
    ['a bomb of zeros', { userSig: pack('0'.repeat(1_000_000)) }, 'sig-malformed'],
    ['megabytes', { userSig: 'A'.repeat(1_000_000) }, 'sig-malformed'],
    ['JSON that is no object', { userSig: pack(null) }, 'sig-malformed'],
    ['a list', { userSig: pack([1, 2]) }, 'sig-malformed'],
    ['another version', { userSig: pack({ ...unpack(USER_SIG), 'TLS.ver': '1.0' }) }, 'sig-malformed'],
    ['text as a time', { userSig: pack({ ...unpack(USER_SIG), 'TLS.time': 'now' }) }, 'sig-malformed'],
    [
      'a longer life than was signed',
      { userSig: pack({ ...unpack(USER_SIG), 'TLS.expire': 99_999_999 }) },
      'sig-mismatch',
    ],
    ['no signature', { userSig: pack({ ...unpack(USER_SIG), 'TLS.sig': '' }) }, 'sig-mismatch'],
  ])('is refused with %s', (_what, change, code) => {
    expect(verify(change)).toBe(code);
  });

  test('that was damaged anywhere is refused by name and never throws anything else', () => {
    const codes = new Set<string>();
    for (let at = 0; at < USER_SIG.length - 2; at += 1) {
      for (const char of ['A', 'z', '*', '_']) {
        if (USER_SIG[at] === char) continue;
        codes.add(verify({ userSig: USER_SIG.slice(0, at) + char + USER_SIG.slice(at + 1) }));
      }
    }
    for (let round = 0; round < 500; round += 1) {
      codes.add(verify({ userSig: randomBytes(round).toString('base64url') }));
    }
    expect([...codes].sort()).toEqual(['sig-malformed']);
  });
});

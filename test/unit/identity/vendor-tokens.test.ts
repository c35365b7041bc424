import { Api } from 'tls-sig-api-v2';
import { expect, test } from 'vitest';
import { Secret } from '../../../src/domain/secret.ts';
import { verifyUserSig } from '../../../src/identity/user-sig.ts';

const KEY = '5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e';
const APP = 1400000000;

test.each(['alice', 'Alice_2', 'room-camera', 'x'.repeat(32)])(
  "a UserSig that Tencent's own library made for %s is accepted",
  (userId) => {
    const userSig = new Api(APP, KEY).genUserSig(userId, 600);
    const check = { secretKey: new Secret(KEY), sdkAppId: APP, userId, userSig, nowMs: Date.now() };
    expect(() => verifyUserSig(check)).not.toThrow();
    expect(() => verifyUserSig({ ...check, nowMs: Date.now() + 601_000 })).toThrow('expired');
    expect(() => verifyUserSig({ ...check, secretKey: new Secret('0'.repeat(64)) })).toThrow('secret key');
  },
);

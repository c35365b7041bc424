import { Api } from 'tls-sig-api-v2';
import { describe, expect, test } from 'vitest';
import { parseIntegerRoom, parseStringRoom } from '../../../src/domain/ids.ts';
import { Secret } from '../../../src/domain/secret.ts';
import {
  checkRoomTicket,
  signPrivateMapKey,
  verifyPrivateMapKey,
} from '../../../src/identity/private-map-key.ts';
import { verifyUserSig } from '../../../src/identity/user-sig.ts';
import { SAMPLE_APP as APP, SAMPLE_KEY as KEY, unpackToken } from '../../support/sig-text.ts';

const secretKey = new Secret(KEY);
const api = new Api(APP, KEY);
const stranger = new Secret('0'.repeat(64));

test.each(['alice', 'Alice_2', 'room-camera', 'x'.repeat(32)])(
  "a UserSig that Tencent's own library made for %s is accepted",
  (userId) => {
    const userSig = api.genUserSig(userId, 600);
    const check = { secretKey, sdkAppId: APP, userId, userSig, nowMs: Date.now() };
    expect(() => verifyUserSig(check)).not.toThrow();
    expect(() => verifyUserSig({ ...check, nowMs: Date.now() + 610_000 })).toThrow('expired');
    expect(() => verifyUserSig({ ...check, secretKey: stranger })).toThrow('secret key');
  },
);

describe.each(['alice', 'Alice_2', 'x'.repeat(32)])(
  "a PrivateMapKey that Tencent's own library made for %s",
  (userId) => {
    const app = { secretKey, sdkAppId: APP, privateMapKeyRequired: true, accountType: 0 };

    test.each([
      ['the integer room 1', parseIntegerRoom('1'), 255],
      ['the integer room 4294967295', parseIntegerRoom('4294967295'), 42],
      ['the string room 1', parseStringRoom('1'), 3],
      ['a string room of 64 characters', parseStringRoom('r'.repeat(64)), 14],
      ['a string room of odd characters', parseStringRoom('a b!#$%&()+-:;<=.>?@[]^_{}|~,'), 255],
    ])('opens %s, and is refused for another, by another key and after its end', (_what, room, rights) => {
      const privateMapKey =
        room.kind === 'number'
          ? api.genPrivateMapKey(userId, 600, room.value, rights)
          : api.genPrivateMapKeyWithStringRoomID(userId, 600, room.value, rights);
      const nowMs = Date.now();
      const check = { app, userId, room, privateMapKey, nowMs };
      const ticket = verifyPrivateMapKey({ secretKey, sdkAppId: APP, userId, privateMapKey, nowMs });
      expect(ticket).toMatchObject({ room, rights, accountType: 0 });
      expect(Math.abs(ticket.expiresAt - nowMs - 600_000)).toBeLessThan(60_000);
      if ((rights & 2) !== 0) expect(checkRoomTicket(check).rights).toBe(rights);
      const refused = expect.objectContaining({ code: 'ticket-invalid' });
      expect(() => checkRoomTicket({ ...check, room: parseIntegerRoom('2') })).toThrow(refused);
      expect(() => checkRoomTicket({ ...check, userId: 'mallory' })).toThrow(refused);
      expect(() => checkRoomTicket({ ...check, app: { ...app, secretKey: stranger } })).toThrow(refused);
      expect(() => checkRoomTicket({ ...check, nowMs: nowMs + 610_000 })).toThrow(
        expect.objectContaining({ code: 'ticket-expired' }),
      );
      const { 'TLS.time': time = 0, 'TLS.userbuf': userbuf } = unpackToken(privateMapKey);
      const ours = signPrivateMapKey({
        ...{ secretKey, sdkAppId: APP, userId, expireSeconds: 600, room, rights },
        nowMs: Number(time) * 1000,
      });
      const bytes = (value: unknown) => {
        const copy = Buffer.from(String(value), 'base64');
        copy.fill(0, 3 + userId.length + 8, 3 + userId.length + 12); // it reads the clock a second time
        return copy.toString('hex');
      };
      expect(bytes(unpackToken(ours)['TLS.userbuf'])).toBe(bytes(userbuf));
    });
  },
);

test("a PrivateMapKey that Tencent's own library made for a name it damages goes by the identifier", () => {
  const userId = '主播';
  const privateMapKey = api.genPrivateMapKey(userId, 600, 7, 255);
  const check = { secretKey, sdkAppId: APP, userId, privateMapKey, nowMs: Date.now() };
  expect(verifyPrivateMapKey(check)).toMatchObject({ rights: 255 });
  expect(() => verifyPrivateMapKey({ ...check, userId: '观众' })).toThrow('another user');
});

import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../../src/domain/errors.ts';
import { parseIntegerRoom, parseStringRoom, type RoomId } from '../../../src/domain/ids.ts';
import { Secret } from '../../../src/domain/secret.ts';
import {
  checkAccountType,
  checkRoomTicket,
  type PrivateMapKeyRequest,
  signPrivateMapKey,
  verifyPrivateMapKey,
} from '../../../src/identity/private-map-key.ts';
import { signToken } from '../../../src/identity/sig-token.ts';
import {
  SAMPLE_APP,
  SAMPLE_KEY,
  SAMPLE_MAP_KEY,
  SAMPLE_MAP_KEY_USERBUF,
  SAMPLE_NOW_MS,
  SAMPLE_STRING_MAP_KEY,
  SAMPLE_STRING_MAP_KEY_USERBUF,
  SAMPLE_USER,
  SAMPLE_USER_SIG,
  unpackToken,
} from '../../support/sig-text.ts';

const secretKey = new Secret(SAMPLE_KEY);
const USER = { secretKey, sdkAppId: SAMPLE_APP, userId: SAMPLE_USER };
const REQUEST = { ...USER, expireSeconds: 300, nowMs: SAMPLE_NOW_MS };
const INTEGER_ROOM = parseIntegerRoom('10000');
const STRING_ROOM = parseStringRoom('1000000040');
const EXPIRES_AT = SAMPLE_NOW_MS + 300_000;

const APP = { secretKey, sdkAppId: SAMPLE_APP, privateMapKeyRequired: true, accountType: 0 };
const ENTRY = { app: APP, userId: SAMPLE_USER, room: INTEGER_ROOM, nowMs: SAMPLE_NOW_MS };

function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error instanceof GatewayError ? error.code : `not a GatewayError: ${String(error)}`;
  }
}

function read(privateMapKey: string, change: object = {}): unknown {
  return outcome(() => verifyPrivateMapKey({ ...USER, privateMapKey, nowMs: SAMPLE_NOW_MS, ...change }));
}

function key(change: Partial<PrivateMapKeyRequest> = {}): string {
  return signPrivateMapKey({ ...REQUEST, room: INTEGER_ROOM, rights: 255, ...change });
}

/** A key whose signature holds, around any userbuf. */
function keyAround(userbuf: Buffer, userId = SAMPLE_USER): string {
  return signToken({ ...REQUEST, userId }, userbuf);
}

describe('a PrivateMapKey', () => {
  test.each<[string, RoomId, number, string, string, string]>([
    [
      'an integer room',
      INTEGER_ROOM,
      255,
      SAMPLE_MAP_KEY,
      SAMPLE_MAP_KEY_USERBUF,
      '0+M4K64lITF5k+8jtQGalx0fgxd1aweZx0fZYfdnvZk=',
    ],
    [
      'a string room',
      STRING_ROOM,
      42,
      SAMPLE_STRING_MAP_KEY,
      SAMPLE_STRING_MAP_KEY_USERBUF,
      'z1MzWET30Ya0Nprdd3XpRYqFGarigfJK769q5n7S9yo=',
    ],
  ])(
    "of %s has the fields and the signature of Tencent's own library, and is read back",
    (_what, room, rights, sample, hex, sig) => {
      expect(read(sample)).toEqual({ room, expiresAt: EXPIRES_AT, rights, accountType: 0 });
      const ours = unpackToken(key({ room, rights }));
      expect(ours).toEqual(unpackToken(sample));
      expect(Object.keys(ours)).toEqual(Object.keys(unpackToken(sample)));
      expect(Buffer.from(String(ours['TLS.userbuf']), 'base64').toString('hex')).toBe(hex);
      expect(ours['TLS.sig']).toBe(sig);
    },
  );

  test.each<[string, RoomId]>([
    ['the first integer room', parseIntegerRoom('1')],
    ['the last integer room', parseIntegerRoom('4294967295')],
    ['a room of 64 characters', parseStringRoom('r'.repeat(64))],
    ['a room of odd characters', parseStringRoom('a b!#$%&()+-:;<=.>?@[]^_{}|~,')],
  ])('of %s comes back as it was signed', (_what, room) => {
    expect(read(key({ room, rights: 14 }))).toMatchObject({ room, rights: 14 });
  });

  test('holds for its user in any case, until the last second of the shorter of its two lives', () => {
    expect(read(SAMPLE_MAP_KEY, { userId: 'XIAOJUN' })).toMatchObject({ rights: 255 });
    expect(read(SAMPLE_MAP_KEY, { nowMs: EXPIRES_AT })).toMatchObject({ expiresAt: EXPIRES_AT });
    expect(read(SAMPLE_MAP_KEY, { nowMs: EXPIRES_AT + 1 })).toBe('ticket-expired');
    const shorter = Buffer.from(SAMPLE_MAP_KEY_USERBUF.replace('6553f22c', '6553f101'), 'hex');
    const itsEnd = SAMPLE_NOW_MS + 1000;
    expect(read(keyAround(shorter))).toMatchObject({ expiresAt: itsEnd });
    expect(read(keyAround(shorter), { nowMs: itsEnd + 1 })).toBe('ticket-expired');
  });

  test('of an account with other than ASCII characters goes by its identifier, as they are damaged beside it', () => {
    const damaged = Buffer.from(SAMPLE_MAP_KEY_USERBUF.replace('78', '2d'), 'hex');
    expect(read(keyAround(damaged, '中iaojun'), { userId: '中iaojun' })).toMatchObject({ rights: 255 });
    expect(read(keyAround(damaged, '中iaojun'), { userId: '-iaojun' })).toBe('ticket-invalid');
    expect(read(keyAround(damaged))).toBe('ticket-invalid');
  });

  const userbuf = Buffer.from(SAMPLE_MAP_KEY_USERBUF, 'hex');
  const named = Buffer.from(SAMPLE_STRING_MAP_KEY_USERBUF, 'hex');
  const changed = (bytes: Buffer, at: number, value: number) => {
    const copy = Buffer.from(bytes);
    copy[at] = value;
    return copy;
  };
  test.each<[string, string, object]>([
    ['another user', SAMPLE_MAP_KEY, { userId: 'xiaoju' }],
    ['another app', SAMPLE_MAP_KEY, { sdkAppId: SAMPLE_APP + 1 }],
    ['another key', SAMPLE_MAP_KEY, { secretKey: new Secret('0'.repeat(64)) }],
    ['a UserSig in its place', SAMPLE_USER_SIG, {}],
    ['nothing', '', {}],
    ['a userbuf of no bytes', keyAround(Buffer.alloc(0)), {}],
    ['a userbuf that is cut off', keyAround(userbuf.subarray(0, -1)), {}],
    ['a userbuf with a byte too many', keyAround(Buffer.concat([userbuf, Buffer.alloc(1)])), {}],
    ['a string userbuf that is cut off', keyAround(named.subarray(0, -1)), {}],
    ['a room that is too long for its bytes', keyAround(changed(named, named.length - 11, 11)), {}],
    ['a version nobody knows', keyAround(changed(userbuf, 0, 2)), {}],
    [
      'integer room 0',
      keyAround(Buffer.from(SAMPLE_MAP_KEY_USERBUF.replace('00002710', '00000000'), 'hex')),
      {},
    ],
    ['a room with a letter that no room has', keyAround(changed(named, named.length - 1, 0x2f)), {}],
    ['an app in its userbuf that is another', keyAround(changed(userbuf, 13, 0x01)), {}],
    ['an account in its userbuf that is another', keyAround(changed(userbuf, 3, 0x79)), {}],
  ])('is refused with %s', (_what, privateMapKey, change) => {
    expect(read(privateMapKey, change)).toBe('ticket-invalid');
  });
});

describe('a PrivateMapKey at the door of a room', () => {
  const enter = (change: object) => outcome(() => checkRoomTicket({ ...ENTRY, ...change }));
  const free = { ...APP, privateMapKeyRequired: false };

  test('is required when the app says so, and else not', () => {
    expect(enter({})).toBe('ticket-invalid');
    expect(enter({ privateMapKey: '' })).toBe('ticket-invalid');
    expect(enter({ app: free })).toEqual({ rights: 255, expiresAt: null });
    expect(enter({ privateMapKey: SAMPLE_MAP_KEY })).toEqual({ rights: 255, expiresAt: EXPIRES_AT });
  });

  test('that is given although the app asks for none is checked all the same', () => {
    expect(enter({ app: free, privateMapKey: SAMPLE_STRING_MAP_KEY })).toBe('ticket-invalid');
    expect(enter({ app: free, privateMapKey: 'x' })).toBe('ticket-invalid');
    expect(enter({ app: free, privateMapKey: SAMPLE_MAP_KEY, nowMs: EXPIRES_AT + 1 })).toBe('ticket-expired');
    expect(enter({ app: free, privateMapKey: key({ rights: 3 }) })).toMatchObject({ rights: 3 });
  });

  test('opens its own room only: an integer room is not the string room of the same digits', () => {
    expect(enter({ privateMapKey: SAMPLE_MAP_KEY, room: parseIntegerRoom('10001') })).toBe('ticket-invalid');
    expect(enter({ privateMapKey: SAMPLE_MAP_KEY, room: parseStringRoom('10000') })).toBe('ticket-invalid');
    expect(enter({ privateMapKey: SAMPLE_STRING_MAP_KEY, room: STRING_ROOM })).toMatchObject({ rights: 42 });
    const digits = { room: parseIntegerRoom('1000000040') };
    expect(enter({ privateMapKey: SAMPLE_STRING_MAP_KEY, ...digits })).toBe('ticket-invalid');
  });

  test('without the right to enter is forbidden', () => {
    expect(enter({ privateMapKey: key({ rights: 253 }) })).toBe('forbidden');
  });

  test("names no account type or the app's", () => {
    const typed = Buffer.from(SAMPLE_MAP_KEY_USERBUF, 'hex');
    typed.writeUInt32BE(792, typed.length - 4);
    expect(enter({ privateMapKey: keyAround(typed) })).toBe('forbidden');
    expect(enter({ privateMapKey: keyAround(typed), app: { ...APP, accountType: 792 } })).toMatchObject({
      rights: 255,
    });
    expect(enter({ privateMapKey: SAMPLE_MAP_KEY, app: { ...APP, accountType: 792 } })).toMatchObject({
      rights: 255,
    });
  });
});

describe('an AccountType', () => {
  test('is accepted from old clients, checked when sent, and needed by none', () => {
    expect(outcome(() => checkAccountType({ accountType: 792 }, 792))).toBeUndefined();
    expect(outcome(() => checkAccountType({ accountType: 792 }, undefined))).toBeUndefined();
    expect(outcome(() => checkAccountType({ accountType: 792 }, 793))).toBe('forbidden');
    expect(outcome(() => checkAccountType({ accountType: 0 }, 792))).toBe('forbidden');
  });
});

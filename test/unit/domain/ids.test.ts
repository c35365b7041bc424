import { describe, expect, it } from 'vitest';
import {
  decodeRoom,
  encodeRoom,
  parseIntegerRoom,
  parseStreamId,
  parseStringRoom,
  parseUserId,
  type RoomId,
  streamId,
} from '../../../src/domain/ids.ts';
import { seededWhole } from '../../support/random.ts';

const STRING_ALPHABET =
  'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !#$%&()+-:;<=.>?@[]^_{}|~,';

describe('room ids', () => {
  it.each(['1', '1001', '4294967295'])('accept the integer room %s', (text) => {
    expect(parseIntegerRoom(text)).toEqual({ kind: 'number', value: Number(text) });
  });

  it.each(['0', '4294967296', '-1', '1.5', '', 'abc', '1e3', '99999999999', ' 1', '0x10'])(
    'refuse %j as an integer room',
    (text) => {
      expect(() => parseIntegerRoom(text)).toThrowError(expect.objectContaining({ code: 'bad-room-id' }));
    },
  );

  it('accept every character of the string alphabet and at most 64 of them', () => {
    for (const char of STRING_ALPHABET) expect(parseStringRoom(char).value).toBe(char);
    expect(parseStringRoom('x'.repeat(64)).value).toHaveLength(64);
    for (const bad of ['', 'x'.repeat(65), 'é', 'a/b', 'a\nb', "a'b", 'a"b', 'a*b']) {
      expect(() => parseStringRoom(bad)).toThrowError(expect.objectContaining({ code: 'bad-room-id' }));
    }
  });
});

describe('user ids', () => {
  it.each(['alice', 'A_1', 'a-b', 'x'.repeat(32), '1a'])('accept %s', (text) => {
    expect(parseUserId(text)).toBe(text);
  });
  it.each(['', '123', 'x'.repeat(33), 'a b', 'a.b', 'ä', 'a/b', 'a\u0000'])('refuse %j', (text) => {
    expect(() => parseUserId(text)).toThrowError(expect.objectContaining({ code: 'bad-user-id' }));
  });
});

describe('stream names', () => {
  it('keep integer room 123 and string room "123" apart', () => {
    const user = { appId: 1400000001, userId: 'alice', kind: 'main' as const };
    const integer = streamId({ ...user, room: { kind: 'number', value: 123 } });
    const string = streamId({ ...user, room: { kind: 'string', value: '123' } });
    expect(integer).toBe('1400000001_123_alice_main');
    expect(string).toBe('1400000001_~3123_alice_main');
  });

  it('are the same for users that differ in case only', () => {
    const room: RoomId = { kind: 'number', value: 1 };
    const name = (userId: string) => streamId({ appId: 1, room, userId, kind: 'aux' });
    expect(name('Alice')).toBe(name('aLICE'));
    expect(parseStreamId('1_1_ALICE_aux')?.userId).toBe('alice');
  });

  it('give back their parts, and no two rooms share one (10,000 random string rooms)', () => {
    const seen = new Map<string, string>();
    const random = seededWhole(42);
    for (let i = 0; i < 10_000; i += 1) {
      const length = 1 + random(4);
      const text = Array.from({ length }, () => STRING_ALPHABET[random(STRING_ALPHABET.length)]).join('');
      const room = parseStringRoom(text);
      const encoded = encodeRoom(room);
      expect(encoded).toMatch(/^[A-Za-z0-9~-]+$/);
      expect(decodeRoom(encoded)).toEqual(room);
      expect(seen.get(encoded) ?? text).toBe(text);
      seen.set(encoded, text);
      const id = streamId({ appId: 7, room, userId: 'u_1-x', kind: 'main' });
      expect(parseStreamId(id)).toEqual({ appId: 7, room, userId: 'u_1-x', kind: 'main' });
    }
  });

  it.each(['', 'a', '1_0_alice_main', '1_1_123_main', '1_1_alice_other', '1_1_alice', 'x_1_alice_main'])(
    'do not include %j',
    (text) => {
      expect(parseStreamId(text)).toBeNull();
    },
  );
});

import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../../src/domain/errors.ts';
import { parseStringRoom } from '../../../src/domain/ids.ts';
import { parsePublishRequest, parseRtmpPath, publishUrl } from '../../../src/domain/publish-request.ts';

const QUERY = 'sdkappid=1400000001&userid=alice&usersig=abc*-_';
const INTEGER = `${QUERY}&use_number_room_id=1`;
const ALICE = { appId: 1400000001, userId: 'alice', userSig: 'abc*-_', kind: 'main' };

function parse(app: string, name: string) {
  return parsePublishRequest(parseRtmpPath({ app, name }));
}

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'accepted';
  } catch (error) {
    return error instanceof GatewayError ? error.code : `not a GatewayError: ${String(error)}`;
  }
}

describe('a publish request', () => {
  test.each([
    ['as FFmpeg and OBS send it', 'push', `studio?${QUERY}`],
    ['with a slash after the application', 'push/', `studio?${QUERY}`],
    ['with the whole path in the application', `push/studio?${QUERY}`, ''],
    ['with the query in the application', `push?${QUERY}`, 'studio'],
    ['with the query cut in two', 'push?sdkappid=1400000001', 'studio?userid=alice&usersig=abc*-_'],
    ['with parameters in another order', 'push', 'studio?usersig=abc*-_&userid=alice&sdkappid=1400000001'],
    ['with the same parameter at both places', `push?${QUERY}`, `studio?${QUERY}`],
    ['with parameters we do not know', 'push', `studio?${QUERY}&remoteuserid=k&x=1`],
  ])('%s is understood', (_how, app, name) => {
    expect(parse(app, name)).toEqual({ ...ALICE, room: { kind: 'string', value: 'studio' } });
  });

  test('names an integer room only when it says so', () => {
    expect(parse('push', `1001?${INTEGER}`).room).toEqual({ kind: 'number', value: 1001 });
    expect(parse('push', `1001?${QUERY}&use_number_room_id=0`).room).toEqual({
      kind: 'string',
      value: '1001',
    });
    expect(parse('push', `4294967295?${INTEGER}`).room).toEqual({ kind: 'number', value: 4_294_967_295 });
  });

  test('is percent-decoded, and + is a plus', () => {
    expect(parse('push', `a%20b+c%3F?${QUERY}`).room.value).toBe('a b+c?');
  });

  test('brings a PrivateMapKey, a role name and an account type along when it has them', () => {
    const { privateMapKey, roleName, accountType } = parse(
      'push',
      `studio?${QUERY}&private_map_key=k*-_&role=host&accounttype=792`,
    );
    expect([privateMapKey, roleName, accountType]).toEqual(['k*-_', 'host', 792]);
    expect(parse('push', `studio?${QUERY}`)).not.toHaveProperty('privateMapKey');
  });

  test('can be of the screen', () => {
    expect(parse('push', `studio?${QUERY}&stream=aux`).kind).toBe('aux');
  });

  test.each([
    ['room 0', `0?${INTEGER}`, 'bad-room-id'],
    ['room 4294967296', `4294967296?${INTEGER}`, 'bad-room-id'],
    ['text as an integer room', `studio?${INTEGER}`, 'bad-room-id'],
    ['a signed number', `+1?${INTEGER}`, 'bad-room-id'],
    ['no room', `?${QUERY}`, 'bad-room-id'],
    ['65 characters of room', `${'r'.repeat(65)}?${QUERY}`, 'bad-room-id'],
    ['a room with other letters', `st%C3%BCdio?${QUERY}`, 'bad-room-id'],
    ['a user of digits only', `r?${QUERY.replace('alice', '12345')}`, 'bad-user-id'],
    ['a user with a space', `r?${QUERY.replace('alice', 'al%20ice')}`, 'bad-user-id'],
    ['33 characters of user', `r?${QUERY.replace('alice', 'a'.repeat(33))}`, 'bad-user-id'],
    ['no user', 'r?sdkappid=1400000001&usersig=abc', 'bad-user-id'],
    ['no app', 'r?userid=alice&usersig=abc', 'bad-app-id'],
    ['an app that is no number', `r?${QUERY.replace('1400000001', '0x10')}`, 'bad-app-id'],
    ['a third stream', `r?${QUERY}&stream=both`, 'bad-request'],
    ['a flag that is none', `r?${QUERY}&use_number_room_id=yes`, 'bad-request'],
    ['an account type that is no number', `r?${QUERY}&accounttype=-1`, 'bad-request'],
    ['an account type of 33 bits', `r?${QUERY}&accounttype=4294967296`, 'bad-request'],
    ['a parameter with two values', `r?${QUERY}&userid=bob`, 'bad-request'],
    ['a broken escape', `r%zz?${QUERY}`, 'bad-request'],
    ['a path of three parts', `a/b?${QUERY}`, 'bad-request'],
    ['more text than any URL', `r?${QUERY}&x=${'x'.repeat(5000)}`, 'bad-request'],
    [
      'more parameters than any URL',
      `r?${Array.from({ length: 50 }, (_, i) => `p${i}=1`).join('&')}`,
      'bad-request',
    ],
  ])('with %s is refused by name', (_what, name, code) => {
    expect(codeOf(() => parse('push', name))).toBe(code);
  });

  test.each([
    [{ kind: 'number', value: 4_294_967_295 } as const, 'main'],
    [{ kind: 'string', value: '1001' } as const, 'aux'],
    [parseStringRoom('a b!#$%&()+-:;<=.>?@[]^_{}|~,'), 'main'],
  ] as const)('comes back whole from the URL made for it: %j', (room, kind) => {
    const request = { ...ALICE, room, kind, privateMapKey: 'k*-_', roleName: 'host', accountType: 792 };
    const { url, obsServer, obsKey } = publishUrl({ ...request, rtmpUrl: 'rtmp://host:1935' });
    expect(obsServer).toBe('rtmp://host:1935/push');
    expect(url).toBe(`${obsServer}/${obsKey}`);
    expect(parse('push', obsKey)).toEqual(request);
  });
});

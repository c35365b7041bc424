import { describe, expect, it } from 'vitest';
import { type PlayProof, playQuery, readPlayProof } from '../../../src/domain/play-proof.ts';

function read(query: string): PlayProof {
  const params = new URLSearchParams(query);
  return readPlayProof((name) => params.get(name) ?? undefined);
}

const MEMBER: PlayProof = { type: 'member', appId: 1400000001, userId: 'Ann', userSig: 'eJ*-_' };

describe('the query of a playback URL', () => {
  it.each<[string, PlayProof]>([
    ['', { type: 'none' }],
    ['?ticket=', { type: 'none' }],
    ['?ticket=a.b-_', { type: 'ticket', ticket: 'a.b-_' }],
    ['?sdkappid=1400000001&userid=Ann&usersig=eJ*-_', MEMBER],
    [
      '?sdkappid=1400000001&userid=Ann&usersig=eJ*-_&private_map_key=k*-_',
      { ...MEMBER, privateMapKey: 'k*-_' },
    ],
    ['?ticket=a.b&sdkappid=x&userid=1', { type: 'ticket', ticket: 'a.b' }],
  ])('%s says why one may play, and comes back in the URLs of segments', (query, proof) => {
    expect(read(query)).toEqual(proof);
    expect(read(playQuery(proof))).toEqual(proof);
  });

  it.each([
    ['?userid=ann&usersig=x', 'bad-app-id'],
    ['?sdkappid=0&userid=ann&usersig=x', 'bad-app-id'],
    ['?sdkappid=1&usersig=x', 'bad-user-id'],
    ['?sdkappid=1&userid=123&usersig=x', 'bad-user-id'],
  ])('%s is refused as %s', (query, code) => {
    expect(() => read(query)).toThrow(expect.objectContaining({ code }));
  });
});

import { describe, expect, it } from 'vitest';
import {
  DEFAULT_GROUP_LIMITS,
  groupError,
  groupKey,
  parseGroupId,
  parseGroupKey,
  parseGroupText,
  parseHistoryCount,
  parseNewGroup,
} from '../../../src/domain/group.ts';

const refused = (code: string) => expect.objectContaining({ code });

describe('a messaging group', () => {
  it.each(['a', 'Team_1-x', 'x'.repeat(64), '1001'])('may have the id %s', (id) => {
    expect(parseGroupId(id)).toBe(id);
    expect(parseGroupKey(groupKey(1400000001, id))).toEqual({ appId: 1400000001, groupId: id });
  });

  it.each(['', 'x'.repeat(65), 'a b', 'a/b', 'é', 'a\n', '*'])('may not have the id %j', (id) => {
    expect(() => parseGroupId(id)).toThrowError(refused('bad-request'));
  });

  it('has what its creator left open: an id nobody guesses, its id as name, a history of 100', () => {
    expect(parseNewGroup({}, 'f00d')).toEqual({ groupId: 'f00d', name: 'f00d', historySize: 100 });
    const wanted = { groupId: 'team', name: 'The team: 队', historySize: 0 };
    expect(parseNewGroup(wanted, 'f00d')).toEqual(wanted);
  });

  it.each([
    { name: '' },
    { name: 'x'.repeat(65) },
    { historySize: -1 },
    { historySize: 101 },
    { historySize: 1.5 },
    { groupId: '' },
  ])('is not made of %j', (wanted) => {
    expect(() => parseNewGroup(wanted, 'f00d')).toThrowError(refused('bad-request'));
  });

  it('takes texts of 1 to 4096 bytes, however many characters that is', () => {
    expect(parseGroupText('é'.repeat(2048))).toHaveLength(2048);
    expect(() => parseGroupText('')).toThrowError(refused('bad-request'));
    expect(() => parseGroupText('x'.repeat(4097))).toThrowError(refused('too-large'));
    expect(() => parseGroupText(`${'é'.repeat(2048)}x`)).toThrowError(refused('too-large'));
  });

  it('tells its last 1 to 100 messages', () => {
    expect([1, 100].map(parseHistoryCount)).toEqual([1, 100]);
    for (const bad of [0, 101, 2.5, Number.NaN]) {
      expect(() => parseHistoryCount(bad)).toThrowError(refused('bad-request'));
    }
  });

  it.each([
    ['no-group', 'not-found', 'never'],
    ['not-member', 'forbidden', 'never'],
    ['exists', 'conflict', 'never'],
    ['app-full', 'limit-reached', 'never'],
    ['user-full', 'limit-reached', 'never'],
    ['group-full', 'limit-reached', 'never'],
    ['too-fast', 'limit-reached', 'later'],
  ] as const)('refuses for %s with the code %s, to be tried again %s', (refusal, code, retry) => {
    expect(groupError(refusal, DEFAULT_GROUP_LIMITS)).toMatchObject({ code, retry, blame: 'caller' });
  });
});

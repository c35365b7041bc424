import { describe, expect, test } from 'vitest';
import type { RoomFacts } from '../../../src/domain/room.ts';
import {
  blockUser,
  changeUser,
  dropGateways,
  enterSession,
  enterStream,
  expireLost,
  findUser,
  lostSince,
  removeUser,
  resumeSession,
} from '../../../src/rooms/room-state.ts';
import { userFacts } from '../../support/room-facts.ts';

const ROOM = { kind: 'number', value: 1001 } as const;
const PLACE = { appId: 1, room: ROOM, gatewayId: 'g1' };
const ANCHOR = { role: 'anchor', roleName: 'hd', terminal: 'web', mayCreate: true } as const;

function stream(userId: string, at: number, kind: 'main' | 'aux' = 'main') {
  return { ...ANCHOR, userId, kind, at, streamId: `1_1001_${userId.toLowerCase()}_${kind}` };
}

function session(userId: string, at: number, sessionId = `s-${userId}`) {
  return { ...ANCHOR, userId, sessionId, at };
}

function opened(facts: RoomFacts | null): RoomFacts {
  if (facts === null) throw new Error('the room is closed');
  return facts;
}

/** `order name, its device and streams`. */
function shown(facts: RoomFacts | null): string[] {
  return (facts?.users ?? []).map(({ order, userId, session: device, streams }) =>
    [order, userId, ...(device ? [device.sessionId] : []), ...streams.map(({ kind }) => kind)].join(' '),
  );
}

describe('a room', () => {
  test('that does not exist is created by the first entry, whose user owns it', () => {
    const facts = enterSession(null, PLACE, session('alice', 5));
    expect(facts).toMatchObject({ createdAt: 5, ownerUserId: 'alice', gatewayId: 'g1' });
    expect(shown(facts)).toEqual(['1 alice s-alice']);
  });

  test('joins what a user brings by RTMP and by WebSocket in one user', () => {
    const one = enterStream(null, PLACE, stream('Alice', 1));
    const two = enterSession(one, PLACE, session('alice', 2));
    expect(shown(enterStream(two, PLACE, stream('ALICE', 3, 'aux')))).toEqual(['1 Alice s-alice main aux']);
  });

  test('keeps order and streams of a user that comes with another device', () => {
    const one = enterStream(null, PLACE, stream('al', 1));
    const two = enterSession(enterSession(one, PLACE, session('bo', 2)), PLACE, session('al', 3, 'first'));
    expect(shown(enterSession(two, PLACE, session('al', 4, 'second')))).toEqual([
      '1 al second main',
      '2 bo s-bo',
    ]);
  });

  test('puts who enters behind the last, not at a free place', () => {
    const two = enterSession(enterSession(null, PLACE, session('al', 1)), PLACE, session('bo', 2));
    expect(shown(enterSession(removeUser(two, 'al'), PLACE, session('al', 3)))).toEqual([
      '2 bo s-bo',
      '3 al s-al',
    ]);
  });

  test('is created and filled only within what is allowed', () => {
    const refused = (code: string) => expect.objectContaining({ code });
    expect(() => enterStream(null, PLACE, { ...stream('al', 1), mayCreate: false })).toThrow(
      refused('forbidden'),
    );
    const users = Array.from({ length: 1000 }, (_unused, at) => userFacts(`u${at}`, { order: at + 1 }));
    const full: RoomFacts = { ...PLACE, createdAt: 1, ownerUserId: 'u0', seq: 9, users };
    expect(() => enterSession(full, PLACE, session('al', 1))).toThrow(refused('limit-reached'));
    expect(enterSession(full, PLACE, session('U7', 1)).users).toHaveLength(1000);
  });

  test('ends the streams of an anchor that becomes audience, and lets no audience publish', () => {
    const both = enterStream(enterSession(null, PLACE, session('al', 1)), PLACE, stream('al', 2));
    const [al] = both.users;
    const silent = changeUser(both, al ?? userFacts('al'), { role: 'audience' }, 3);
    expect(shown(silent)).toEqual(['1 al s-al']);
    expect(() => enterStream(silent, PLACE, stream('al', 3))).toThrow(
      expect.objectContaining({ code: 'forbidden' }),
    );
  });

  test('has a user lost that gives up its streams just after its device was lost', () => {
    const both = enterStream(enterSession(null, PLACE, session('al', 1)), PLACE, stream('al', 2));
    const [al = userFacts('al')] = both.users;
    const lost = { ...al, session: al.session && { ...al.session, lostAt: 3 } };
    expect(changeUser(both, lost, { role: 'audience' }, 4).users[0]).toMatchObject({ lostAt: 4 });
  });

  test('takes a lost user out after the grace, and not before; then it is closed', () => {
    const users = [
      userFacts('al', { lostAt: 1_000 }),
      userFacts('bo', { order: 2, lostAt: 2_000, session: null }),
    ];
    const facts: RoomFacts = { ...PLACE, createdAt: 1, ownerUserId: 'al', seq: 2, users };
    expect(lostSince(facts)).toBe(1_000);
    expect(expireLost(facts, 30_999, 30_000)).toBe(facts);
    expect(shown(expireLost(facts, 31_000, 30_000))).toEqual(['2 bo']);
    expect(expireLost(facts, 32_000, 30_000)).toBeNull();
  });

  test('forgets the lost device of a user whose stream goes on', () => {
    const both = enterStream(enterSession(null, PLACE, session('al', 1)), PLACE, stream('al', 2));
    const lost = both.users.map((user) => ({
      ...user,
      session: user.session && { ...user.session, lostAt: 1_000 },
    }));
    expect(shown(expireLost({ ...both, users: lost }, 31_000, 30_000))).toEqual(['1 al main']);
  });

  test('takes a device back that was lost, whichever gateway it comes to, and no other', () => {
    const facts = enterSession(null, PLACE, session('al', 1));
    const users = facts.users.map((user) => ({ ...user, lostAt: 5 }));
    const back = { userId: 'AL', sessionId: 's-al', at: 9, gatewayId: 'g2' };
    expect(resumeSession({ ...facts, users }, back)?.users[0]).toMatchObject({
      lostAt: null,
      session: { gatewayId: 'g2', since: 9 },
    });
    expect(resumeSession(facts, { ...back, sessionId: 'other' })).toBeNull();
  });

  test('loses what a gateway held that is gone, and moves to one that still has users', () => {
    const there = { ...PLACE, gatewayId: 'g2' };
    const here = enterStream(null, PLACE, stream('al', 1));
    const both = enterSession(enterSession(here, there, session('al', 2)), PLACE, session('bo', 3));
    const left = opened(dropGateways(both, new Set(['g1'])));
    expect(shown(left)).toEqual(['1 al s-al']);
    expect(left.gatewayId).toBe('g2');
    expect(dropGateways(both, new Set(['g3']))).toBe(both);
    expect(dropGateways(both, new Set(['g1', 'g2']))).toBeNull();
  });

  test('blocks a user until it leaves', () => {
    const facts = enterSession(null, PLACE, session('al', 1));
    const silent = { audio: true, video: false };
    const blocked = blockUser(facts, 'AL', silent, 7);
    expect(findUser(blocked, 'al')?.blocked).toEqual({ ...silent, at: 7 });
    expect(blockUser(facts, 'bo', silent, 7)).toBeNull();
  });
});

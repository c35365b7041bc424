import { describe, expect, test } from 'vitest';
import type { StreamKind } from '../../../src/domain/ids.ts';
import { NOT_BLOCKED, type RoomFacts } from '../../../src/domain/room.ts';
import type { StreamEvent } from '../../../src/domain/stream-event.ts';
import {
  adoptRoom,
  applyStreamEvent,
  blockUser,
  dropGateways,
  expireLost,
  mergeRoom,
} from '../../../src/rooms/room-state.ts';

const GRACE_MS = 30_000;
const room = { kind: 'number', value: 1001 } as const;

function event(
  type: 'published' | 'clean' | 'lost',
  userId: string,
  at: number,
  kind: StreamKind = 'main',
): StreamEvent {
  const base = { appId: 1, room, userId, kind, streamId: `1_1001_${userId.toLowerCase()}_${kind}`, at };
  return type === 'published' ? { ...base, type } : { ...base, type: 'unpublished', clean: type === 'clean' };
}

function roomAfter(
  events: readonly StreamEvent[],
  gatewayId = 'g1',
  from: RoomFacts | null = null,
): RoomFacts | null {
  return events.reduce<RoomFacts | null>((facts, one) => applyStreamEvent(facts, one, gatewayId), from);
}

function users(facts: RoomFacts | null): string[] {
  return (facts?.users ?? []).map(
    ({ userId, order, lostAt, streams }) =>
      `${order} ${userId} ${lostAt === null ? streams.map((stream) => stream.kind).join('+') : `lost ${lostAt}`}`,
  );
}

function opened(facts: RoomFacts | null): RoomFacts {
  if (facts === null) throw new Error('the room is closed');
  return facts;
}

describe('a room', () => {
  test('is made by the first entry, whose user owns it', () => {
    expect(roomAfter([event('published', 'alice', 5)])).toMatchObject({
      createdAt: 5,
      ownerUserId: 'alice',
      gatewayId: 'g1',
      users: [{ userId: 'alice', order: 1, enteredAt: 5, lostAt: null, gatewayId: 'g1' }],
    });
  });

  test.each<[string, StreamEvent[], string[]]>([
    [
      'users in the order of entry',
      [event('published', 'zoe', 1), event('published', 'al', 2)],
      ['1 zoe main', '2 al main'],
    ],
    [
      'both streams of a user',
      [event('published', 'al', 1), event('published', 'al', 2, 'aux')],
      ['1 al main+aux'],
    ],
    ['nobody after a clean stop', [event('published', 'al', 1), event('clean', 'al', 2)], []],
    ['a lost user, lost', [event('published', 'al', 1), event('lost', 'al', 2)], ['1 al lost 2']],
    [
      'a user whose other stream goes on',
      [event('published', 'al', 1), event('published', 'al', 2, 'aux'), event('clean', 'al', 3)],
      ['1 al aux'],
    ],
    [
      'nobody when the rest of a half lost user stops cleanly',
      [
        event('published', 'al', 1),
        event('published', 'al', 2, 'aux'),
        event('lost', 'al', 3, 'aux'),
        event('clean', 'al', 4),
      ],
      [],
    ],
    [
      'a user that came back at its old place',
      [
        event('published', 'al', 1),
        event('published', 'bo', 2),
        event('lost', 'al', 3),
        event('published', 'AL', 4),
      ],
      ['1 al main', '2 bo main'],
    ],
    [
      'one user for one id in two cases',
      [event('published', 'Al', 1), event('published', 'AL', 2)],
      ['1 Al main'],
    ],
    [
      'a new user behind the last, not at a free place',
      [
        event('published', 'al', 1),
        event('published', 'bo', 2),
        event('clean', 'al', 3),
        event('published', 'al', 4),
      ],
      ['2 bo main', '3 al main'],
    ],
    ['nothing of a stop without a start', [event('clean', 'al', 1)], []],
  ])('has %s', (_what, events, expected) => {
    expect(users(roomAfter(events))).toEqual(expected);
  });

  test('keeps a lost user for the grace and not longer', () => {
    const facts = opened(
      roomAfter([event('published', 'al', 1), event('published', 'bo', 2), event('lost', 'al', 1000)]),
    );
    expect(expireLost(facts, 'g1', 30_999, GRACE_MS)).toBe(facts);
    expect(users(expireLost(facts, 'g1', 31_000, GRACE_MS))).toEqual(['2 bo main']);
  });

  test('closes after the grace when all were lost', () => {
    const facts = opened(
      roomAfter([
        event('published', 'al', 1),
        event('published', 'bo', 2),
        event('lost', 'al', 10),
        event('lost', 'bo', 20),
      ]),
    );
    expect(users(expireLost(facts, 'g1', 30_015, GRACE_MS))).toEqual(['2 bo lost 20']);
    expect(expireLost(facts, 'g1', 30_020, GRACE_MS)).toBeNull();
  });

  test("leaves another gateway's lost users to that gateway", () => {
    const facts = opened(roomAfter([event('published', 'al', 1), event('lost', 'al', 2)]));
    expect(expireLost(facts, 'g2', 99_999, GRACE_MS)).toBe(facts);
  });

  test('is adopted by the next run of its gateway with its users lost', () => {
    const facts = opened(roomAfter([event('published', 'al', 1), event('published', 'bo', 2)]));
    expect(users(adoptRoom(facts, 'g1', 50))).toEqual(['1 al lost 50', '2 bo lost 50']);
    expect(users(adoptRoom(facts, 'g2', 50))).toEqual(['1 al main', '2 bo main']);
  });
});

describe('a room of two gateways', () => {
  const mine = opened(roomAfter([event('published', 'al', 1)], 'g1'));
  const theirs = opened(roomAfter([event('published', 'bo', 2)], 'g2'));

  test('is stored with the users of both, its home at the first, every place given once', () => {
    const merged = opened(mergeRoom(mine, theirs, 'g2'));
    expect(users(merged)).toEqual(['1 al main', '2 bo main']);
    expect(merged.gatewayId).toBe('g1');
    expect(mergeRoom(merged, merged, 'g2')).toEqual(merged);
  });

  test('stands when one of them has nobody left, and closes with the last', () => {
    const merged = opened(mergeRoom(mine, theirs, 'g2'));
    expect(users(mergeRoom(merged, null, 'g1'))).toEqual(['2 bo main']);
    expect(mergeRoom(theirs, null, 'g2')).toBeNull();
  });

  test('is written whole again by whoever knows it when the store lost it', () => {
    const merged = opened(mergeRoom(mine, theirs, 'g2'));
    expect(users(mergeRoom(null, merged, 'g2'))).toEqual(['1 al main', '2 bo main']);
  });

  test('has a user once, where it published last', () => {
    const moved = opened(roomAfter([event('published', 'al', 9)], 'g2'));
    expect(opened(mergeRoom(mine, moved, 'g2')).users).toMatchObject([{ userId: 'al', gatewayId: 'g2' }]);
    expect(opened(mergeRoom(moved, mine, 'g1')).users).toMatchObject([{ userId: 'al', gatewayId: 'g2' }]);
  });

  test('loses the users of a gateway that is gone and moves to the other', () => {
    const merged = opened(mergeRoom(mine, theirs, 'g2'));
    const left = opened(dropGateways(merged, new Set(['g1'])));
    expect(users(left)).toEqual(['2 bo main']);
    expect(left.gatewayId).toBe('g2');
    expect(dropGateways(merged, new Set(['g1', 'g2']))).toBeNull();
  });
});

describe('a blocked user', () => {
  const SILENT = { audio: true, video: false };
  const open = opened(roomAfter([event('published', 'Al', 10), event('published', 'bo', 20)]));
  const blocked = opened(blockUser(open, 'aL', SILENT, 50));
  const blockOfAl = (facts: RoomFacts | null) => facts?.users.find((user) => user.userId === 'Al')?.blocked;

  test('is blocked whatever the case of its id, and nobody else is', () => {
    expect(blockOfAl(blocked)).toEqual({ ...SILENT, at: 50 });
    expect(blocked.users[1]).not.toHaveProperty('blocked');
    expect(blockUser(open, 'cy', SILENT, 50)).toBeNull();
  });

  test('stays so with a second stream, while lost and when back, and is free after leaving', () => {
    const more = roomAfter([event('published', 'al', 60, 'aux'), event('clean', 'al', 61)], 'g1', blocked);
    const lost = roomAfter([event('lost', 'al', 70, 'aux')], 'g1', more);
    expect(blockOfAl(lost)).toMatchObject(SILENT);
    expect(blockOfAl(adoptRoom(opened(lost), 'g1', 75))).toMatchObject(SILENT);
    const back = roomAfter([event('published', 'al', 80)], 'g1', lost);
    expect(blockOfAl(back)).toMatchObject(SILENT);
    const anew = opened(roomAfter([event('clean', 'al', 90), event('published', 'Al', 91)], 'g1', back));
    expect(blockOfAl(anew)).toBeUndefined();
    expect(blockOfAl(mergeRoom(back, anew, 'g1'))).toBeUndefined();
  });

  test('stays so when its gateway writes what it knew before, and when the store lost the room', () => {
    expect(blockOfAl(mergeRoom(blocked, open, 'g1'))).toMatchObject(SILENT);
    expect(blockOfAl(mergeRoom(null, blocked, 'g1'))).toMatchObject(SILENT);
  });

  test('is what was said last, in whatever order it is heard', () => {
    const freed = opened(blockUser(blocked, 'al', NOT_BLOCKED, 50));
    expect(blockOfAl(freed)).toEqual({ ...NOT_BLOCKED, at: 51 });
    expect(blockOfAl(mergeRoom(blocked, freed, 'g1'))).toMatchObject(NOT_BLOCKED);
    expect(blockOfAl(mergeRoom(freed, blocked, 'g1'))).toMatchObject(NOT_BLOCKED);
  });

  test('stays so when it goes on at another gateway', () => {
    const moved = opened(roomAfter([event('published', 'Al', 99)], 'g2'));
    const merged = mergeRoom(blocked, moved, 'g2');
    expect(blockOfAl(merged)).toMatchObject(SILENT);
    expect(blockOfAl(mergeRoom(merged, moved, 'g2'))).toMatchObject(SILENT);
  });
});

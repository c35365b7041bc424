import { expect, test } from 'vitest';
import { inputsOfOtherRoom, type KnownStreams, mixInputs } from '../../../jobs/mix-inputs.ts';
import type { RoomFacts, UserFacts } from '../../../src/domain/room.ts';
import { roomFacts, streamFacts, userFacts } from '../../support/room-facts.ts';

const ROOM = { kind: 'number', value: 1001 } as const;

function user(
  userId: string,
  order: number,
  kinds: readonly ('main' | 'aux')[],
  lostAt: number | null = null,
): UserFacts {
  const streams = kinds.map((kind) => streamFacts(`7_1001_${userId}_${kind}`, kind));
  return userFacts(userId, { order, lostAt, streams });
}

function room(...users: UserFacts[]): RoomFacts {
  return roomFacts({ appId: 7, room: ROOM }, users);
}

function ids(facts: RoomFacts | null, known: KnownStreams = new Map()): string[] {
  return mixInputs(facts, known).map((input) => input.streamId);
}

test('users stand in order of entry, the camera before the screen', () => {
  expect(ids(room(user('bob', 2, ['main']), user('ann', 1, ['aux', 'main'])))).toEqual([
    '7_1001_ann_main',
    '7_1001_ann_aux',
    '7_1001_bob_main',
  ]);
});

test('a lost user keeps the cells it had', () => {
  const known: KnownStreams = new Map();
  ids(room(user('ann', 1, ['main', 'aux']), user('bob', 2, ['main'])), known);
  expect(ids(room(user('ann', 1, [], 99), user('bob', 2, ['main'])), known)).toEqual([
    '7_1001_ann_main',
    '7_1001_ann_aux',
    '7_1001_bob_main',
  ]);
});

test('a user lost before this run began is taken for its camera', () => {
  expect(ids(room(user('Ann', 1, [], 99)))).toEqual(['7_1001_ann_main']);
});

test('who has left is forgotten, who publishes nothing has no cell, and no room is empty', () => {
  const known: KnownStreams = new Map();
  ids(room(user('ann', 1, ['main'])), known);
  expect(ids(room(user('bob', 2, [])), known)).toEqual([]);
  expect(known.has('ann')).toBe(false);
  expect(ids(null, known)).toEqual([]);
});

test('what the room blocks of a user holds for camera and screen, also while the user is lost', () => {
  const known: KnownStreams = new Map();
  const blocked = { audio: true, video: false };
  const ann = { ...user('ann', 1, ['main', 'aux']), blocked: { ...blocked, at: 5 } };
  const free = { audio: false, video: false };
  const told = (facts: RoomFacts) => mixInputs(facts, known).map((input) => input.blocked);
  expect(told(room(ann, user('bob', 2, ['main'])))).toEqual([blocked, blocked, free]);
  expect(told(room({ ...ann, streams: [], lostAt: 9 }))).toEqual([blocked, blocked]);
});

test('of another room only those are inputs that a cell names, each by its stream', () => {
  const box = { x: 0, y: 0, width: 320, height: 180 };
  const studio = { kind: 'string', value: 'studio' } as const;
  const cell = (userId: string, stream: 'main' | 'aux', at: typeof studio | typeof ROOM) => ({
    ...box,
    source: { userId, stream, room: at },
  });
  const there = mixInputs(room(user('Ann', 1, ['main', 'aux']), user('bob', 2, ['main'])), new Map());
  const named = (...cells: ReturnType<typeof cell>[]) =>
    inputsOfOtherRoom({ mode: 'custom', cells: [box, ...cells] }, studio, there);
  expect(named(cell('ann', 'aux', studio))).toEqual([{ ...there[1], room: studio }]);
  expect(named(cell('ann', 'main', ROOM), cell('cid', 'main', studio))).toEqual([]);
  expect(inputsOfOtherRoom({ mode: 'grid' }, studio, there)).toEqual([]);
});

import { expect, test } from 'vitest';
import type { RoomFacts, UserFacts } from '../../../src/domain/room.ts';
import { partKey } from '../../../src/rooms/evictions.ts';
import { assertLocal, LOST_SEQ_JUMP, newLocalRoom } from '../../../src/rooms/local-room.ts';
import { enterSession, enterStream, type StreamEntry } from '../../../src/rooms/room-state.ts';

const ROOM = { kind: 'number', value: 1001 } as const;
const PLACE = { appId: 1, room: ROOM, gatewayId: 'g1' };
const ID = '1_1001_al_main';

function stream(at: number): StreamEntry {
  return {
    ...{ userId: 'al', streamId: ID, kind: 'main', at, mayCreate: true },
    ...{ role: 'anchor', roleName: 'default', terminal: 'other' },
  };
}

interface End {
  readonly since: number;
  readonly clean: boolean;
}

/** Stored is what al published at 1; what happened since was not. */
function after(ends: readonly End[], heldSince: number | null): RoomFacts | null {
  const local = newLocalRoom('1/1001', 1, ROOM);
  if (heldSince !== null) local.streams.set(ID, stream(heldSince));
  for (const { since, clean } of ends) local.stops.set(partKey(ID, since), { clean, at: since + 1 });
  const stored = enterStream(null, PLACE, stream(1));
  return assertLocal(stored, local, { gatewayId: 'g1', nowMs: 100, without: new Set() }).facts;
}

const LOST = { since: 1, clean: false };
const CLEAN = { since: 1, clean: true };

test.each([
  { what: 'comes back after it was lost', ends: [LOST], held: 5, enteredAt: 1 },
  { what: 'left and came back', ends: [CLEAN], held: 5, enteredAt: 5 },
  {
    what: 'was lost, came back, left and came back',
    ends: [LOST, { since: 3, clean: true }],
    held: 5,
    enteredAt: 5,
  },
])('a user who $what between two writes is in the room since then', ({ ends, held, enteredAt }) => {
  expect(after(ends, held)?.users).toMatchObject([{ userId: 'al', enteredAt, lostAt: null }]);
});

test.each([
  { what: 'was lost, came back and left', ends: [LOST, { since: 3, clean: true }] },
  { what: 'left', ends: [CLEAN] },
])('a user who $what between two writes is in the room no more', ({ ends }) => {
  expect(after(ends, null)).toBeNull();
});

test('what a stream carries is stored once it is known, and stands then', () => {
  const local = newLocalRoom('1/1001', 1, ROOM);
  const context = { gatewayId: 'g1', nowMs: 100, without: new Set<string>() };
  const tracks = { audio: true, video: false };
  const entered = enterStream(null, PLACE, stream(1));
  local.streams.set(ID, { ...stream(1), tracks });
  const { facts } = assertLocal(entered, local, context);
  const media = { audio: true, video: false, screen: false };
  expect(facts?.users).toMatchObject([{ media, streams: [{ streamId: ID, tracks }] }]);
  expect(assertLocal(facts, local, context).facts).toBe(facts);
});

test('what a user said here last stands when another gateway restored the room from older memory', () => {
  const session = { userId: 'al', sessionId: 's1', at: 1, mayCreate: true };
  const profile = { role: 'anchor', roleName: 'default', terminal: 'web' } as const;
  const entered = enterSession(null, PLACE, { ...session, ...profile });
  const local = newLocalRoom('1/1001', 1, ROOM);
  local.sessions.set('al', { ...session, ...profile });
  const [al] = entered.users;
  const said = { role: 'audience', roleName: 'host', media: { audio: false, video: false, screen: true } };
  local.facts = { ...entered, seq: 5, users: [{ ...al, ...said } as UserFacts] };
  const context = { gatewayId: 'g1', nowMs: 100, without: new Set<string>() };
  const restored = { ...entered, seq: 4 + LOST_SEQ_JUMP };
  const { facts } = assertLocal(restored, local, context);
  expect(facts?.users).toMatchObject([said]);
  expect(assertLocal(facts, { ...local, facts }, context).facts).toBe(facts);
  // A room that was not lost is as it is stored.
  expect(assertLocal(entered, local, context).facts).toBe(entered);
});

test('a user who left, came back and was lost between two writes is lost', () => {
  expect(after([CLEAN, { since: 3, clean: false }], null)?.users).toMatchObject([{ lostAt: 4 }]);
});

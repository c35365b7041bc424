import { expect, test } from 'vitest';
import type { RoomFacts } from '../../../src/domain/room.ts';
import { assertLocal, newLocalRoom } from '../../../src/rooms/local-room.ts';
import { enterSession, enterStream } from '../../../src/rooms/room-state.ts';

const ROOM = { kind: 'number', value: 1001 } as const;
const AL = {
  userId: 'al',
  at: 7,
  mayCreate: true,
  role: 'anchor',
  roleName: 'default',
  terminal: 'web',
} as const;
const STREAM = { ...AL, streamId: '1_1001_al_main', kind: 'main' } as const;

/** What that gateway says of its connection when what is stored is the other's of the same millisecond. */
function beatenAt(gatewayId: string, part: 'session' | 'stream') {
  const other = { appId: 1, room: ROOM, gatewayId: gatewayId === 'g1' ? 'g2' : 'g1' };
  const mine = { ...AL, sessionId: `session at ${gatewayId}` };
  const local = newLocalRoom('1/1001', 1, ROOM);
  if (part === 'session') local.sessions.set('al', mine);
  else local.streams.set(STREAM.streamId, STREAM);
  const theirs = { ...AL, sessionId: `session at ${other.gatewayId}` };
  const stored: RoomFacts =
    part === 'session' ? enterSession(null, other, theirs) : enterStream(null, other, STREAM);
  const { beaten } = assertLocal(stored, local, { gatewayId, nowMs: 100, without: new Set() });
  return beaten.map(({ reason }) => reason);
}

test.each([
  { part: 'session', reason: 'another-device' },
  { part: 'stream', reason: 'elsewhere' },
] as const)(
  'of two of a $part at two gateways in the same millisecond just one gives way',
  ({ part, reason }) => {
    const both = [...beatenAt('g1', part), ...beatenAt('g2', part)];
    expect(both).toEqual([reason]);
  },
);

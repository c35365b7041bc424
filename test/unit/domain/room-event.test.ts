import { describe, expect, test } from 'vitest';
import {
  applyRoomEvent,
  type RoomEventBody,
  type RoomMember,
  type RoomSnapshot,
} from '../../../src/domain/room-event.ts';

function member(userId: string, order: number, changes: Partial<RoomMember> = {}): RoomMember {
  return {
    ...{ userId, order, enteredAt: order, role: 'anchor', roleName: 'default', terminal: 'web' },
    ...{ isLost: false, media: { audio: true, video: true, screen: false } },
    ...{ blocked: { audio: false, video: false }, streams: [], ...changes },
  };
}

const NOTHING_YET = { audio: false, video: false };
const CAMERA = { streamId: '1_7_ann_main', kind: 'main', tracks: NOTHING_YET } as const;
const SCREEN = { streamId: '1_7_ann_aux', kind: 'aux', tracks: NOTHING_YET } as const;
const BEFORE: RoomSnapshot = {
  room: { kind: 'number', value: 7 },
  createdAt: 1,
  ownerUserId: 'ann',
  seq: 4,
  members: [member('ann', 1, { streams: [CAMERA] }), member('Bob', 3)],
};

function roomAfter(...bodies: RoomEventBody[]): RoomSnapshot | null {
  return bodies.reduce<RoomSnapshot | null>(
    (room, body, index) => applyRoomEvent(room, { seq: 5 + index, at: 9, body }),
    BEFORE,
  );
}

describe('the event of a room', () => {
  test('puts who enters at the place of its order', () => {
    const cem = member('cem', 2);
    expect(roomAfter({ type: 'member-entered', member: cem })).toEqual({
      ...BEFORE,
      seq: 5,
      members: [BEFORE.members[0], cem, BEFORE.members[1]],
    });
  });

  test('takes who leaves out, in whatever case its name is written', () => {
    const left = roomAfter({ type: 'member-left', userId: 'bob', reason: 'normal' });
    expect(left?.members).toEqual([BEFORE.members[0]]);
  });

  test('changes what it names of a member and nothing else', () => {
    const media = { audio: false, video: true, screen: false };
    const changed = roomAfter({ type: 'member-changed', userId: 'Bob', change: { role: 'audience', media } });
    expect(changed?.members).toEqual([BEFORE.members[0], member('Bob', 3, { role: 'audience', media })]);
  });

  test('adds and ends streams', () => {
    const both = roomAfter({ type: 'stream-published', userId: 'ANN', stream: SCREEN });
    expect(both?.members[0]?.streams).toEqual([CAMERA, SCREEN]);
    const screen = roomAfter(
      { type: 'stream-published', userId: 'ann', stream: SCREEN },
      { type: 'stream-ended', userId: 'ann', streamId: CAMERA.streamId },
    );
    expect(screen).toMatchObject({ seq: 6, members: [{ streams: [SCREEN] }, { streams: [] }] });
  });

  test('changes which tracks a stream carries where it stands', () => {
    const tracks = { audio: true, video: false };
    const changed = roomAfter(
      { type: 'stream-published', userId: 'ann', stream: SCREEN },
      { type: 'stream-changed', userId: 'ANN', streamId: CAMERA.streamId, tracks },
    );
    expect(changed?.members[0]?.streams).toEqual([{ ...CAMERA, tracks }, SCREEN]);
  });

  test('closes the room; of a closed one no event makes anything', () => {
    const closed: RoomEventBody = { type: 'room-closed', reason: 'empty' };
    expect(roomAfter(closed)).toBeNull();
    expect(roomAfter(closed, { type: 'member-entered', member: member('cem', 1) })).toBeNull();
  });

  test.each([4, 6, 1_005])('is refused when its number does not follow: %i', (seq) => {
    const event = { seq, at: 9, body: { type: 'member-left', userId: 'ann', reason: 'normal' } } as const;
    expect(() => applyRoomEvent(BEFORE, event)).toThrow(expect.objectContaining({ code: 'conflict' }));
  });
});

import { describe, expect, it } from 'vitest';
import { roomCallbacks } from '../../../../src/domain/callback/room-callback.ts';
import type { RoomId } from '../../../../src/domain/ids.ts';
import {
  applyRoomEvent,
  type LeaveReason,
  type MemberStream,
  type RoomEvent,
  type RoomEventBody,
  type RoomMember,
  type RoomSnapshot,
} from '../../../../src/domain/room-event.ts';
import type { Terminal } from '../../../../src/domain/terminal.ts';

const AT = 1_700_000_000_123;
const ROOM = { kind: 'number', value: 1001 } as const;
const SILENT = { audio: false, video: false, screen: false };
const CAMERA = { audio: true, video: true, screen: false };
const BOTH = { audio: true, video: true };
const main = { streamId: '1_1001_alice_main', kind: 'main', tracks: BOTH } as const;
const aux = { streamId: '1_1001_alice_aux', kind: 'aux', tracks: BOTH } as const;

function member(changes: Partial<RoomMember> = {}): RoomMember {
  return {
    ...{ userId: 'Alice', order: 1, enteredAt: AT, role: 'anchor', roleName: 'default', terminal: 'windows' },
    ...{ isLost: false, media: SILENT, blocked: { audio: false, video: false }, streams: [] },
    ...changes,
  };
}

const ON_AIR = member({ media: CAMERA, streams: [main] });

function snapshot(...members: RoomMember[]): RoomSnapshot {
  return { room: ROOM, createdAt: AT, ownerUserId: 'Alice', seq: 10, members };
}

const EMPTY: RoomSnapshot = { ...snapshot(), seq: 0 };

/** What is told when these things happen to the room at once; `[type, rest of its info]`. */
function told(before: RoomSnapshot | null, ...bodies: readonly RoomEventBody[]) {
  const from = before ?? EMPTY;
  const events = bodies.map((body, index): RoomEvent => ({ seq: from.seq + index + 1, at: AT, body }));
  const after = events.reduce<RoomSnapshot | null>(applyRoomEvent, from);
  return roomCallbacks({ appId: 1, room: ROOM, before, after, events }).map(({ type, info }) => {
    const { RoomId, EventTs, EventMsTs, ...rest } = info;
    expect([RoomId, EventTs, EventMsTs]).toEqual([1001, 1_700_000_000, AT]);
    return [type, rest];
  });
}

const alice = { UserId: 'Alice' };
const entered = { ...alice, Role: 20, TerminalType: 1, UserType: 3, Reason: 1 };
const changed = (change: object): RoomEventBody => ({ type: 'member-changed', userId: 'alice', change });
const published = (stream: MemberStream): RoomEventBody => ({
  ...{ type: 'stream-published', userId: 'Alice', stream },
});
const carries = (stream: MemberStream, audio: boolean, video: boolean): RoomEventBody => ({
  ...{ type: 'stream-changed', userId: 'Alice', streamId: stream.streamId, tracks: { audio, video } },
});
const ended = (streamId: string): RoomEventBody => ({ type: 'stream-ended', userId: 'Alice', streamId });
const left = (reason: LeaveReason): RoomEventBody => ({ type: 'member-left', userId: 'Alice', reason });

describe('an app is told', () => {
  it.each<[string, RoomSnapshot | null, readonly RoomEventBody[], unknown]>([
    [
      'that the first user makes the room, enters and sends',
      null,
      [{ type: 'member-entered', member: ON_AIR }],
      [
        [101, alice],
        [103, entered],
        [201, alice],
        [203, alice],
      ],
    ],
    [
      'that a viewer enters a room that is there',
      snapshot(member({ userId: 'bob' })),
      [{ type: 'member-entered', member: member({ role: 'audience', terminal: 'web' }) }],
      [[103, { ...entered, Role: 21, TerminalType: 100, UserType: 1 }]],
    ],
    [
      'of a leave by that alone',
      snapshot(ON_AIR, member({ userId: 'bob' })),
      [left('normal')],
      [[104, { ...alice, Role: 20, Reason: 1 }]],
    ],
    [
      'of the last leave and the end of the room',
      snapshot(ON_AIR),
      [left('timeout'), { type: 'room-closed', reason: 'empty' }],
      [
        [104, { ...alice, Role: 20, Reason: 2 }],
        [102, {}],
      ],
    ],
    [
      'nothing of a lost connection',
      snapshot(ON_AIR),
      [ended(main.streamId), changed({ isLost: true, media: SILENT })],
      [],
    ],
    [
      'that who was lost sends again',
      snapshot(member({ isLost: true })),
      [published(main), changed({ isLost: false, media: CAMERA })],
      [
        [201, alice],
        [203, alice],
      ],
    ],
    [
      'nothing of a stream of which nothing came yet',
      snapshot(member()),
      [published({ ...main, tracks: { audio: false, video: false } })],
      [],
    ],
    [
      'of the sound of a stream alone when that is all it carries',
      snapshot(member({ media: CAMERA, streams: [{ ...main, tracks: { audio: false, video: false } }] })),
      [carries(main, true, false)],
      [[203, alice]],
    ],
    [
      'of a picture that comes later by itself',
      snapshot(member({ media: CAMERA, streams: [{ ...main, tracks: { audio: true, video: false } }] })),
      [carries(main, true, true)],
      [[201, alice]],
    ],
    [
      'of a screen only with its picture',
      snapshot(
        member({
          media: { ...SILENT, screen: true },
          streams: [{ ...aux, tracks: { audio: true, video: false } }],
        }),
      ),
      [carries(aux, true, true)],
      [[205, alice]],
    ],
    [
      'of a mute',
      snapshot(ON_AIR),
      [changed({ media: { ...CAMERA, audio: false } })],
      [[204, { ...alice, Reason: 0 }]],
    ],
    [
      'of a screen beside the camera, and its end',
      snapshot(ON_AIR),
      [published(aux), changed({ media: { ...CAMERA, screen: true } })],
      [[205, alice]],
    ],
    [
      'that a screen ended',
      snapshot({ ...ON_AIR, media: { ...CAMERA, screen: true }, streams: [main, aux] }),
      [ended(aux.streamId), changed({ media: CAMERA })],
      [[206, { ...alice, Reason: 0 }]],
    ],
    [
      'that an anchor became audience and so stopped',
      snapshot(ON_AIR),
      [ended(main.streamId), changed({ role: 'audience' })],
      [
        [105, { ...alice, Role: 21 }],
        [202, { ...alice, Reason: 0 }],
        [204, { ...alice, Reason: 0 }],
      ],
    ],
    ['nothing of what a client says before it sends', snapshot(member()), [changed({ media: CAMERA })], []],
    [
      'nothing of role names and blocks',
      snapshot(ON_AIR),
      [changed({ roleName: 'hd', blocked: { audio: true, video: true } })],
      [],
    ],
  ])('%s', (_what, before, bodies, expected) => {
    expect(told(before, ...bodies)).toEqual(expected);
  });

  it.each<[LeaveReason, number]>([
    ['normal', 1],
    ['moved', 1],
    ['timeout', 2],
    ['removed', 3],
    ['dismissed', 3],
    ['another-device', 5],
    ['force-killed', 5],
  ])('of a leave for the reason %s by %i', (reason, number) => {
    expect(told(snapshot(ON_AIR), left(reason))).toEqual([[104, { ...alice, Role: 20, Reason: number }]]);
  });

  it.each<[Terminal, number, number]>([
    ['windows', 1, 3],
    ['android', 2, 3],
    ['ios', 3, 3],
    ['linux', 4, 3],
    ['mac', 100, 3],
    ['other', 100, 3],
    ['web', 100, 1],
  ])('that %s is TerminalType %i and UserType %i', (terminal, TerminalType, UserType) => {
    expect(told(snapshot(), { type: 'member-entered', member: member({ terminal }) })).toEqual([
      [103, { ...entered, TerminalType, UserType }],
    ]);
  });
});

it.each<[RoomId, unknown, string]>([
  [ROOM, 1001, 'room 1/1001'],
  [{ kind: 'string', value: '1001' }, '1001', 'room 1/~31001'],
])('room %j has its own lane, and its type of RoomId', (room, value, lane) => {
  const events: RoomEvent[] = [{ seq: 1, at: AT, body: { type: 'member-entered', member: ON_AIR } }];
  const all = roomCallbacks({ appId: 1, room, before: null, after: { ...snapshot(ON_AIR), room }, events });
  expect(all.map(({ type, group }) => [type, group])).toEqual([
    [101, 1],
    [103, 1],
    [201, 2],
    [203, 2],
  ]);
  for (const event of all) expect(event).toMatchObject({ appId: 1, lane, info: { RoomId: value } });
});

import { describe, expect, it } from 'vitest';
import {
  AUTO_AGENT,
  type AutoSettings,
  type AutoWish,
  autoSession,
  autoWishes,
  fillDestination,
  isSessionOver,
  matchesRoom,
  missingWishes,
} from '../../../src/domain/auto-tasks.ts';
import type { RoomId } from '../../../src/domain/ids.ts';
import { newRecordTask, newRelayTask } from '../../../src/domain/new-task.ts';
import { DEFAULT_PROGRAMME } from '../../../src/domain/programme.ts';
import { parseRtmpUrl } from '../../../src/domain/push/rtmp-url.ts';
import type { RoomFacts } from '../../../src/domain/room.ts';
import { Secret } from '../../../src/domain/secret.ts';
import type { Task } from '../../../src/domain/task.ts';
import { NOW, ROOM, relay as relayTask, room, SINGLE, table, user } from '../../support/plan-facts.ts';
import { seededRandom } from '../../support/random.ts';
import { streamFacts } from '../../support/room-facts.ts';

const rule = { rooms: ['*'], maxIdleSeconds: 30, programme: DEFAULT_PROGRAMME };
const EVERY_STREAM = { ...rule, of: 'stream', to: [new Secret('rtmp://h/live/{streamId}')] } as const;
const EVERY_MIX = { ...rule, of: 'mix', to: [new Secret('rtmp://h/live/{roomId}')] } as const;
const RECORD_MIX = { ...rule, mode: 'mixed', formats: ['mp4'] } as const;
const RECORD_EACH = { ...RECORD_MIX, mode: 'single' } as const;

const aux = streamFacts('1_1001_alice_aux', 'aux', NOW);
const ALICE = user('alice');
const SHARING = { ...ALICE, streams: [...ALICE.streams, aux] };
const LOST = user('bob', { lostAt: NOW, streams: [] });

function keysOf(settings: Omit<AutoSettings, 'appId'>, facts: RoomFacts): string[] {
  return autoWishes({ appId: 1, ...settings }, facts).map((wish) => wish.auto.key);
}

describe('what an app wants of a room', () => {
  it.each([
    ['nothing without settings', {}, [ALICE], []],
    [
      'every stream',
      { relay: EVERY_STREAM },
      [SHARING, LOST],
      ['relay/1_1001_alice_main', 'relay/1_1001_alice_aux'],
    ],
    ['the mix, once', { relay: EVERY_MIX }, [SHARING, user('bob')], ['relay/1_1001_mix_auto_main']],
    ['nothing while nobody publishes', { relay: EVERY_MIX, record: RECORD_EACH }, [LOST], []],
    [
      'a relay and a recording of the same mix',
      { relay: EVERY_MIX, record: RECORD_MIX },
      [ALICE],
      ['relay/1_1001_mix_auto_main', 'record/1_1001_mix_auto_main'],
    ],
    [
      'a recording of each stream',
      { record: RECORD_EACH },
      [ALICE, user('bob')],
      ['record/1_1001_alice_main', 'record/1_1001_bob_main'],
    ],
    ['nothing of other rooms', { relay: { ...EVERY_MIX, rooms: ['1002', '2*'] } }, [ALICE], []],
  ] as const)('%s', (_what, settings, users, keys) => {
    expect(keysOf(settings, room(users))).toEqual(keys);
  });

  it('sends a screen only where it cannot meet the camera of its user', () => {
    const byUser = new Secret('rtmp://h/live/{userId}');
    const both = { ...EVERY_STREAM, to: [byUser, ...EVERY_STREAM.to] };
    const sent = autoWishes({ appId: 1, relay: both }, room([SHARING])).map(({ work }) =>
      work.kind === 'relay' ? work.to : [],
    );
    expect(sent).toEqual([both.to, EVERY_STREAM.to]);
    expect(keysOf({ relay: { ...EVERY_STREAM, to: [byUser] } }, room([SHARING]))).toEqual([
      'relay/1_1001_alice_main',
    ]);
  });
});

const STRING_ROOM: RoomId = { kind: 'string', value: 'a b:&?#=%{userId}' };

it.each<[string, RoomId, string]>([
  ['rtmp://h/live/{roomId}-{userId}?key=s', ROOM, 'rtmp://h/live/1001-Al_i-ce?key=s'],
  ['rtmp://h/{roomId}/{roomId}', ROOM, 'rtmp://h/1001/1001'],
  ['youtube:{userId}', ROOM, 'youtube:Al_i-ce'],
  ['rtmp://h/live/{roomId}', STRING_ROOM, 'rtmp://h/live/a%20b%3A%26%3F%23%3D%25%7BuserId%7D'],
  ['rtmp://h/live/{streamId}', ROOM, 'rtmp://h/live/1_1001_al_i-ce_main'],
])('fills %s, URL-escaped, whatever a room is called', (template, roomId, url) => {
  const filled = fillDestination(template, {
    room: roomId,
    userId: 'Al_i-ce',
    streamId: '1_1001_al_i-ce_main',
  });
  expect(filled).toBe(url);
});

it('no name of a room gets out of its place in a URL', () => {
  const chars = ' !#$%&()+-:;<=.>?@[]^_{}|~,';
  for (const char of chars) {
    const place = { room: { kind: 'string', value: `a${char}b` }, userId: 'u', streamId: 's' } as const;
    const url = parseRtmpUrl(fillDestination('rtmp://host/app/{roomId}/key?token=t', place));
    expect(url).toMatchObject({ host: 'host', key: 'key?token=t', login: null });
    expect(decodeURIComponent(url.app)).toBe(`app/a${char}b`);
  }
});

it.each([
  [['*'], ROOM, true],
  [['1001'], ROOM, true],
  [['1001'], { kind: 'string', value: '1001' }, true],
  [['100'], ROOM, false],
  [['10*'], ROOM, true],
  [['*01'], ROOM, true],
  [['a.c'], { kind: 'string', value: 'abc' }, false],
  [['a.c'], { kind: 'string', value: 'a.c' }, true],
  [['show (*)'], { kind: 'string', value: 'show (evening)' }, true],
] as const)('rooms %j: %j is %s', (patterns, id, expected) => {
  expect(matchesRoom(patterns, id)).toBe(expected);
});

describe('what is missing', () => {
  const wishes = autoWishes({ appId: 1, relay: EVERY_STREAM }, room([ALICE]));
  const [wish] = wishes as [AutoWish];
  const own = relayTask('a', { ...SINGLE, auto: wish.auto });

  it.each<[string, readonly Task[], readonly string[], number]>([
    ['one that nobody runs', [], [], 1],
    ['none that runs', [own], [], 0],
    [
      'none that runs since an earlier session of the room',
      [{ ...own, auto: { ...wish.auto, since: 1 } }],
      [],
      0,
    ],
    ['one that somebody started by hand as well', [relayTask('a', SINGLE)], [], 1],
    ['none that somebody stopped in this session', [], [autoSession(wish.auto)], 0],
    ['one that somebody stopped in an earlier session', [], [autoSession({ ...wish.auto, since: 1 })], 1],
  ])('%s', (_what, running, stopped, count) => {
    expect(missingWishes(wishes, running, new Set(stopped))).toHaveLength(count);
  });

  it('a mix that is on the air is relayed no second time, and wakes nothing', () => {
    const robot = user('robot');
    const mix = relayTask('m', { streamId: '1_1001_robot_main' });
    for (const settings of [{ relay: EVERY_STREAM }, { relay: EVERY_MIX }, { record: RECORD_EACH }]) {
      const ofRobot = autoWishes({ appId: 1, ...settings }, room([robot]));
      expect(missingWishes(ofRobot, [], new Set())).toHaveLength(1);
      expect(missingWishes(ofRobot, [mix], new Set())).toEqual([]);
    }
  });
});

it('a session is over when its room is gone or another one of that name', () => {
  const facts = room([ALICE]);
  const [wish] = autoWishes({ appId: 1, record: RECORD_MIX }, facts) as [AutoWish];
  const session = autoSession(wish.auto);
  expect(isSessionOver(session, table([facts]))).toBe(false);
  expect(isSessionOver(session, table([{ ...facts, createdAt: 5 }]))).toBe(true);
  expect(isSessionOver(session, table([{ ...facts, appId: 2 }]))).toBe(true);
  expect(isSessionOver('nonsense', table([facts]))).toBe(true);
});

/** Makes a task as the store would, or throws as it does. */
function make(wish: AutoWish, running: readonly Task[], taskId: string): Task {
  const { appId, room: id, maxIdleSeconds, source, auto, work } = wish;
  const request = {
    ...{ taskId, appId, room: id, nowMs: NOW, maxIdleSeconds, source, auto },
    activeTasks: running,
    roomUsers: ['alice', 'bob', 'carol'],
  };
  if (work.kind === 'relay') return newRelayTask(request, []);
  return newRecordTask(request, { formats: ['mp4'], startAt: null, durationMs: null });
}

interface Seen {
  readonly rooms: readonly RoomFacts[];
  readonly running: readonly Task[];
}

/** What runs after a watcher decided on what it had seen, and the store on what is there. */
function decided(app: AutoSettings, seen: Seen, running: readonly Task[], step: number): readonly Task[] {
  const wishes = seen.rooms.flatMap((facts) => autoWishes(app, facts));
  const tasks = [...running];
  for (const wish of missingWishes(wishes, seen.running, new Set())) {
    try {
      tasks.push(make(wish, tasks, `t${step}x${tasks.length}`.padEnd(20, 'q')));
    } catch (error) {
      expect(error).toMatchObject({ code: 'conflict' });
    }
  }
  return tasks;
}

function expectOneOfEach(running: readonly Task[], seed: number): void {
  const keys = running.map((task) => task.auto?.key);
  expect(new Set(keys).size, `seed ${seed}`).toBe(keys.length);
  const mixes = running.flatMap(({ source }) => (source.type === 'mix' ? [source.mixTaskId] : []));
  expect(new Set(mixes).size, `seed ${seed}`).toBeLessThanOrEqual(1);
}

it('whatever watchers see and when: one task a stream and a mix, all mixes one encode, over random users', () => {
  const apps: readonly AutoSettings[] = [
    { appId: 1, relay: EVERY_MIX, record: RECORD_EACH },
    { appId: 1, relay: EVERY_STREAM, record: RECORD_MIX },
    { appId: 1, relay: EVERY_MIX, record: RECORD_MIX },
  ];
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = seededRandom(seed);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
    const app = pick(apps);
    const seen: Seen[] = [];
    let running: readonly Task[] = [];
    for (let step = 0; step < 12; step += 1) {
      const users = [pick([ALICE, SHARING]), user('bob'), user('carol')].filter(() => random() < 0.5);
      const rooms = users.length === 0 ? [] : [room(users)];
      seen.push({ rooms, running });
      running = decided(app, pick(seen.slice(-3)), running, step);
      expectOneOfEach(running, seed);
      running = decided(app, { rooms, running }, running, step);
      expectOneOfEach(running, seed);
      const wishes = rooms.flatMap((facts) => autoWishes(app, facts));
      expect(missingWishes(wishes, running, new Set()), `seed ${seed}`).toEqual([]);
      if (random() < 0.3) running = running.filter(() => random() < 0.5);
    }
  }
});

it('the mix has a name that is known before it is there', () => {
  const [wish] = autoWishes({ appId: 1, relay: EVERY_MIX }, room([ALICE])) as [AutoWish];
  expect(wish).toMatchObject({ userId: AUTO_AGENT, streamId: '1_1001_mix_auto_main' });
  expect(make(wish, [], 'a'.repeat(20))).toMatchObject({ agentUserId: AUTO_AGENT, streamId: wish.streamId });
});

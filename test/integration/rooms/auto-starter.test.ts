import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AutoSettings } from '../../../src/domain/auto-tasks.ts';
import { DEFAULT_PROGRAMME } from '../../../src/domain/programme.ts';
import type { RoomFacts } from '../../../src/domain/room.ts';
import { Secret } from '../../../src/domain/secret.ts';
import type { RelayTask } from '../../../src/domain/task.ts';
import { unseal } from '../../../src/identity/seal.ts';
import { createRedis, waitUntilReady } from '../../../src/queue/redis.ts';
import { type AutoStarter, createAutoStarter } from '../../../src/rooms/auto-starter.ts';
import { createTaskStore, type TaskStore } from '../../../src/tasks/task-store.ts';
import { room, table, user } from '../../support/plan-facts.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

const KEY = 's3cret-key-of-an-app';
const clusterSecret = new Secret('a cluster secret of tests');
const rule = { rooms: ['*'], maxIdleSeconds: 5, programme: DEFAULT_PROGRAMME };
const to = (template: string) => [new Secret(`rtmp://127.0.0.1/live/${template}?token=${KEY}`)];
const STREAMS = { ...rule, of: 'stream', to: to('{streamId}') } as const;
const MIX = { ...rule, of: 'mix', to: to('{roomId}/{userId}') } as const;
const RECORD = { ...rule, mode: 'mixed', formats: ['mp4'] } as const;

let server: TestRedis;
let redis: Redis;
let tasks: TaskStore;
let logged: string[];

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(new Secret(server.url), { purpose: 'facts', log: pino({ level: 'silent' }) });
  await waitUntilReady(redis);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  tasks = createTaskStore(redis);
  logged = [];
});

function starter(settings: Omit<AutoSettings, 'appId'>): AutoStarter {
  const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(line) });
  return createAutoStarter({ settings: [{ appId: 1, ...settings }], tasks, clusterSecret, log });
}

/** What a watcher does in a round. */
async function round(auto: AutoStarter, ...rooms: readonly RoomFacts[]): Promise<void> {
  await auto.start(table(rooms), await tasks.listRunning());
}

const warnings = () => logged.map((line) => JSON.parse(line)).filter(({ level }) => level === 40);

describe('automatic tasks', () => {
  it('are made once, however many watchers want them at the same time', async () => {
    const [one, other] = [
      starter({ relay: STREAMS, record: RECORD }),
      starter({ relay: STREAMS, record: RECORD }),
    ];
    const facts = room([user('alice'), user('bob')]);
    await Promise.all([one, other].map((auto) => auto.start(table([facts]), [])));
    await round(other, facts);
    const keys = (await tasks.listRunning()).map((task) => task.auto?.key).sort();
    expect(keys).toEqual(['record/1_1001_mix_auto_main', 'relay/1_1001_alice_main', 'relay/1_1001_bob_main']);
    expect(warnings()).toEqual([]);
  });

  it('push to the filled-in destinations, sealed, and their mixes are one', async () => {
    await round(
      starter({ relay: MIX, record: RECORD, retry: { network: { attempts: 3 } } }),
      room([user('alice')]),
    );
    const running = await tasks.listRunning();
    const relay = running.find((task) => task.kind === 'relay') as RelayTask;
    const [target] = relay.targets;
    expect(unseal(clusterSecret, target?.sealedUrl ?? '').reveal()).toBe(
      `rtmp://127.0.0.1/live/1001/mix_auto?token=${KEY}`,
    );
    expect(target?.retry?.network.attempts).toBe(3);
    expect(relay).toMatchObject({
      maxIdleSeconds: 5,
      agentUserId: 'mix_auto',
      auto: { since: room([]).createdAt },
    });
    expect(new Set(running.map(({ streamId }) => streamId))).toEqual(new Set(['1_1001_mix_auto_main']));
    const mixes = running.flatMap(({ source }) => (source.type === 'mix' ? [source.mixTaskId] : []));
    expect(new Set(mixes).size).toBe(1);
    const kept = await Promise.all((await redis.keys('*')).map((key) => redis.dump(key)));
    expect([...kept.map(String), ...logged].join('\n')).not.toContain(KEY);
  });

  it('stay stopped while the room goes on, once somebody stopped them, and come back with its next session', async () => {
    const auto = starter({ relay: MIX });
    const facts = room([user('alice')]);
    await round(auto, facts);
    const [first] = await tasks.listRunning();
    await tasks.stop(first?.taskId ?? '');
    await round(auto, facts);
    await round(starter({ relay: MIX }), facts);
    expect(await tasks.listRunning()).toEqual([]);
    await round(auto, { ...facts, createdAt: facts.createdAt + 1 });
    expect(await tasks.listRunning()).toHaveLength(1);
  });

  it('that ended because nobody published begin anew with the next publisher', async () => {
    const auto = starter({ record: RECORD });
    const facts = room([user('alice')]);
    await round(auto, facts);
    const [first] = await tasks.listRunning();
    await tasks.end(first?.taskId ?? '', 'idle');
    await round(auto, facts);
    expect(await tasks.listRunning()).toHaveLength(1);
  });

  it('forget who was stopped when the room is over, and not before', async () => {
    const auto = starter({ relay: MIX });
    const facts = room([user('alice')]);
    await round(auto, facts);
    const [first] = await tasks.listRunning();
    await tasks.stop(first?.taskId ?? '');
    await auto.prune(table([facts]));
    expect((await tasks.autoStopped()).size).toBe(1);
    await auto.prune(table([]));
    expect((await tasks.autoStopped()).size).toBe(0);
  });

  it('a destination that is none for one room is warned about once, and nothing else is harmed', async () => {
    const auto = starter({ relay: { ...MIX, to: to(`{roomId}/${'k'.repeat(1900)}`) }, record: RECORD });
    const long = { kind: 'string', value: `${' '.repeat(63)}x` } as const;
    const rooms = [{ ...room([user('alice')]), room: long }, room([user('bob')])];
    for (let times = 0; times < 3; times += 1) await round(auto, ...rooms);
    const running = await tasks.listRunning();
    expect(running.map(({ kind, room: { value } }) => `${kind} ${value}`).sort()).toEqual(
      [`record ${long.value}`, 'record 1001', 'relay 1001'].sort(),
    );
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toMatchObject({ reason: expect.stringMatching(/at most 2048 characters/) });
    expect(logged.join('\n')).not.toContain(KEY);
  });

  it('a user with the name of the mix keeps that room from it, and is told of', async () => {
    const taken = room([user('mix_auto')]);
    await redis.hset('roomcast:rooms', '1/1001', JSON.stringify(taken));
    const other = { ...room([user('bob')]), room: { kind: 'number', value: 1002 } as const };
    const auto = starter({ relay: MIX });
    await round(auto, taken, other);
    await round(auto, taken, other);
    expect((await tasks.listRunning()).map((task) => task.room.value)).toEqual([1002]);
    expect(warnings()).toHaveLength(1);
  });

  it('a worker that remembers one whose place was taken does not bring it back', async () => {
    const auto = starter({ relay: MIX });
    await round(auto, room([user('alice')]));
    const [first] = await tasks.listRunning();
    if (first === undefined) throw new Error('no task');
    await redis.flushall();
    await round(auto, room([user('alice')]));
    expect(await tasks.restore(first)).toBe(false);
    expect(await tasks.listRunning()).toHaveLength(1);
  });
});

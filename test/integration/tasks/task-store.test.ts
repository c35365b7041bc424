import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { DEFAULT_PROGRAMME } from '../../../src/domain/programme.ts';
import { Secret } from '../../../src/domain/secret.ts';
import type { Task } from '../../../src/domain/task.ts';
import { withProgramme } from '../../../src/domain/task-change.ts';
import { createRedis, waitUntilReady } from '../../../src/queue/redis.ts';
import {
  clearNoCapacity,
  createStatusWriter,
  readFailures,
  readStatus,
  readStatuses,
  saveFailure,
} from '../../../src/tasks/job-status.ts';
import { createLeases, listLeased } from '../../../src/tasks/lease.ts';
import { readPushEvents } from '../../../src/tasks/task-events.ts';
import { createTaskStore, type NewTask, type TaskStore } from '../../../src/tasks/task-store.ts';
import { mixSource, singleSource, TARGETS } from '../../support/queue-rig.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

const DAY_MS = 24 * 3_600_000;
const RECORDING = { formats: ['mp4'], startAt: null, durationMs: null } as const;

let server: TestRedis;
let redis: Redis;
let store: TaskStore;
let nowMs: number;

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
  nowMs = 1_800_000_000_000;
  store = createTaskStore(redis, () => nowMs);
});

test('a new relay has twenty letters for an id, and an agent and a stream made of them', async () => {
  const task = await store.createRelay(mixSource(), TARGETS);
  expect(task.taskId).toMatch(/^[a-z]{20}$/);
  expect(task.agentUserId).toBe(`mix_${task.taskId.slice(0, 8)}`);
  expect(task.streamId).toBe(`1_1001_${task.agentUserId}_main`);
  expect(await store.get(task.taskId)).toEqual(task);
});

test('an agent is used by one running task of a room, and free again once that ended', async () => {
  const first = await store.createRelay(mixSource('Studio'), TARGETS);
  const programme = { ...DEFAULT_PROGRAMME, background: '#ffffff' };
  const other: NewTask = { ...mixSource(), source: { type: 'mix', programme, agentUserId: 'studio' } };
  await expect(store.createRelay(other, TARGETS)).rejects.toMatchObject({ code: 'conflict' });
  await store.createRelay(mixSource('studio', 1002), TARGETS);
  await store.stop(first.taskId);
  expect((await store.createRelay(other, TARGETS)).agentUserId).toBe('studio');
});

test('an agent may not be a user who is in the room', async () => {
  const users = [{ userId: 'Alice' }];
  await redis.hset('roomcast:rooms', '1/1001', JSON.stringify({ users }));
  await expect(store.createRelay(mixSource('alice'), TARGETS)).rejects.toMatchObject({ code: 'conflict' });
});

test('a recording copies the oldest running mix of its room that is the same programme', async () => {
  const oldest = await store.createRelay(mixSource('one'), TARGETS);
  nowMs += 10;
  await store.createRelay(mixSource(null, 1002), TARGETS);
  const recording = await store.createRecord(mixSource(), RECORDING);
  expect(recording.source).toEqual(oldest.source);
  expect(recording.streamId).toBe(oldest.streamId);
});

test('twenty tasks created at once for the same programme share one mix', async () => {
  const created = await Promise.all(
    Array.from({ length: 20 }, () => store.createRelay(mixSource(), TARGETS)),
  );
  expect(new Set(created.map((task) => task.taskId)).size).toBe(20);
  expect(new Set(created.map((task) => task.streamId)).size).toBe(1);
  expect(await store.listRunning()).toHaveLength(20);
});

test('twenty updates at once all count', async () => {
  const { taskId } = await store.createRelay(singleSource(), TARGETS);
  const grow = (task: Task): Task => ({ ...task, maxIdleSeconds: task.maxIdleSeconds + 1 });
  await Promise.all(Array.from({ length: 20 }, () => store.update(taskId, grow)));
  expect(await store.get(taskId)).toMatchObject({ maxIdleSeconds: 3_620, revision: 21 });
});

test('an ended task keeps its reason, is not updated any more, and is forgotten after 30 days', async () => {
  const { taskId } = await store.createRelay(singleSource(), TARGETS);
  await store.end(taskId, 'idle');
  expect(await store.stop(taskId)).toMatchObject({ endReason: 'idle', revision: 2 });
  expect(await store.update(taskId, (task) => task)).toBeNull();
  expect(await store.listRunning()).toEqual([]);
  nowMs += 30 * DAY_MS - 1;
  await store.prune();
  expect(await store.list()).toHaveLength(1);
  nowMs += 1;
  await store.prune();
  expect(await store.get(taskId)).toBeNull();
});

test('a new layout of a mix is one of every task that shares it, and of its own task when that has ended', async () => {
  const owner = await store.createRelay(mixSource(), TARGETS);
  const sharing = await store.createRelay(mixSource(), TARGETS);
  const other = await store.createRelay(mixSource(null, 77), TARGETS);
  const layoutOf = async (task: Task) => {
    const stored = await store.get(task.taskId);
    return stored?.source.type === 'mix' ? stored.source.programme.layout.mode : null;
  };
  const show = (task: Task, mode: 'floating' | 'share') =>
    store.update(task.taskId, (stored) =>
      withProgramme(stored, (programme) => ({ ...programme, layout: { mode } })),
    );
  await show(owner, 'floating');
  expect(await Promise.all([owner, sharing, other].map(layoutOf))).toEqual(['floating', 'floating', 'grid']);
  await store.stop(owner.taskId);
  await show(sharing, 'share');
  expect(await Promise.all([owner, sharing].map(layoutOf))).toEqual(['share', 'share']);
  expect(await store.get(owner.taskId)).toMatchObject({ endReason: 'stopped', revision: 4 });
  expect((await store.listRunning()).map((task) => task.taskId)).not.toContain(owner.taskId);
  await store.update(sharing.taskId, (task) => task);
  expect(await store.get(owner.taskId)).toMatchObject({ revision: 4 });
});

test('an unknown task is neither updated nor ended', async () => {
  expect(await store.update('nobody', (task) => task)).toBeNull();
  expect(await store.end('nobody', 'stopped')).toBeNull();
});

test('a worker restores a task Redis lost or knows older, never one it knows newer or ended', async () => {
  const first = await store.createRelay(singleSource(), TARGETS);
  const second = await store.update(first.taskId, (task) => task);
  expect(await store.restore(first)).toBe(false);
  await redis.flushall();
  expect(await store.restore(first)).toBe(true);
  expect(second !== null && (await store.restore(second))).toBe(true);
  await store.stop(first.taskId);
  expect(second !== null && (await store.restore(second))).toBe(false);
  expect(await store.listRunning()).toEqual([]);
});

test('a lease is one worker at a time, and goes to another when released or its owner is dead for sure', async () => {
  let steadyForMs = 60_000;
  const [a, b] = ['a', 'b'].map((workerId) =>
    createLeases({ redis, workerId, steadyForMs: () => steadyForMs }),
  );
  if (!a || !b) throw new Error('two workers');
  await a.beat();
  const both = await Promise.all([a.acquire('push-x'), a.acquire('push-y'), b.acquire('push-x')]);
  expect(both[1]).not.toBeNull();
  await b.beat();
  expect([both[0], both[2]].filter((epoch) => epoch === null)).toHaveLength(1);
  expect(await b.acquire('push-y')).toBeNull();
  expect(await listLeased(redis)).toHaveLength(2);

  await a.release('push-y', both[1] ?? 0);
  const taken = await b.acquire('push-y');
  expect(taken).toBeGreaterThan((both[1] ?? 0) - 1);
  await b.leave();
  steadyForMs = 1_000;
  expect(await a.acquire('push-y')).toBeNull();
  steadyForMs = 60_000;
  expect(await a.acquire('push-y')).toBeGreaterThan(taken ?? Number.POSITIVE_INFINITY);
  expect((await b.confirm(new Map([['push-y', taken ?? 0]]))).get('push-y')).toBe('fenced');
});

test('everything fails with redis-away at once while Redis is, and works when it is back', async () => {
  const task = await store.createRelay(singleSource(), TARGETS);
  await server.kill();
  const asked = performance.now();
  await expect(store.get(task.taskId)).rejects.toMatchObject({ code: 'redis-away' });
  await expect(store.createRelay(singleSource('bob'), TARGETS)).rejects.toMatchObject({ code: 'redis-away' });
  expect(performance.now() - asked).toBeLessThan(3_000);
  await server.restart();
  await waitUntilReady(redis);
  expect(await store.listRunning()).toBeInstanceOf(Array);
});

test('what is no task hides itself, not the others; they are changed and ended as ever', async () => {
  for (const text of ['', '{', 'null', '[]', '{}', '{"taskId":"odd","kind":"relay","room":{},"source":{}}']) {
    await redis.hset('roomcast:tasks', 'odd', text);
    const { taskId } = await store.createRelay(mixSource(), TARGETS);
    expect((await store.listRunning()).map((task) => task.taskId)).toEqual([taskId]);
    expect(await store.get('odd')).toBeNull();
    expect(await store.stop(taskId)).toMatchObject({ endReason: 'stopped' });
    expect(await store.getMany(['odd', taskId])).toHaveLength(1);
    await redis.del('roomcast:tasks:ended');
  }
});

test('statuses and failures that cannot be read hide nothing else, and the job writes over its own', async () => {
  const job = { kind: 'push', id: 'a' } as const;
  const status = { kind: 'push', source: 'flowing', targets: [] } as const;
  const failure = { code: 'internal', message: 'x', at: 1, epoch: 1 } as const;
  for (const text of ['', '{', 'null', '7', '{}', '{"status":{}}', '{"epoch":"x"}']) {
    await redis.hset('roomcast:status', 'push-a', text, 'push-b', text);
    await redis.hset('roomcast:failures', 'push-b', text);
    await saveFailure(redis, job, failure);
    const writer = createStatusWriter({ redis, job, workerId: 'w', epoch: 5 });
    writer.report(status);
    await writer.rewrite();
    expect([...(await readStatuses(redis)).keys()]).toEqual(['push-a']);
    expect(await readStatus(redis, { kind: 'push', id: 'b' })).toBeNull();
    expect((await readFailures(redis)).get('push-a')).toEqual(failure);
    await clearNoCapacity(redis, { kind: 'push', id: 'b' });
    await writer.close();
    expect(await readStatus(redis, job)).toBeNull();
  }
});

test('events that cannot be read are left out', async () => {
  const event = { type: 'push-warning', targetId: 't', url: 'rtmp://h/a/****', warnings: [], at: 1 };
  const entries = ['', 'no line', 'subject\n{', `push-warning t\n${JSON.stringify(event)}`, 'subject\nnull'];
  await redis.rpush('roomcast:events:push-a', ...entries);
  expect(await readPushEvents(redis, 'a')).toEqual([event]);
});

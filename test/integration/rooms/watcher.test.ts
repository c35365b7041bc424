import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Secret } from '../../../src/domain/secret.ts';
import { createAnnouncements } from '../../../src/queue/announcements.ts';
import { createJobQueues, type JobQueues } from '../../../src/queue/queues.ts';
import { createRedis, waitUntilReady } from '../../../src/queue/redis.ts';
import { startWatcher } from '../../../src/rooms/watcher.ts';
import { createTaskStore, type TaskStore } from '../../../src/tasks/task-store.ts';
import { eventually } from '../../support/eventually.ts';
import { mixSource, NOTHING_AUTOMATIC, singleSource, TARGETS } from '../../support/queue-rig.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

const log = pino({ level: 'silent' });
const SEAT = 'roomcast:watcher';
let server: TestRedis;
let tasks: TaskStore;
let queues: JobQueues;
let redis: ReturnType<typeof createRedis>;
let closers: (() => Promise<void>)[];

beforeEach(async () => {
  server = await startRedis();
  redis = createRedis(new Secret(server.url), { purpose: 'facts', log });
  await waitUntilReady(redis);
  tasks = createTaskStore(redis);
  queues = createJobQueues(redis, log);
  closers = [];
});

afterEach(async () => {
  for (const close of closers) await close();
  await queues.close();
  redis.disconnect();
  await server.stop();
});

/** A watcher as one gateway has it, with connections of its own. */
async function watch(gatewayId: string): Promise<() => Promise<void>> {
  const own = createRedis(new Secret(server.url), { purpose: 'facts', log });
  const subscriber = createRedis(new Secret(server.url), { purpose: 'subscriber', log });
  await waitUntilReady(own);
  const watcher = startWatcher({
    redis: own,
    announcements: createAnnouncements(subscriber, log),
    gatewayId,
    tasks: createTaskStore(own),
    rooms: { read: async () => new Map(), removeDeadGatewayUsers: async () => undefined },
    auto: NOTHING_AUTOMATIC,
    onLeftBehind: async () => undefined,
    log,
  });
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    await watcher.stop();
    own.disconnect();
    subscriber.disconnect();
  };
  closers.push(close);
  return close;
}

const queued = async () => (await queues.list()).map((job) => `${job.kind}-${job.id}`).sort();

test('a new task puts its jobs into the queues, and a stopped one takes those out that no worker has', async () => {
  await watch('g1');
  const task = await tasks.createRelay(mixSource(), TARGETS);
  await eventually(async () => (await queued()).length === 2);
  expect(await queued()).toEqual([`mix-${task.taskId}`, `push-${task.taskId}`]);
  await tasks.stop(task.taskId);
  await eventually(async () => (await queued()).length === 0);
});

test('one watcher acts at a time; when it goes, another takes its seat at once, and when it dies, soon', async () => {
  const leave = await watch('g1');
  await eventually(async () => (await redis.get(SEAT)) === 'g1');
  await watch('g2');
  await leave();
  await eventually(async () => (await redis.get(SEAT)) === 'g2', 1_500);
  // A gateway that died leaves its seat behind.
  await redis.set(SEAT, 'dead', 'PX', 2_000);
  const task = await tasks.createRelay(singleSource(), TARGETS);
  await eventually(async () => (await redis.get(SEAT)) === 'g2', 5_000);
  await eventually(async () => (await queued()).includes(`push-${task.taskId}`), 5_000);
});

test('a watcher outlives Redis: jobs lost with the data are queued again, and what nobody knows is not stopped', async () => {
  await watch('g1');
  const task = await tasks.createRelay(singleSource(), TARGETS);
  await eventually(async () => (await queued()).length === 1);
  await server.kill();
  await server.restart({ keepData: false });
  await waitUntilReady(redis);
  // A job that a worker put back before its task: for 15 s it may only be early.
  await queues.add({ kind: 'push', id: 'unknown' });
  await tasks.restore(task);
  await eventually(async () => (await queued()).includes(`push-${task.taskId}`));
  const info = async () => Number(/uptime_in_seconds:(\d+)/.exec(await redis.info('server'))?.[1]);
  await eventually(async () => (await info()) >= 4);
  expect(await queued()).toContain('push-unknown');
  await eventually(async () => !(await queued()).includes('push-unknown'));
});

test('a task whose room stays empty ends as idle, with its jobs', async () => {
  // Redis must have been there for 15 s before anything is ended.
  await watch('g1');
  const task = await tasks.createRelay(singleSource('alice', 1), TARGETS);
  await eventually(async () => (await tasks.get(task.taskId))?.endReason === 'idle');
  await eventually(async () => (await queued()).length === 0);
});

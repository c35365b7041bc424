import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Secret } from '../../../src/domain/secret.ts';
import { type Announcements, createAnnouncements } from '../../../src/queue/announcements.ts';
import { createRedis, waitUntilReady } from '../../../src/queue/redis.ts';
import { type Agents, followAgents } from '../../../src/tasks/agents.ts';
import { createTaskStore, type TaskStore } from '../../../src/tasks/task-store.ts';
import { eventually } from '../../support/eventually.ts';
import { mixSource, singleSource, TARGETS } from '../../support/queue-rig.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

const log = pino({ level: 'silent' });
const ROOM = { kind: 'number', value: 1001 } as const;
let server: TestRedis;
let redis: ReturnType<typeof createRedis>;
let announcements: Announcements;
let tasks: TaskStore;
let agents: Agents;

beforeEach(async () => {
  server = await startRedis();
  redis = createRedis(new Secret(server.url), { purpose: 'facts', log });
  announcements = createAnnouncements(
    createRedis(new Secret(server.url), { purpose: 'subscriber', log }),
    log,
  );
  await waitUntilReady(redis);
  tasks = createTaskStore(redis);
  agents = followAgents({ redis, tasks, announcements, log });
});

afterEach(async () => {
  agents.stop();
  announcements.close();
  redis.disconnect();
  await server.stop();
});

test('the agent of a mix is known as soon as its task is there, in that room, in any case of letters, until it ends', async () => {
  const task = await tasks.createRelay(mixSource('Studio'), TARGETS);
  await eventually(() => agents.has(1, ROOM, 'studio'), 3_000);
  expect(agents.has(1, ROOM, 'STUDIO')).toBe(true);
  expect(agents.has(1, { kind: 'string', value: '1001' }, 'studio')).toBe(false);
  expect(agents.has(2, ROOM, 'studio')).toBe(false);
  await tasks.stop(task.taskId);
  await eventually(() => !agents.has(1, ROOM, 'studio'), 3_000);
});

test('a task that copies one user has no agent', async () => {
  const single = await tasks.createRelay(singleSource('alice'), TARGETS);
  await tasks.createRelay(mixSource('other'), TARGETS);
  await eventually(() => agents.has(1, ROOM, 'other'), 3_000);
  expect(agents.has(1, ROOM, 'alice')).toBe(false);
  expect(agents.has(1, ROOM, single.agentUserId)).toBe(false);
});

test('agents are known while Redis is away, and read anew when it is back', async () => {
  await tasks.createRelay(mixSource('studio'), TARGETS);
  await eventually(() => agents.has(1, ROOM, 'studio'), 3_000);
  await server.kill();
  await eventually(() => redis.status !== 'ready');
  expect(agents.has(1, ROOM, 'studio')).toBe(true);
  await server.restart({ keepData: false });
  await eventually(() => !agents.has(1, ROOM, 'studio'), 5_000);
});

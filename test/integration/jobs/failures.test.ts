import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RelayTask } from '../../../src/domain/task.ts';
import { readStatus } from '../../../src/tasks/job-status.ts';
import { listLeased } from '../../../src/tasks/lease.ts';
import { eventually } from '../../support/eventually.ts';
import { QueueRig, singleSource, TARGETS } from '../../support/queue-rig.ts';

let rig: QueueRig;

beforeEach(async () => {
  rig = await QueueRig.open();
});

afterEach(async () => {
  await rig.close();
});

/** A relay whose push runs. */
async function startRelay(): Promise<RelayTask> {
  const task = await rig.tasks.createRelay(singleSource(), TARGETS);
  await rig.waitFor({ event: 'begin', id: task.taskId });
  await eventually(() => readStatus(rig.redis, { kind: 'push', id: task.taskId }));
  return task;
}

/** Redis started at the rig's opening: a dead worker's lease may be taken when it has been there for 3 s. */
async function redisIsSteady(): Promise<void> {
  await eventually(async () => {
    const info = await rig.redis.info('server');
    return Number(/uptime_in_seconds:(\d+)/.exec(info)?.[1]) >= 4;
  });
}

test('the job of a worker killed with SIGKILL runs on another worker within seconds, with a higher epoch', async () => {
  const first = await rig.startWorker();
  const task = await startRelay();
  const second = await rig.startWorker();
  await redisIsSteady();
  const killedAt = Date.now();
  await first.end('SIGKILL');
  const [before, after] = await rig.waitFor({ event: 'begin', id: task.taskId }, 2);
  expect(after?.worker).toBe(second.pid);
  expect(after?.epoch).toBeGreaterThan(before?.epoch ?? Number.POSITIVE_INFINITY);
  expect((after?.at ?? 0) - killedAt).toBeLessThan(4_500);
  const status = await eventually(async () => {
    const stored = await readStatus(rig.redis, { kind: 'push', id: task.taskId });
    return stored?.epoch === after?.epoch && stored;
  });
  expect(status.epoch).toBe(after?.epoch);
});

test('a worker that hung and was replaced is fenced when it comes to itself', async () => {
  const first = await rig.startWorker();
  const task = await startRelay();
  const second = await rig.startWorker();
  await redisIsSteady();
  first.signal('SIGSTOP');
  const [, after] = await rig.waitFor({ event: 'begin', id: task.taskId }, 2);
  expect(after?.worker).toBe(second.pid);
  first.signal('SIGCONT');
  const [ended] = await rig.waitFor({ event: 'end', id: task.taskId });
  expect(ended).toMatchObject({ worker: first.pid, reason: 'fenced' });
  // The one that replaced it goes on, and holds the lease.
  expect((await rig.events(task.taskId)).filter((event) => event.worker === second.pid).length).toBe(1);
  expect(await listLeased(rig.redis)).toEqual([{ kind: 'push', id: task.taskId }]);
});

test.each([
  { keepData: true, how: 'with its data' },
  { keepData: false, how: 'without its data' },
])(
  'Redis killed and back $how: the same run goes on, and task, lease and status are there',
  async ({ keepData }) => {
    await rig.startWorker();
    await rig.startWorker();
    const task = await startRelay();
    await rig.tasks.update(task.taskId, (current) => ({ ...current, maxIdleSeconds: 99 }));
    await rig.waitFor({ event: 'update', id: task.taskId, revision: 2 });
    await rig.redisServer.kill();
    // Longer than BullMQ's lock and the heartbeat, so that both are lost.
    await rig.redisServer.restart({ keepData });
    await eventually(async () => (await rig.tasks.get(task.taskId))?.revision === 2);
    await eventually(async () => (await listLeased(rig.redis)).length === 1);
    await eventually(() => readStatus(rig.redis, { kind: 'push', id: task.taskId }));

    // What is changed from now on reaches the run that went on, and it can be stopped.
    await rig.tasks.update(task.taskId, (current) => ({ ...current, maxIdleSeconds: 100 }));
    await rig.waitFor({ event: 'update', id: task.taskId, revision: 3 });
    await rig.tasks.stop(task.taskId);
    const [ended] = await rig.waitFor({ event: 'end', id: task.taskId });
    expect(ended?.reason).toBe('stopped');
    expect((await rig.events(task.taskId)).filter((event) => event.event === 'begin').length).toBe(1);
  },
);

test('an outage longer than locks and heartbeats moves no job to another worker', async () => {
  await rig.startWorker();
  await rig.startWorker();
  const tasks = await Promise.all(['alice', 'bob', 'carol'].map(startRelayOf));
  await rig.redisServer.kill();
  const killedAt = Date.now();
  await eventually(() => Date.now() - killedAt > 4_000);
  await rig.redisServer.restart();
  const backAt = Date.now();
  // Past the stall check (2.5 s), the 3 s for owners to announce themselves, and several rounds of both.
  await eventually(() => Date.now() - backAt > 7_000);
  for (const task of tasks) {
    expect(
      (await rig.events(task.taskId)).map((event) => event.event).filter((name) => name !== 'update'),
    ).toEqual(['begin']);
  }
  expect((await listLeased(rig.redis)).length).toBe(3);
});

async function startRelayOf(userId: string): Promise<RelayTask> {
  const task = await rig.tasks.createRelay(singleSource(userId), TARGETS);
  await rig.waitFor({ event: 'begin', id: task.taskId });
  return task;
}

test('a task stopped while its worker is dead is not run again', async () => {
  const first = await rig.startWorker();
  const task = await startRelay();
  await first.end('SIGKILL');
  await rig.tasks.stop(task.taskId);
  await rig.startWorker();
  const other = await startRelayOf('bob');
  await rig.waitFor({ event: 'begin', id: other.taskId });
  await eventually(async () => (await readStatus(rig.redis, { kind: 'push', id: task.taskId })) === null);
  expect((await rig.events(task.taskId)).filter((event) => event.event === 'begin').length).toBe(1);
});

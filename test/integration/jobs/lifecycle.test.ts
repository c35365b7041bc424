import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createJobQueues } from '../../../src/queue/queues.ts';
import { readFailures, readStatus } from '../../../src/tasks/job-status.ts';
import { listLeased } from '../../../src/tasks/lease.ts';
import { createRecordings } from '../../../src/tasks/recordings.ts';
import { createRequestedJobs } from '../../../src/tasks/requested-jobs.ts';
import { eventually } from '../../support/eventually.ts';
import { mixSource, QueueRig, singleSource, TARGETS } from '../../support/queue-rig.ts';

let rig: QueueRig;

beforeEach(async () => {
  rig = await QueueRig.open();
});

afterEach(async () => {
  await rig.close();
});

test('a relay of a mix gets a mix and a push, and stopping it ends both and leaves nothing in Redis', async () => {
  await rig.startWorker();
  const task = await rig.tasks.createRelay(mixSource(), TARGETS);
  const begun = await rig.waitFor({ event: 'begin', id: task.taskId }, 2);
  expect(begun.map((event) => event.kind).sort()).toEqual(['mix', 'push']);
  await eventually(() => readStatus(rig.redis, { kind: 'push', id: task.taskId }));

  await rig.tasks.stop(task.taskId);
  const ended = await rig.waitFor({ event: 'end', id: task.taskId }, 2);
  expect(ended.map((event) => event.reason)).toEqual(['stopped', 'stopped']);
  const queues = createJobQueues(rig.redis, pino({ level: 'silent' }));
  await eventually(
    async () => (await queues.list()).length === 0 && (await listLeased(rig.redis)).length === 0,
  );
  await queues.close();
  expect(await readStatus(rig.redis, { kind: 'push', id: task.taskId })).toBeNull();
});

test('a changed task is announced to its running jobs, which read it anew', async () => {
  await rig.startWorker();
  const task = await rig.tasks.createRelay(singleSource(), TARGETS);
  await rig.waitFor({ event: 'begin', id: task.taskId });
  await rig.tasks.update(task.taskId, (current) => ({ ...current, maxIdleSeconds: 99 }));
  await rig.waitFor({ event: 'update', id: task.taskId, revision: 2 });
  expect((await rig.waitFor({ event: 'begin', id: task.taskId })).length).toBe(1);
});

test('a job whose runs keep failing is started again, at growing intervals, and its failure is known', async () => {
  await rig.startWorker();
  const task = await rig.tasks.createRelay(singleSource('alice', 13), TARGETS);
  const begun = await rig.waitFor({ event: 'begin', id: task.taskId }, 4);
  const gaps = begun.slice(1).map((event, index) => event.at - (begun[index]?.at ?? 0));
  expect(gaps[1]).toBeGreaterThan(900);
  expect(gaps[2]).toBeGreaterThan(1_900);
  const failure = (await readFailures(rig.redis)).get(`push-${task.taskId}`);
  expect(failure).toMatchObject({ code: 'internal', message: 'told to fail' });
});

test('a job asked for by another job runs once, and is asked for until it is done', async () => {
  await rig.startWorker();
  const task = await rig.tasks.createRecord(singleSource(), {
    formats: ['mp4'],
    startAt: null,
    durationMs: null,
  });
  await rig.waitFor({ event: 'begin', kind: 'record', id: task.taskId });
  await rig.tasks.stop(task.taskId);
  await rig.waitFor({ event: 'end', kind: 'finalise', id: task.taskId });
  expect(await createRecordings(rig.redis).get(task.taskId)).toMatchObject({ state: 'ready' });
  await eventually(async () => (await createRequestedJobs(rig.redis).list()).length === 0);
  expect((await rig.waitFor({ event: 'begin', kind: 'finalise' })).length).toBe(1);
});

test('a drained worker ends within its time and another one takes its jobs over', async () => {
  const first = await rig.startWorker();
  const task = await rig.tasks.createRelay(singleSource(), TARGETS);
  await rig.waitFor({ event: 'begin', id: task.taskId });
  const second = await rig.startWorker();
  expect(await first.end('SIGTERM')).toBe(0);
  const [, again] = await rig.waitFor({ event: 'begin', id: task.taskId }, 2);
  const [ended] = await rig.waitFor({ event: 'end', id: task.taskId });
  expect(ended).toMatchObject({ worker: first.pid, reason: 'drain' });
  expect(again?.worker).toBe(second.pid);
  expect(again?.at).toBeGreaterThanOrEqual(ended?.at ?? Number.POSITIVE_INFINITY);
});

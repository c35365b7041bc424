import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startWorker, type WorkerOptions } from '../../../jobs/worker.ts';
import { JOB_KINDS } from '../../../src/domain/job.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { createRequestedJobs } from '../../../src/tasks/requested-jobs.ts';
import { eventually } from '../../support/eventually.ts';
import { QueueRig, singleSource, TARGETS } from '../../support/queue-rig.ts';

let rig: QueueRig;

beforeEach(async () => {
  rig = await QueueRig.open();
});

afterEach(async () => {
  await rig.close();
});

test('a worker told to end while Redis is away closes its runs and ends within its time', async () => {
  const worker = await rig.startWorker();
  const task = await rig.tasks.createRelay(singleSource(), TARGETS);
  await rig.waitFor({ event: 'begin', id: task.taskId });
  await rig.redisServer.kill();
  const askedAt = Date.now();
  expect(await worker.end('SIGTERM')).toBe(0);
  expect(Date.now() - askedAt).toBeLessThan(9_500);
  expect((await rig.events(task.taskId)).at(-1)).toMatchObject({ event: 'end', reason: 'drain' });
});

test('a run that ends while Redis is away keeps what it asked for until Redis is back', async () => {
  await rig.startWorker();
  const recording = { formats: ['mp4'], startAt: null, durationMs: null } as const;
  const task = await rig.tasks.createRecord(singleSource(), recording);
  await rig.waitFor({ event: 'begin', kind: 'record', id: task.taskId });
  // Stopped and gone at once: the record job closes and asks for its files while Redis is away.
  await rig.redis.multi().publish(`roomcast:control:record-${task.taskId}`, 'stop').exec();
  await rig.redisServer.kill();
  await rig.waitFor({ event: 'end', kind: 'record', id: task.taskId });
  await rig.redisServer.restart();
  await rig.waitFor({ event: 'end', kind: 'finalise', id: task.taskId });
  await eventually(async () => (await createRequestedJobs(rig.redis).list()).length === 0);
});

test('a worker that misses a handler, or has one too many, refuses to start', async () => {
  const handler = async () => ({ result: 'done' }) as const;
  const all = Object.fromEntries(JOB_KINDS.map((kind) => [kind, handler])) as Record<'mix', typeof handler>;
  const options = {
    redisUrl: new Secret(rig.redisServer.url),
    clusterSecret: new Secret('test'),
    dataDir: '/nowhere',
    mixAdmission: 'off' as const,
    log: pino({ level: 'silent' }),
  };
  const { mix: _missing, ...rest } = all;
  for (const handlers of [rest, { ...all, extra: handler }]) {
    const forbidden = handlers as unknown as WorkerOptions['handlers'];
    await expect(startWorker({ ...options, handlers: forbidden })).rejects.toThrow(
      'every job kind has one handler',
    );
  }
});

import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { roomKey } from '../../../src/domain/ids.ts';
import { createJobQueues } from '../../../src/queue/queues.ts';
import { readFailures } from '../../../src/tasks/job-status.ts';
import { listLeased } from '../../../src/tasks/lease.ts';
import { createMixCosts } from '../../../src/tasks/mix-costs.ts';
import { listWorkers } from '../../../src/tasks/worker-facts.ts';
import { eventually } from '../../support/eventually.ts';
import { mixSource, QueueRig, TARGETS, type WorkerProcess } from '../../support/queue-rig.ts';
import { roomFacts, streamFacts, userFacts } from '../../support/room-facts.ts';

// A 720p30 mix of an empty room is assumed to take 0.4 of a core.
const NO_ROOM = 0.15;

let rig: QueueRig;
let rooms: number;

beforeEach(async () => {
  rig = await QueueRig.open();
  rooms = 0;
});

afterEach(async () => {
  await rig.close();
});

async function startMix(): Promise<string> {
  rooms += 1;
  const task = await rig.tasks.createRelay(mixSource(null, rooms), TARGETS);
  return task.taskId;
}

/** Users with a camera on the air in the room that the next mix is of. */
async function fillNextRoom(userIds: readonly string[]): Promise<void> {
  const room = { kind: 'number', value: rooms + 1 } as const;
  const users = userIds.map((userId, index) =>
    userFacts(userId, { order: index + 1, streams: [streamFacts(`1_${rooms + 1}_${userId}_main`)] }),
  );
  const facts = roomFacts({ appId: 1, room }, users);
  await rig.redis.hset('roomcast:rooms', roomKey(1, room), JSON.stringify(facts));
}

/** Process id of the worker that runs the mix. */
async function mixRunsAt(id: string, runs = 1): Promise<number | undefined> {
  return (await rig.waitFor({ event: 'begin', kind: 'mix', id }, runs)).at(-1)?.worker;
}

/** A worker that runs a mix already: an idle one takes any. */
async function startBusyWorker(spareCores: number): Promise<WorkerProcess> {
  const worker = await rig.startWorker({ spareCores });
  expect(await mixRunsAt(await startMix())).toBe(worker.pid);
  return worker;
}

async function saysWhy(id: string): Promise<string> {
  const failure = await eventually(async () => (await readFailures(rig.redis)).get(`mix-${id}`));
  expect(failure.code).toBe('no-capacity');
  return failure.message;
}

async function mixEvents(id: string): Promise<readonly string[]> {
  return (await rig.events(id)).filter(({ kind }) => kind === 'mix').map(({ event }) => event);
}

/** Until the workers' facts say so. */
async function knownSpare(cores: readonly number[]): Promise<void> {
  await eventually(async () => {
    const spare = (await listWorkers(rig.redis)).map((worker) => worker.spareCores);
    return spare.sort().join() === [...cores].sort().join();
  });
}

test('a worker without a mix takes one whatever it costs, the next only with room for it', async () => {
  const worker = await rig.startWorker({ spareCores: 0 });
  expect(await mixRunsAt(await startMix())).toBe(worker.pid);
  const second = await startMix();
  expect(await saysWhy(second)).toBe(
    'no worker has room for this mix: it needs 0.4 of a core, the best has 0.0',
  );
  expect(await mixEvents(second)).toEqual([]);
  await fillNextRoom(['ann', 'bob', 'carol', 'dave']);
  expect(await saysWhy(await startMix())).toBe(
    'no worker has room for this mix: it needs 0.8 of a core, the best has 0.0',
  );
});

test('told to take whatever it is asked to, a worker does', async () => {
  const worker = await rig.startWorker({ spareCores: 0, mixAdmission: 'off' });
  const mixes = [await startMix(), await startMix(), await startMix()];
  for (const id of mixes) expect(await mixRunsAt(id)).toBe(worker.pid);
  expect([...(await readFailures(rig.redis)).keys()]).toEqual([]);
});

test('mixes that do not fit at one worker run at the other', async () => {
  const full = await startBusyWorker(4);
  const roomy = await rig.startWorker();
  await full.spare(NO_ROOM);
  // The idle worker is to have the first of these and room for the rest.
  const mixes: string[] = [];
  for (let count = 0; count < 6; count += 1) mixes.push(await startMix());
  for (const id of mixes) expect(await mixRunsAt(id)).toBe(roomy.pid);
  expect([...(await readFailures(rig.redis)).keys()]).toEqual([]);
});

test('without room anywhere a mix waits and says why, and starts by itself soon after there is room', async () => {
  const first = await startBusyWorker(4);
  const second = await rig.startWorker();
  await first.spare(NO_ROOM);
  expect(await mixRunsAt(await startMix())).toBe(second.pid);
  await second.spare(0);
  await knownSpare([NO_ROOM, 0]);
  const id = await startMix();
  expect(await saysWhy(id)).toBe('no worker has room for this mix: it needs 0.4 of a core, the best has 0.1');
  const queues = createJobQueues(rig.redis, pino({ level: 'silent' }));
  // Handed out and put back many times: for the watcher it is in the queue all the while, for BullMQ no attempt.
  for (let look = 0; look < 15; look += 1) {
    expect((await queues.list()).filter((job) => job.kind === 'mix').map((job) => job.id)).toContain(id);
    await delay(200);
  }
  await queues.close();
  const job = await rig.redis.hgetall(`roomcast:mix:mix-${id}`);
  expect(Number(job['ats'])).toBeGreaterThan(3);
  expect([job['atm'], job['stc']]).toEqual([undefined, undefined]);
  expect(await mixEvents(id)).toEqual([]);

  await second.spare(1);
  const roomAt = Date.now();
  expect(await mixRunsAt(id)).toBe(second.pid);
  const [begun] = await rig.waitFor({ event: 'begin', kind: 'mix', id });
  expect((begun?.at ?? 0) - roomAt).toBeLessThan(5_000);
  await eventually(async () => !(await readFailures(rig.redis)).has(`mix-${id}`));
});

test('a mix that waits is not lost with the worker that looked at it, and a stopped one is gone', async () => {
  const worker = await startBusyWorker(0);
  const [waiting, stopped] = [await startMix(), await startMix()];
  await saysWhy(waiting);
  await saysWhy(stopped);
  await rig.tasks.stop(stopped);
  await worker.end('SIGKILL');
  const next = await rig.startWorker();
  expect(await mixRunsAt(waiting)).toBe(next.pid);
  const queues = createJobQueues(rig.redis, pino({ level: 'silent' }));
  await eventually(async () => !(await queues.list()).some((job) => job.id === stopped));
  await queues.close();
  expect(await mixEvents(stopped)).toEqual([]);
});

test('a worker that has mixes waiting for room ends as quickly as any', async () => {
  const worker = await startBusyWorker(0);
  await saysWhy(await startMix());
  const startedAt = Date.now();
  expect(await worker.end('SIGTERM')).toBe(0);
  expect(Date.now() - startedAt).toBeLessThan(4_000);
});

test('runs that go on while Redis is away stay where they are when it is back, without room for them', async () => {
  const workers = [await startBusyWorker(4), await rig.startWorker()];
  const mixes = await Promise.all([startMix(), startMix(), startMix()]);
  for (const id of mixes) await mixRunsAt(id);
  for (const worker of workers) await worker.spare(0);
  await rig.redisServer.kill();
  // Longer than BullMQ's lock and the workers' heartbeats: jobs are handed out anew, to any worker.
  await delay(3_000);
  await rig.redisServer.restart();
  const backAt = Date.now();
  await eventually(async () => (await listLeased(rig.redis)).length >= 4);
  while (Date.now() - backAt < 7_000) {
    expect([...(await readFailures(rig.redis).catch(() => new Map())).keys()]).toEqual([]);
    await delay(200);
  }
  for (const id of mixes) {
    expect((await mixEvents(id)).filter((event) => event !== 'update')).toEqual(['begin']);
  }
});

test('workers of one machine do not give away the same cores', async () => {
  const workers = [
    await rig.startWorker({ spareCores: 0, machine: 'one' }),
    await rig.startWorker({ spareCores: 0, machine: 'one' }),
  ];
  const first = [await startMix(), await startMix()];
  expect(new Set([await mixRunsAt(first[0] ?? ''), await mixRunsAt(first[1] ?? '')]).size).toBe(2);
  // What was set aside for these does not count any more.
  await eventually(async () => (await listWorkers(rig.redis)).every((one) => one.promisedCores === 0));
  for (const worker of workers) await worker.spare(1);
  await knownSpare([1, 1]);
  const startedAt = Date.now();
  const burst = await Promise.all(Array.from({ length: 6 }, startMix));
  await eventually(() => Date.now() - startedAt > 5_000);
  const begun = (await rig.events()).filter(({ event, kind, id }) => {
    return event === 'begin' && kind === 'mix' && burst.includes(id);
  });
  expect(begun.length).toBe(2);
});

test('workers tell of themselves while they live, and take it back when they end', async () => {
  const worker = await startBusyWorker(2.5);
  const facts = await eventually(async () => {
    const [found] = await listWorkers(rig.redis);
    return found?.mixes === 1 && found;
  });
  expect(facts).toMatchObject({ workerId: worker.workerId, cores: 4 });
  // Set aside for the mix that just began.
  expect(facts.spareCores).toBeCloseTo(2.1);
  expect(facts.encoders).toEqual(expect.arrayContaining(['libx264', 'aac']));
  expect(facts.ffmpegVersion).toMatch(/^[0-9n]/);
  await worker.end('SIGTERM');
  expect(await listWorkers(rig.redis)).toEqual([]);
});

test('costs are kept by kind of machine, the longest unused of too many are forgotten', async () => {
  const costs = createMixCosts(rig.redis, 'fast');
  await costs.save('oldest', { cores: 1, at: 1 });
  for (let at = 2; at <= 201; at += 1) await costs.save(`key ${at}`, { cores: at, at });
  const kept = await createMixCosts(rig.redis, 'fast').read();
  expect([kept.size, kept.has('oldest'), kept.get('key 201')?.cores]).toEqual([200, false, 201]);
  expect((await createMixCosts(rig.redis, 'slow').read()).size).toBe(0);
  const days = (await rig.redis.pttl('roomcast:mix-costs:fast')) / 86_400_000;
  expect(days).toBeGreaterThan(29);
});

test('garbage among the workers and costs is passed over: mixes are admitted as ever', async () => {
  await rig.redis.set('roomcast:worker-facts:odd', '{"workerId":"odd","spareCores":-1e999}');
  await rig.redis.set('roomcast:worker-facts:worse', 'no JSON');
  const costs = createMixCosts(rig.redis, 'odd');
  await costs.save('1280x720@30 veryfast 0', { cores: Number.NaN, at: 1 });
  await rig.redis.hset('roomcast:mix-costs:odd', 'key', 'no JSON');
  expect(await costs.read()).toEqual(new Map());
  const worker = await rig.startWorker({ spareCores: 0 });
  expect(await mixRunsAt(await startMix())).toBe(worker.pid);
  expect(await saysWhy(await startMix())).toContain('the best has 0.0');
  const known = await eventually(async () => {
    const workers = await listWorkers(rig.redis);
    return workers.length > 0 && workers;
  });
  expect(known.map(({ workerId }) => workerId)).toEqual([worker.workerId]);
});

import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Secret } from '../../../src/domain/secret.ts';
import { createAnnouncements } from '../../../src/queue/announcements.ts';
import { type ControlMessage, onControl, sendControl } from '../../../src/queue/control-channel.ts';
import { createJobQueues } from '../../../src/queue/queues.ts';
import { createRedis, Steadiness, waitUntilReady } from '../../../src/queue/redis.ts';
import { eventually } from '../../support/eventually.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

const log = pino({ level: 'silent' });
const JOB = { kind: 'push', id: 'a' } as const;
let server: TestRedis;

beforeEach(async () => {
  server = await startRedis();
});

afterEach(async () => {
  await server.stop();
});

test('messages reach whoever listens to that job, also after Redis was away', async () => {
  const url = new Secret(server.url);
  const redis = createRedis(url, { purpose: 'facts', log });
  const announcements = createAnnouncements(createRedis(url, { purpose: 'subscriber', log }), log);
  await waitUntilReady(redis);
  const heard: ControlMessage[] = [];
  const stop = onControl(announcements, JOB, (message) => heard.push(message));
  const say = (message: ControlMessage) => async () => {
    await sendControl(redis, JOB, message);
    return heard.at(-1) === message;
  };
  await eventually(say('update'));
  await sendControl(redis, { kind: 'push', id: 'other' }, 'stop');
  await server.kill();
  await expect(sendControl(redis, JOB, 'stop')).rejects.toMatchObject({ code: 'redis-away' });
  await server.restart();
  await waitUntilReady(redis);
  expect(heard).not.toContain('stop');
  await eventually(say('stop'));
  stop();
  const before = heard.length;
  await sendControl(redis, JOB, 'update');
  await redis.ping();
  expect(heard.length).toBe(before);
  announcements.close();
  redis.disconnect();
});

test('a listener that fails at a message ends nothing: it and the others hear the next ones', async () => {
  const url = new Secret(server.url);
  const redis = createRedis(url, { purpose: 'facts', log });
  const announcements = createAnnouncements(createRedis(url, { purpose: 'subscriber', log }), log);
  const heard: string[] = [];
  announcements.on('channel', (message) => {
    heard.push(`first ${message}`);
    JSON.parse(message);
  });
  announcements.on('channel', (message) => heard.push(`second ${message}`));
  await waitUntilReady(redis);
  await eventually(async () => (await redis.publish('channel', 'no JSON')) === 1 && heard.length > 0);
  expect(heard).toEqual(['first no JSON', 'second no JSON']);
  await redis.publish('channel', '1');
  await eventually(() => heard.includes('first 1') && heard.includes('second 1'));
  announcements.close();
  redis.disconnect();
});

test('a job is in its queue once, is listed by kind and id, and can be taken out before a worker has it', async () => {
  const redis = createRedis(new Secret(server.url), { purpose: 'facts', log });
  await waitUntilReady(redis);
  const queues = createJobQueues(redis, log);
  await queues.add(JOB);
  await queues.add(JOB);
  await queues.add({ kind: 'hls', id: '1_1001_mix-a_main' });
  expect(await queues.list()).toEqual([JOB, { kind: 'hls', id: '1_1001_mix-a_main' }]);
  await queues.removeWaiting(JOB);
  await queues.removeWaiting({ kind: 'mix', id: 'unknown' });
  expect(await queues.list()).toEqual([{ kind: 'hls', id: '1_1001_mix-a_main' }]);
  await queues.close();
  redis.disconnect();
});

test('Redis is steady since its own start at first contact, and since the reconnect after an outage', async () => {
  const redis = createRedis(new Secret(server.url), { purpose: 'facts', log });
  await waitUntilReady(redis);
  await eventually(async () => Number(/uptime_in_seconds:(\d+)/.exec(await redis.info('server'))?.[1]) >= 2);
  const steadiness = new Steadiness(redis);
  await eventually(() => steadiness.since !== null);
  expect(steadiness.steadyForMs(Date.now())).toBeGreaterThanOrEqual(2_000);
  await server.kill();
  await eventually(() => steadiness.since === null);
  expect(steadiness.steadyForMs(Date.now())).toBe(0);
  await server.restart();
  const backAt = Date.now();
  await eventually(() => steadiness.since !== null);
  expect(steadiness.since).toBeGreaterThanOrEqual(backAt - 1_000);
  steadiness.close();
  redis.disconnect();
});

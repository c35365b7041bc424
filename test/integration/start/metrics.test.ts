import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { type RunningRoomcast, startRoomcast } from '../../support/roomcast.ts';

const KEY = 'a-key-that-nobody-may-see';
let redis: TestRedis;
let roomcast: RunningRoomcast;

beforeAll(async () => {
  redis = await startRedis();
  roomcast = await startRoomcast({ env: { ROOMCAST_REDIS_URL: redis.url } });
});

afterAll(async () => {
  await roomcast.stop();
  await redis.stop();
});

const metrics = async () => (await fetch(`${roomcast.http}/metrics`)).text();

it('a relay is told of while it lasts, its key never; an outage of Redis as such', async () => {
  const to = `rtmp://relay.test/app/${KEY}`;
  const started = await roomcast.cli(['relay', 'start', '--room', '7', '--to', '-', '--json'], `${to}\n`);
  const { taskId } = JSON.parse(started.stdout) as { taskId: string };
  const state = new RegExp(
    `^roomcast_target_state\\{app="\\d+",task="${taskId}",target="[^"]+",host="relay.test",platform="custom",state="idle"\\} 1$`,
    'm',
  );
  await eventually(async () => state.test(await metrics()));
  const told = await metrics();
  expect(told).toMatch(/^roomcast_redis_up 1$/m);
  await eventually(async () => /^roomcast_worker_spare_cores\{worker="w-[0-9a-f]+"\}/m.test(await metrics()));
  expect(told).not.toContain(KEY);
  await roomcast.cli(['relay', 'stop', taskId]);
  await eventually(async () => !(await metrics()).includes(taskId));

  await redis.kill();
  await eventually(async () => /^roomcast_redis_up 0$/m.test(await metrics()));
  expect(await metrics()).toMatch(/^process_cpu_seconds_total [0-9.]+$/m);
  await redis.restart();
  await eventually(async () => /^roomcast_redis_up 1$/m.test(await metrics()));
});

import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../../src/domain/secret.ts';
import { createRedis, waitUntilReady } from '../../../src/queue/redis.ts';
import { Cluster, type Role } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import type { RunningRoomcast } from '../../support/roomcast.ts';
import { cliJson, GUESTS, type ListedRelay, Studio } from '../../support/studio.ts';

const ROOM = 61;
const NOWHERE = 'rtmp://127.0.0.1:1/live/key';

interface ListedWorker {
  readonly workerId: string;
  readonly mixes: number;
}

describe('what a mix costs', () => {
  let cluster: Cluster;
  let studio: Studio;
  let gateway: RunningRoomcast;
  let redis: Redis;
  let first: Role;

  beforeEach(async () => {
    cluster = await Cluster.open();
    redis = createRedis(new Secret(cluster.redis.url), { purpose: 'facts', log: pino({ level: 'silent' }) });
    [studio, gateway, first] = await Promise.all([
      Studio.open([GUESTS.red]),
      cluster.startGateway(),
      cluster.startWorker(),
      waitUntilReady(redis),
    ]);
    await studio.publish(gateway, ROOM, GUESTS.red);
    await eventually(async () => (await cliJson<unknown[]>(gateway, 'rooms')).length === 1);
  });

  afterEach(async () => {
    await studio?.close();
    redis?.disconnect();
    await cluster?.close();
  });

  const startRelay = async (size: string) => {
    const args = ['--room', String(ROOM), '--size', size, '--fps', '15', '--to', NOWHERE];
    return (await cliJson<ListedRelay>(gateway, 'relay', 'start', ...args)).taskId;
  };

  const errorOf = async (taskId: string) =>
    (await cliJson<{ error: string | null }>(gateway, 'relay', 'show', taskId)).error;

  const mixesOf = async () => (await cliJson<ListedWorker[]>(gateway, 'workers')).map(({ mixes }) => mixes);

  it('is measured on the air and kept; a mix that costs too much waits and says so until a worker has room', async () => {
    await startRelay('320x180');
    const { name, cores } = await eventually(async () => {
      const [found] = await redis.keys('roomcast:mix-costs:*');
      const kept = found === undefined ? null : await redis.hget(found, '320x180@15 veryfast 1');
      return found && kept ? { name: found, cores: (JSON.parse(kept) as { cores: number }).cores } : null;
    }, 90_000);
    expect(cores).toBeGreaterThan(0.01);
    expect(cores).toBeLessThan(2);

    // What was measured on such a machine counts for whoever starts there later.
    await first.end('SIGTERM');
    await redis.hset(name, '640x360@15 veryfast 1', JSON.stringify({ cores: 1_000, at: Date.now() }));
    await cluster.startWorker();
    await eventually(async () => (await mixesOf()).join() === '1', 20_000);
    const taskId = await startRelay('640x360');
    expect(await eventually(() => errorOf(taskId), 20_000)).toMatch(
      /^no worker has room for this mix: it needs 1000\.0 cores, the best has \d+\.\d$/,
    );
    expect(await mixesOf()).toEqual([1]);

    await cluster.startWorker();
    await eventually(async () => (await mixesOf()).join() === '1,1', 20_000);
    expect(await errorOf(taskId)).toBeNull();
  });
});

import { pino } from 'pino';
import { expect, it } from 'vitest';
import { createHttpServer } from '../../../../src/api/http-server.ts';
import { type MetricsDeps, registerMetricsRoute } from '../../../../src/api/metrics/routes.ts';
import { GatewayError } from '../../../../src/domain/errors.ts';

const NOTHING = { tasks: [], statuses: new Map(), rooms: [], workers: [], callbacks: [] };

async function openMetrics(deps: Omit<MetricsDeps, 'streams'>) {
  const app = createHttpServer({ log: pino({ level: 'silent' }) });
  registerMetricsRoute(app, { ...deps, streams: () => [] });
  await app.ready();
  return app;
}

it.each([
  [
    'is away',
    async () => {
      throw new GatewayError('redis-away', 'Redis is away');
    },
  ],
  ['takes the question and never answers', () => new Promise<never>(() => undefined)],
])('while Redis %s only what the gateway knows of itself is told, and that', async (_how, readShared) => {
  const app = await openMetrics({ readShared, readMs: 20 });
  const { statusCode, body, headers } = await app.inject('/metrics');
  expect(statusCode).toBe(200);
  expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(body).toContain('\nroomcast_redis_up 0\n');
  expect(body).toMatch(/^process_resident_memory_bytes [1-9]/m);
  expect(body).not.toMatch(/^roomcast_(target|mix|task|rooms|recordings|worker_cores)/m);
  await app.close();
});

it('asks Redis once for all who come at the same time', async () => {
  let asked = 0;
  const app = await openMetrics({
    readShared: async () => {
      asked += 1;
      return NOTHING;
    },
  });
  const answers = await Promise.all(Array.from({ length: 20 }, () => app.inject('/metrics')));
  expect(answers.every(({ body }) => body.includes('\nroomcast_redis_up 1\n'))).toBe(true);
  expect(asked).toBe(1);
  await app.close();
});

it('a fault of ours is told as one and does not stay', async () => {
  let isBroken = true;
  const app = await openMetrics({
    readShared: async () => {
      if (isBroken) throw new Error('a fault');
      return NOTHING;
    },
  });
  expect((await app.inject('/metrics')).statusCode).toBe(500);
  isBroken = false;
  expect((await app.inject('/metrics')).statusCode).toBe(200);
  await app.close();
});

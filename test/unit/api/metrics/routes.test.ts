import { pino } from 'pino';
import { expect, it } from 'vitest';
import { createHttpServer } from '../../../../src/api/http-server.ts';
import { type MetricsDeps, registerMetricsRoute } from '../../../../src/api/metrics/routes.ts';
import type { SignalFigures } from '../../../../src/api/metrics/signal-metrics.ts';
import { GatewayError } from '../../../../src/domain/errors.ts';

const NOTHING = { tasks: [], statuses: new Map(), rooms: [], workers: [], callbacks: [] };

const SIGNALS: SignalFigures = {
  ...{ sessions: 2, notLoggedIn: 1, messagesIn: 30, messagesOut: 40, resumed: 5, notResumed: 6 },
  loginsRefused: new Map([['sig-expired', 7]]),
  closes: [{ by: 'gateway', code: '4003', count: 8 }],
  eventDelay: { bounds: [0.1], counts: [9], total: 10, sum: 1.5 },
};

async function openMetrics(deps: Omit<MetricsDeps, 'streams' | 'signals'>) {
  const app = createHttpServer({ log: pino({ level: 'silent' }) });
  registerMetricsRoute(app, { ...deps, streams: () => [], signals: () => SIGNALS });
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

it('tells of users over WebSocket, with no name of any', async () => {
  const app = await openMetrics({ readShared: async () => NOTHING });
  const { body } = await app.inject('/metrics');
  const told = body.split('\n').filter((line) => line.startsWith('roomcast_signal_'));
  expect(told).toEqual([
    'roomcast_signal_sessions 2',
    'roomcast_signal_not_logged_in 1',
    'roomcast_signal_messages_in_total 30',
    'roomcast_signal_messages_out_total 40',
    'roomcast_signal_logins_refused_total{code="sig-expired"} 7',
    'roomcast_signal_resumes_total{outcome="hit"} 5',
    'roomcast_signal_resumes_total{outcome="miss"} 6',
    'roomcast_signal_closes_total{by="gateway",code="4003"} 8',
    'roomcast_signal_event_delay_seconds_bucket{le="0.1"} 9',
    'roomcast_signal_event_delay_seconds_bucket{le="+Inf"} 10',
    'roomcast_signal_event_delay_seconds_sum 1.5',
    'roomcast_signal_event_delay_seconds_count 10',
  ]);
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

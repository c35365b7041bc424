import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { toGatewayError } from '../../domain/errors.ts';
import type { HubStreamInfo } from '../../ingest/stream-table.ts';
import { EXPOSITION_TYPE, exposition } from './exposition.ts';
import { gatewayMetrics, type OwnFacts } from './gateway-metrics.ts';
import { watchLoopLag } from './loop-lag.ts';
import { type SharedFacts, sharedMetrics } from './shared-metrics.ts';
import { type SignalFigures, signalMetrics } from './signal-metrics.ts';

export interface MetricsDeps {
  /** Throws `redis-away`. */
  readonly readShared: () => Promise<SharedFacts>;
  readonly streams: () => readonly HubStreamInfo[];
  readonly signals: () => SignalFigures;
  /** Whoever asks waits no longer than this for Redis. */
  readonly readMs?: number;
}

const READ_MS = 3000;
/** Everybody may ask: Redis is asked once for all who come within this time. */
const FRESH_MS = 1000;

function readOwn(): Omit<OwnFacts, 'streams' | 'redisUp'> {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    rssBytes: rss,
    heapBytes: heapUsed,
    startedAt: Math.round(performance.timeOrigin) / 1000,
  };
}

/** The facts, or null when Redis does not give them in time. */
async function readInTime({ readShared, readMs = READ_MS }: MetricsDeps): Promise<SharedFacts | null> {
  const overdue = new AbortController();
  const late = delay(readMs, null, { signal: overdue.signal }).catch(() => null); // not needed any more
  const facts = readShared().catch((error: unknown) => {
    if (toGatewayError(error).code === 'redis-away') return null;
    throw error;
  });
  return Promise.race([facts, late]).finally(() => overdue.abort());
}

/** GET /metrics: Prometheus' text form, open as /healthz is; it holds no URL and no key. */
export function registerMetricsRoute(app: FastifyInstance, deps: MetricsDeps): void {
  const loopLag = watchLoopLag();
  let text: Promise<string> | null = null;

  async function compose(): Promise<string> {
    const shared = await readInTime(deps);
    const own = { ...readOwn(), streams: deps.streams(), redisUp: shared !== null };
    return exposition([
      ...gatewayMetrics(own),
      ...signalMetrics(deps.signals()),
      loopLag.family(),
      ...(shared === null ? [] : sharedMetrics(shared)),
    ]);
  }

  function current(): Promise<string> {
    if (text === null) {
      const composing = compose();
      text = composing;
      const forget = () => {
        text = null;
      };
      composing.then(() => setTimeout(forget, FRESH_MS).unref(), forget);
    }
    return text;
  }

  app.get('/metrics', async (_request, reply) =>
    reply
      .header('cache-control', 'no-store')
      .type(EXPOSITION_TYPE)
      .send(await current()),
  );
  app.addHook('onClose', (_instance, done) => {
    loopLag.stop();
    done();
  });
}

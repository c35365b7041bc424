import type { HubStreamInfo } from '../../ingest/stream-table.ts';
import { type Figure, familiesOf, type MetricFamily } from './exposition.ts';

/** What a gateway knows of itself, Redis or no Redis. */
export interface OwnFacts {
  readonly streams: readonly HubStreamInfo[];
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** Unix seconds. */
  readonly startedAt: number;
  readonly redisUp: boolean;
}

const FIGURES: readonly Figure<OwnFacts>[] = [
  {
    name: 'roomcast_redis_up',
    type: 'gauge',
    help: '1 while Redis answers; without it nothing is told of tasks, rooms and workers.',
    value: ({ redisUp }) => (redisUp ? 1 : 0),
  },
  {
    name: 'roomcast_gateway_viewers',
    type: 'gauge',
    help: 'Viewers of this gateway over RTMP and FLV.',
    value: ({ streams }) => streams.reduce((sum, { viewers }) => sum + viewers, 0),
  },
  {
    name: 'roomcast_gateway_worker_readers',
    type: 'gauge',
    help: 'Jobs of workers that read streams of this gateway.',
    value: ({ streams }) => streams.reduce((sum, { readers }) => sum + readers, 0),
  },
  {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    help: 'CPU time of this gateway.',
    value: ({ cpuSeconds }) => cpuSeconds,
  },
  {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    help: 'Memory of this gateway.',
    value: ({ rssBytes }) => rssBytes,
  },
  {
    name: 'nodejs_heap_size_used_bytes',
    type: 'gauge',
    help: 'JavaScript heap of this gateway in use.',
    value: ({ heapBytes }) => heapBytes,
  },
  {
    name: 'process_start_time_seconds',
    type: 'gauge',
    help: 'When this gateway began, in Unix time.',
    value: ({ startedAt }) => startedAt,
  },
];

function streamFamily(streams: readonly HubStreamInfo[]): MetricFamily {
  const count = (kind: string, isMix: boolean) => ({
    labels: { kind },
    value: streams.filter((stream) => stream.isMix === isMix).length,
  });
  return {
    name: 'roomcast_gateway_streams',
    type: 'gauge',
    help: 'Streams on the air at this gateway: of users, and mixes.',
    samples: [count('user', false), count('mix', true)],
  };
}

/** What a gateway tells of itself. */
export function gatewayMetrics(own: OwnFacts): readonly MetricFamily[] {
  return [...familiesOf(FIGURES, [{ labels: {}, of: own }]), streamFamily(own.streams)];
}

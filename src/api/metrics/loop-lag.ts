import type { MetricFamily } from './exposition.ts';

const EVERY_MS = 500;
const BOUNDS_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** How late a timer of this process comes: what everything else in it has to wait, too. */
export interface LoopLag {
  family(): MetricFamily;
  stop(): void;
}

/** Counts since its start, so that any number of readers may ask at any pace. */
export function watchLoopLag(): LoopLag {
  const counts = BOUNDS_SECONDS.map(() => 0);
  let total = 0;
  let sumSeconds = 0;
  let dueMs = performance.now() + EVERY_MS;

  const timer = setInterval(() => {
    const nowMs = performance.now();
    const late = Math.max(0, nowMs - dueMs) / 1000;
    dueMs = nowMs + EVERY_MS;
    total += 1;
    sumSeconds += late;
    for (const [index, bound] of BOUNDS_SECONDS.entries()) {
      if (late <= bound) counts[index] = (counts[index] ?? 0) + 1;
    }
  }, EVERY_MS);
  timer.unref();

  return {
    family: () => ({
      name: 'roomcast_gateway_event_loop_lag_seconds',
      type: 'histogram',
      help: 'How late a timer of this gateway comes, looked at twice a second.',
      samples: [
        ...BOUNDS_SECONDS.map((bound, index) => ({
          suffix: '_bucket' as const,
          labels: { le: String(bound) },
          value: counts[index] ?? 0,
        })),
        { suffix: '_bucket', labels: { le: '+Inf' }, value: total },
        { suffix: '_sum', labels: {}, value: sumSeconds },
        { suffix: '_count', labels: {}, value: total },
      ],
    }),
    stop: () => clearInterval(timer),
  };
}

import { Histogram } from '../../domain/histogram.ts';
import { histogramSamples, type MetricFamily } from './exposition.ts';

const EVERY_MS = 500;
const BOUNDS_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** How late a timer of this process comes: what everything else in it has to wait, too. */
export interface LoopLag {
  family(): MetricFamily;
  stop(): void;
}

export function watchLoopLag(): LoopLag {
  const lag = new Histogram(BOUNDS_SECONDS);
  let dueMs = performance.now() + EVERY_MS;

  const timer = setInterval(() => {
    const nowMs = performance.now();
    lag.observe(Math.max(0, nowMs - dueMs) / 1000);
    dueMs = nowMs + EVERY_MS;
  }, EVERY_MS);
  timer.unref();

  return {
    family: () => ({
      name: 'roomcast_gateway_event_loop_lag_seconds',
      type: 'histogram',
      help: 'How late a timer of this gateway comes, looked at twice a second.',
      samples: histogramSamples(lag.view()),
    }),
    stop: () => clearInterval(timer),
  };
}

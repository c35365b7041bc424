import pino from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createPushRun, DEFAULT_PUSH_SETTINGS } from '../../../../src/media/push/push-run.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

it('has timers while its stream flows, none without it and none when it is over', async () => {
  const run = createPushRun({ log: pino({ level: 'silent' }) });
  const play = () => {
    run.onStreamStart();
    run.onTag({ type: 8, timestamp: 0, data: Buffer.from([0xaf, 1, 0]) });
  };
  play();
  expect(vi.getTimerCount()).toBeGreaterThan(0);
  run.onSourceLost();
  vi.advanceTimersByTime(DEFAULT_PUSH_SETTINGS.sourceGraceMs + 1);
  expect(vi.getTimerCount()).toBe(0);
  play();
  expect(vi.getTimerCount()).toBeGreaterThan(0);
  await run.close();
  expect(vi.getTimerCount()).toBe(0);
});

import { expect, it } from 'vitest';
import { Pause } from '../../../src/queue/pause.ts';

it('a pause lasts its time, or until somebody ends it; ending what nobody waits for does nothing', async () => {
  const pause = new Pause();
  pause.end();
  const began = performance.now();
  await pause.wait(20);
  expect(performance.now() - began).toBeGreaterThanOrEqual(19);
  pause.end();
  const long = pause.wait(3_600_000);
  pause.end();
  await long;
});

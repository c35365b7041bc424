import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { quietContext } from '../../soak/context.ts';
import { runInterruptions } from '../../soak/interruptions.ts';

test('thirty random joins, leaves, stalls and changes of the layout in a minute are noticed by no viewer', {
  timeout: 120_000,
}, async () => {
  const seed = randomInt(1_000_000);
  const report = await runInterruptions({ seconds: 60, seed }, quietContext());
  expect(report.interruptions).toBe(30);
  expect(report.pictures).toBeGreaterThan(1500);
  expect(report.broken, `seed ${seed}: ${JSON.stringify(report)}`).toEqual([]);
});

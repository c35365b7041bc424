import { expect, test } from 'vitest';
import { runChurn } from '../../soak/churn.ts';
import { quietContext } from '../../soak/context.ts';
import { runSync } from '../../soak/sync.ts';

// The long forms are run by hand: npm run soak.

test('sound stays with the picture of a steady, a stalling, a fast and a reconnecting camera', {
  timeout: 120_000,
}, async () => {
  const report = await runSync({ seconds: 30 }, quietContext());
  expect(report.inputs).toHaveLength(4);
  expect(report.broken, JSON.stringify(report)).toEqual([]);
});

test('nothing of those who left stays: memory, descriptors and children are as many after twenty joins', {
  timeout: 120_000,
}, async () => {
  const short = { seconds: 40, everySeconds: 2, compareFromSeconds: 16, windowSeconds: 8 };
  // V8 has not settled after seconds; what each of twenty cameras left behind would be far more.
  const report = await runChurn({ ...short, memoryTolerance: 0.15 }, quietContext());
  expect(report.changes).toBe(20);
  expect(report.broken, JSON.stringify(report)).toEqual([]);
});

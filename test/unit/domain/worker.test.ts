import { expect, test } from 'vitest';
import { parseWorkerFacts, type WorkerFacts } from '../../../src/domain/worker.ts';

const FACTS: WorkerFacts = {
  ...{ workerId: 'w', machine: 'm', cores: 4, spareCores: 0, promisedCores: 0.5, mixes: 1 },
  ...{ encoders: ['aac'], ffmpegVersion: '5.1', at: 1 },
};

test('what a worker writes is read back', () => {
  expect(parseWorkerFacts(JSON.stringify(FACTS))).toEqual(FACTS);
});

test.each([
  '',
  'null',
  '7',
  '[]',
  '{}',
  '{"workerId":"w"',
  JSON.stringify({ ...FACTS, spareCores: null }),
  JSON.stringify({ ...FACTS, promisedCores: -3 }),
  JSON.stringify({ ...FACTS, encoders: 'aac' }),
  JSON.stringify({ ...FACTS, machine: 5 }),
  JSON.stringify(FACTS).replace('"mixes":1', '"mixes":1e999'),
])('%s is no worker', (text) => {
  expect(parseWorkerFacts(text)).toBeNull();
});

import { expect, test } from 'vitest';
import { SignalCounts } from '../../../src/signalling/signal-counts.ts';

const NOW = { sessions: 3, notLoggedIn: 1 };

test('whatever close codes clients make up, few of them are counted apart', () => {
  const counts = new SignalCounts();
  for (let code = 3000; code < 5000; code += 1) counts.closed('client', code);
  for (const code of [1000, 1000, 1006]) counts.closed('client', code);
  counts.closed('gateway', 4003);
  expect(counts.view(NOW).closes).toEqual([
    { by: 'gateway', code: '4003', count: 1 },
    { by: 'client', code: 'other', count: 2000 },
    { by: 'client', code: '1000', count: 2 },
    { by: 'client', code: '1006', count: 1 },
  ]);
});

test('an event of a gateway whose clock is ahead took no time', () => {
  const counts = new SignalCounts();
  counts.eventSent(-20);
  counts.eventSent(40);
  const { bounds, counts: upTo, total, sum } = counts.view(NOW).eventDelay;
  expect([upTo[bounds.indexOf(0.005)], upTo[bounds.indexOf(0.05)], total, sum]).toEqual([1, 2, 2, 0.04]);
});

test('refused logins are counted by code, resumptions by whether they were any', () => {
  const counts = new SignalCounts();
  for (const code of ['sig-expired', 'forbidden', 'sig-expired']) counts.loginRefused(code);
  for (const isResumed of [true, false, true]) counts.resumption(isResumed);
  const view = counts.view(NOW);
  expect([...view.loginsRefused]).toEqual([
    ['sig-expired', 2],
    ['forbidden', 1],
  ]);
  expect(view).toMatchObject({ ...NOW, resumed: 2, notResumed: 1 });
});

import { expect, test } from 'vitest';
import { ANNOUNCE_MS, decideHeld, decideLease } from '../../../src/tasks/lease.ts';

const NOW = 1_000_000;
const STEADY = ANNOUNCE_MS + 1;
const theirs = (epoch: number) => ({ owner: 'other', epoch });

test.each([
  { it: 'nobody had it', record: null, ownerAlive: false, steadyForMs: STEADY, epoch: NOW },
  { it: 'it was released', record: { owner: '', epoch: 5 }, ownerAlive: false, steadyForMs: 0, epoch: NOW },
  {
    it: 'it was released by a clock ahead',
    record: { owner: '', epoch: NOW + 7 },
    ownerAlive: false,
    steadyForMs: 0,
    epoch: NOW + 8,
  },
  {
    it: 'it is mine from before',
    record: { owner: 'me', epoch: NOW },
    ownerAlive: true,
    steadyForMs: 0,
    epoch: NOW + 1,
  },
  { it: 'its owner lives', record: theirs(5), ownerAlive: true, steadyForMs: STEADY, epoch: null },
  { it: 'its owner is dead', record: theirs(5), ownerAlive: false, steadyForMs: STEADY, epoch: NOW },
  {
    it: 'its owner may still announce itself',
    record: theirs(5),
    ownerAlive: false,
    steadyForMs: ANNOUNCE_MS,
    epoch: null,
  },
  { it: 'Redis is not steady', record: theirs(5), ownerAlive: false, steadyForMs: 0, epoch: null },
])('a lease when $it gives epoch $epoch', ({ record, ownerAlive, steadyForMs, epoch }) => {
  expect(decideLease({ record, me: 'me', ownerAlive, steadyForMs, nowMs: NOW })).toBe(epoch);
});

test.each([
  { it: 'is as I wrote it', record: { owner: 'me', epoch: 9 }, decision: 'keep' },
  { it: 'is gone', record: null, decision: 'write' },
  { it: 'is an older one', record: theirs(8), decision: 'write' },
  { it: "is another worker's newer one", record: theirs(10), decision: 'fenced' },
  { it: 'is another worker of the same epoch', record: theirs(9), decision: 'fenced' },
  { it: 'is a newer one of mine', record: { owner: 'me', epoch: 10 }, decision: 'fenced' },
])('a run whose record $it decides $decision', ({ record, decision }) => {
  expect(decideHeld(record, { owner: 'me', epoch: 9 })).toBe(decision);
});

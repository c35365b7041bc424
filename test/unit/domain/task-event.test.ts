import { expect, it } from 'vitest';
import { givesWay, type JobEvent, subjectOf } from '../../../src/domain/task-event.ts';

it.each<[string, readonly string[], number]>([
  ['the oldest of the most frequent', ['a', 'b', 'b', 'c'], 1],
  ['the oldest of all when each is there once', ['c', 'a', 'b'], 0],
  ['of two that are as frequent the one that is there longer', ['x', 'a', 'b', 'b', 'a'], 1],
  ['the only one', ['a'], 0],
])('of a full row of events gives way %s', (_which, subjects, index) => {
  expect(givesWay(subjects)).toBe(index);
});

it('a full row keeps every subject that has less than its share', () => {
  const row = ['quiet', 'other', 'other'];
  for (let n = 0; n < 1000; n += 1) {
    row.push(n % 3 === 0 ? 'loud' : 'louder');
    if (row.length > 20) row.splice(givesWay(row), 1);
  }
  const count = (subject: string) => row.filter((one) => one === subject).length;
  expect([count('quiet'), count('other')]).toEqual([1, 2]);
  // What comes last of two that are as loud is there once more.
  expect(Math.abs(count('loud') - count('louder'))).toBeLessThanOrEqual(1);
});

const at = 1;
const push = { targetId: 't', url: 'u', at };
it.each<[JobEvent, JobEvent, boolean]>([
  [{ type: 'overloaded', droppedShare: 1, behindMs: 1, at }, { type: 'recovered', at }, true],
  [{ type: 'push-warning', warnings: ['a'], ...push }, { type: 'push-warning', warnings: [], ...push }, true],
  [
    { type: 'push-warning', warnings: [], ...push },
    { type: 'push-warning', warnings: [], ...push, targetId: 'other' },
    false,
  ],
  [
    { type: 'input-damaged', streamId: 'a', detail: 'x', at },
    { type: 'input-damaged', streamId: 'b', detail: 'x', at },
    false,
  ],
  [
    { type: 'input-changed', streamId: 'a', what: 'gap', detail: 'x', at },
    { type: 'input-changed', streamId: 'a', what: 'size', detail: 'x', at },
    false,
  ],
])('%o and %o: about the same? %s', (one, other, same) => {
  expect(subjectOf(one) === subjectOf(other)).toBe(same);
});

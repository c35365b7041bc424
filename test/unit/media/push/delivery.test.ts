import { describe, expect, it } from 'vitest';
import { type Delivery, type DeliveryFacts, judgeDelivery } from '../../../../src/media/push/delivery.ts';

const LIMITS = { degradedLagMs: 3000, degradedAfterDropMs: 10_000, stalledMs: 5000 };
const MB = 1024 * 1024;

function judge(facts: Partial<DeliveryFacts>, wasProven = false): Delivery {
  const quiet = { ageMs: 1000, takenBytes: 0, idleMs: 0, lagMs: 0, sinceDropMs: null };
  return judgeDelivery({ how: 'acknowledged', ...quiet, ...facts }, LIMITS, wasProven);
}

describe('what the counts of a session say', () => {
  const rows: [string, Partial<DeliveryFacts>, Delivery][] = [
    ['nothing yet, right after it was accepted', { how: 'handed' }, 'unproven'],
    ['taking: some of the stream is acknowledged', { takenBytes: 1 }, 'taking'],
    ['nothing: a receive buffer holds as much', { how: 'confirmed', takenBytes: 500_000 }, 'unproven'],
    ['taking: no receive buffer holds as much', { how: 'confirmed', takenBytes: MB }, 'taking'],
    ['nothing: a send buffer holds as much', { how: 'handed', takenBytes: 4 * MB }, 'unproven'],
    ['taking: no send buffer holds as much', { how: 'handed', takenBytes: 5 * MB }, 'taking'],
    ['nothing, however much is waiting', { how: 'confirmed', lagMs: 9000, sinceDropMs: 0 }, 'unproven'],
    ['taking: few bytes, for 15 s', { how: 'confirmed', ageMs: 15_000 }, 'taking'],
    [
      'lagging: few of many bytes, for 15 s',
      { how: 'confirmed', ageMs: 15_000, lagMs: 9000, idleMs: 9000 },
      'lagging',
    ],
    ['nothing, for 15 s', { how: 'confirmed', ageMs: 15_000, idleMs: 12_000 }, 'unproven'],
    ['stalled: not acknowledged for 5 s', { takenBytes: MB, idleMs: 5001 }, 'stalled'],
    ['stalled: it never took anything', { how: 'handed', idleMs: 5001 }, 'stalled'],
    ['taking: its window may open in steps', { how: 'confirmed', takenBytes: MB, idleMs: 14_000 }, 'taking'],
    ['stalled: its window stays shut', { how: 'confirmed', takenBytes: MB, idleMs: 15_001 }, 'stalled'],
    ['lagging: over 3 s are not taken', { takenBytes: 1, ageMs: 4000, lagMs: 3001 }, 'lagging'],
    ['taking: what it began with is under way', { takenBytes: 1, ageMs: 2000, lagMs: 8000 }, 'taking'],
    ['lagging: a frame was dropped 9 s ago', { takenBytes: 1, sinceDropMs: 9000 }, 'lagging'],
    ['taking: the last drop is 10 s ago', { takenBytes: 1, sinceDropMs: 10_000 }, 'taking'],
  ];
  for (const [name, facts, verdict] of rows) it(name, () => expect(judge(facts)).toBe(verdict));

  it('goes on to be true of a session that has shown to take bytes', () => {
    expect(judge({ how: 'handed' }, true)).toBe('taking');
    expect(judge({ how: 'confirmed', ageMs: 5000, lagMs: 4000 }, true)).toBe('lagging');
    expect(judge({ idleMs: 6000 }, true)).toBe('stalled');
  });
});

import { expect, it } from 'vitest';
import { TARGET_STATES, type TargetStatus } from '../../../../src/domain/job.ts';
import { handedOver } from '../../../../src/domain/push/hand-over.ts';

const target = (state: TargetStatus['state']): TargetStatus => ({
  targetId: state,
  url: 'rtmp://a/live/****',
  state,
  attempt: 1,
  nextRetryAt: 5,
  lastError: null,
  bytes: 1000,
  lagMs: 10,
  droppedFrames: 2,
  kbps: 100,
  takenBy: 'peer',
  connectedAt: 3,
  sessions: 1,
  onAirMs: 4,
  warnings: [],
});

it('a target that is handed over claims no session: what was on the air has a proved key and waits', () => {
  const { source, targets } = handedOver({
    kind: 'push',
    source: 'flowing',
    targets: TARGET_STATES.map(target),
  });
  expect(source).toBe('waiting');
  const shown = targets.map(({ targetId, state, proved }) => [targetId, state, proved ?? false]);
  expect(shown).toEqual([
    ['idle', 'idle', false],
    ['connecting', 'backing-off', false],
    ['live', 'backing-off', true],
    ['degraded', 'backing-off', true],
    ['backing-off', 'backing-off', false],
    ['refused', 'refused', false],
    ['failed', 'failed', false],
    ['paused', 'paused', false],
    ['stopped', 'stopped', false],
  ]);
  const live = targets.find(({ targetId }) => targetId === 'live');
  expect(live).toMatchObject({
    kbps: 0,
    lagMs: 0,
    connectedAt: null,
    nextRetryAt: null,
    bytes: 1000,
    sessions: 1,
  });
});

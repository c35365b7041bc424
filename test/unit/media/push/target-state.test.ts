import { describe, expect, it } from 'vitest';
import { TARGET_STATES, type TargetState } from '../../../../src/domain/job.ts';
import { isOnAir, nextTargetState, type TargetEvent } from '../../../../src/media/push/target-state.ts';

describe('the states of a push target', () => {
  const paths: [string, TargetEvent[], TargetState][] = [
    ['connects when there is a source', ['source-up'], 'connecting'],
    ['is live when its peer takes the stream', ['source-up', 'taking'], 'live'],
    ['is degraded when its peer is slow from the beginning', ['source-up', 'lagging'], 'degraded'],
    ['recovers from a lag', ['source-up', 'taking', 'lagging', 'taking'], 'live'],
    ['backs off after a failure and tries again', ['source-up', 'failed', 'retry', 'taking'], 'live'],
    ['backs off when a session is lost', ['source-up', 'taking', 'lagging', 'failed'], 'backing-off'],
    ['goes idle when the source is away', ['source-up', 'taking', 'source-away'], 'idle'],
    ['can be paused when it was refused', ['source-up', 'refused', 'pause'], 'paused'],
    ['tries again after a refusal when asked', ['source-up', 'refused', 'retry'], 'connecting'],
    ['forgets a refusal when asked without a source', ['source-up', 'refused', 'forgive'], 'idle'],
    ['has failed when its rule allows no more', ['source-up', 'taking', 'exhausted', 'source-up'], 'failed'],
    ['tries again after it has failed when asked', ['source-up', 'exhausted', 'retry'], 'connecting'],
    ['does nothing while it is paused', ['source-up', 'pause', 'retry', 'source-up', 'taking'], 'paused'],
    ['begins anew when it is resumed', ['source-up', 'failed', 'pause', 'resume', 'source-up'], 'connecting'],
    ['never leaves stopped', ['source-up', 'stop', 'retry', 'source-up', 'resume', 'failed'], 'stopped'],
  ];
  for (const [name, events, end] of paths) {
    it(name, () => {
      const state = events.reduce<TargetState>((now, event) => nextTargetState(now, event) ?? now, 'idle');
      expect(state).toBe(end);
    });
  }

  it('stays refused when the source comes and goes', () => {
    expect(nextTargetState('refused', 'source-up')).toBeNull();
    expect(nextTargetState('refused', 'source-away')).toBeNull();
  });

  it('is on the air while it is live or degraded', () => {
    expect(TARGET_STATES.filter(isOnAir)).toEqual(['live', 'degraded']);
  });

  it('can be stopped from everywhere', () => {
    const states = TARGET_STATES.filter((state) => state !== 'stopped');
    expect(states.map((state) => nextTargetState(state, 'stop'))).toEqual(states.map(() => 'stopped'));
  });
});

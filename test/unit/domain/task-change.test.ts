import { describe, expect, it } from 'vitest';
import { withRetry, withTargets } from '../../../src/domain/task-change.ts';
import { relay, TARGET } from '../../support/plan-facts.ts';

const target = (id: string) => ({ ...TARGET, id });

describe('a change of a relay', () => {
  const task = relay('a', { targets: [target('t1'), target('t2')] });

  it('counts "retry now" per target', () => {
    expect(withRetry(withRetry(task, 't1'), 't1').retryNonce).toEqual({ t1: 2 });
  });

  it('forgets the retries of a target that is gone', () => {
    const changed = withTargets(withRetry(withRetry(task, 't1'), 't2'), [target('t2'), target('t3')]);
    expect(changed.targets.map((one) => one.id)).toEqual(['t2', 't3']);
    expect(changed.retryNonce).toEqual({ t2: 1 });
  });
});

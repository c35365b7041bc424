import { describe, expect, it } from 'vitest';
import { DEFAULT_RETRY } from '../../../src/domain/push/retry-policy.ts';
import type { RelayTask } from '../../../src/domain/task.ts';
import {
  type TargetChanges,
  withPaused,
  withRetry,
  withRetryOfAll,
  withTargets,
} from '../../../src/domain/task-change.ts';
import { relay, TARGET } from '../../support/plan-facts.ts';

const target = (id: string) => ({ ...TARGET, id });
const NOTHING: TargetChanges = { remove: new Set(), replace: new Map(), change: new Map(), add: [] };
const ids = (task: RelayTask) => task.targets.map((one) => one.id);

describe('a change of the targets of a relay', () => {
  const task = relay('a', { targets: [target('t1'), target('t2'), target('t3')] });
  const change = (what: Partial<TargetChanges>) => withTargets(task, { ...NOTHING, ...what });

  it('adds, removes and replaces at once; the others are the very same', () => {
    const changed = change({
      remove: new Set(['t1']),
      replace: new Map([['t2', target('new')]]),
      add: [target('t4')],
    });
    expect(ids(changed)).toEqual(['new', 't3', 't4']);
    expect(changed.targets[1]).toEqual(task.targets[2]);
  });

  it('gives a target another merge window and keeps its identity', () => {
    const changed = change({ change: new Map([['t2', { mergeMs: 0, retry: DEFAULT_RETRY }]]) });
    expect(changed.targets[1]).toEqual({ ...target('t2'), mergeMs: 0, retry: DEFAULT_RETRY });
    expect(ids(changed)).toEqual(ids(task));
  });

  it('forgets the retries of a target that is gone', () => {
    const retried = withRetry(withRetry(task, 't1'), 't2');
    expect(withTargets(retried, { ...NOTHING, remove: new Set(['t1']) }).retryNonce).toEqual({ t2: 1 });
  });

  it('leaves at least one, and at most 200', () => {
    expect(() => change({ remove: new Set(['t1', 't2', 't3']) })).toThrow(
      expect.objectContaining({ code: 'bad-request' }),
    );
    const many = Array.from({ length: 197 }, (_, n) => target(`n${n}`));
    expect(change({ add: many }).targets).toHaveLength(200);
    expect(() => change({ add: [...many, target('one more')] })).toThrow(
      expect.objectContaining({ code: 'limit-reached' }),
    );
  });
});

describe('"retry now"', () => {
  const task = relay('a', { targets: [target('t1'), { ...target('t2'), paused: true }, target('t3')] });

  it('is counted per target', () => {
    expect(withRetry(withRetry(task, 't1'), 't1').retryNonce).toEqual({ t1: 2 });
  });

  it('is refused for a paused target', () => {
    expect(() => withRetry(task, 't2')).toThrow(expect.objectContaining({ code: 'conflict' }));
  });

  it('of all leaves out who is paused', () => {
    expect(withRetryOfAll(withRetry(task, 't1')).retryNonce).toEqual({ t1: 2, t3: 1 });
  });
});

describe('a pause', () => {
  it('is of one target, and its end leaves the task as it was', () => {
    const task = relay('a', { targets: [target('t1'), target('t2')] });
    const paused = withPaused(task, 't2', true);
    expect(paused.targets).toEqual([target('t1'), { ...target('t2'), paused: true }]);
    expect(withPaused(paused, 't2', false)).toEqual(task);
  });
});

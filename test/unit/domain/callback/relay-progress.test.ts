import { describe, expect, it } from 'vitest';
import {
  NOT_TOLD,
  relayChanged,
  relayErrorFields,
  relayWaited,
} from '../../../../src/domain/callback/relay-progress.ts';
import { TARGET_STATES, type TargetState } from '../../../../src/domain/job.ts';
import { seededWhole } from '../../../support/random.ts';

const LOST = { code: 'closed-by-peer', message: 'the server closed the connection' };

/** Statuses told on a way through states; a failure leads to each state that one can lead to. */
function statusesOf(states: readonly TargetState[]): number[] {
  let progress = NOT_TOLD;
  return states.flatMap((to, at) => {
    const error = to === 'backing-off' || to === 'refused' || to === 'failed' ? LOST : null;
    const step = relayChanged(progress, { to, error }, at);
    progress = step.progress;
    return step.told.map(({ status }) => status);
  });
}

describe('what is told of a relay to one URL', () => {
  it.each<[string, TargetState[], number[]]>([
    ['a start', ['connecting', 'live'], [1, 2]],
    [
      'a start at the third attempt',
      ['connecting', 'backing-off', 'connecting', 'backing-off', 'live'],
      [1, 2],
    ],
    ['a stop', ['connecting', 'live', 'stopped'], [1, 2, 5, 0]],
    ['a stop before it is live', ['connecting', 'stopped'], [1, 5, 0]],
    ['a break', ['connecting', 'live', 'backing-off', 'connecting', 'live'], [1, 2, 3, 2]],
    ['a break for good', ['connecting', 'live', 'backing-off', 'failed'], [1, 2, 3, 4, 0]],
    ['a refusal on the air', ['connecting', 'live', 'refused'], [1, 2, 3, 4, 0]],
    ['a refusal', ['connecting', 'refused'], [1, 4, 0]],
    ['a refusal and its retry', ['connecting', 'refused', 'connecting', 'live'], [1, 4, 0, 1, 2]],
    ['a refusal and its end', ['connecting', 'refused', 'stopped'], [1, 4, 0]],
    ['a server that lags', ['connecting', 'live', 'degraded', 'live', 'degraded'], [1, 2]],
    ['a pause', ['connecting', 'live', 'paused', 'connecting', 'live'], [1, 2, 5, 0, 1, 2]],
    ['a source that goes', ['connecting', 'live', 'idle', 'connecting'], [1, 2, 5, 0, 1]],
    ['a target that was never tried', ['paused', 'idle', 'stopped'], []],
  ])('of %s', (_what, states, statuses) => {
    expect(statusesOf(states)).toEqual(statuses);
  });

  it('whatever happens is no status twice in a row, and in the end how it stands', () => {
    const random = seededWhole(7);
    for (let round = 0; round < 300; round += 1) {
      const states = Array.from({ length: 30 }, () => TARGET_STATES[random(TARGET_STATES.length)] ?? 'idle');
      const told = statusesOf(states);
      for (const [index, status] of told.entries()) expect(status).not.toBe(told[index + 1]);
      const last = states.at(-1);
      if (last === 'live' || last === 'degraded') expect(told.at(-1)).toBe(2);
      if (last === 'stopped') expect(told.at(-1) ?? 0).toBe(0);
    }
  });

  it('has the failure with 1, 3 and 4 until it is live again', () => {
    let progress = NOT_TOLD;
    const errors = (['connecting', 'live', 'backing-off', 'connecting', 'live'] as const).flatMap(
      (to, at) => {
        const step = relayChanged(progress, { to, error: to === 'backing-off' ? LOST : null }, at);
        progress = step.progress;
        return step.told.map(({ error }) => error);
      },
    );
    expect(errors).toEqual([null, null, LOST, null]);
  });
});

describe('what lasts', () => {
  const timesOf = (to: TargetState, forMs: number) => {
    let { progress } = relayChanged(NOT_TOLD, { to, error: null }, 0);
    const times: number[] = [];
    for (let at = 0; at <= forMs; at += 1000) {
      const step = relayWaited(progress, at);
      progress = step.progress;
      times.push(...step.told.map(({ status }) => status * 1000 + at / 1000));
    }
    return times;
  };

  it('is told again every 5 s for a minute while it connects', () => {
    const seconds = [5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60];
    expect(timesOf('connecting', 200_000)).toEqual(seconds.map((second) => 1000 + second));
  });

  it('is told once while it runs', () => {
    expect(timesOf('live', 200_000)).toEqual([]);
  });

  it('is told with the latest failure', () => {
    const first = relayChanged(NOT_TOLD, { to: 'connecting', error: null }, 0).progress;
    const second = relayChanged(first, { to: 'backing-off', error: LOST }, 2000).progress;
    expect(relayWaited(second, 5000).told).toEqual([{ status: 1, error: LOST }]);
  });
});

it.each([
  [null, 0, ''],
  [{ code: 'key-refused', message: 'no' }, 22, 'no'],
  [{ code: 'no-such-code', message: 'what' }, 1, 'what'],
])('tells %o by our number %d', (error, ErrorCode, ErrorMsg) => {
  expect(relayErrorFields(error)).toEqual({ ErrorCode, ErrorMsg });
});

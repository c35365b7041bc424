import { describe, expect, it } from 'vitest';
import { TARGET_STATES, type TargetState } from '../../../../src/domain/job.ts';
import { createLagMeter } from '../../../../src/media/push/lag-meter.ts';
import {
  isFinalRefusal,
  nextTargetState,
  type TargetEvent,
} from '../../../../src/media/push/target-state.ts';

describe('the states of a push target', () => {
  const paths: [string, TargetEvent[], TargetState][] = [
    ['connects when there is a source', ['source-up'], 'connecting'],
    ['is live when accepted', ['source-up', 'connected'], 'live'],
    ['is degraded while it lags, and recovers', ['source-up', 'connected', 'lagging', 'recovered'], 'live'],
    ['backs off after a failure and tries again', ['source-up', 'failed', 'retry', 'connected'], 'live'],
    ['backs off when a session is lost', ['source-up', 'connected', 'lagging', 'failed'], 'backing-off'],
    ['goes idle when the source is away', ['source-up', 'connected', 'source-away'], 'idle'],
    [
      'stays refused without a wish to retry',
      ['source-up', 'refused', 'source-away', 'source-up'],
      'refused',
    ],
    ['tries again after a refusal when asked', ['source-up', 'refused', 'retry'], 'connecting'],
    ['forgets a refusal when asked without a source', ['source-up', 'refused', 'forgive'], 'idle'],
    ['never leaves stopped', ['source-up', 'stop', 'retry', 'source-up', 'connected', 'failed'], 'stopped'],
  ];
  for (const [name, events, end] of paths) {
    it(name, () => {
      const state = events.reduce<TargetState>((now, event) => nextTargetState(now, event) ?? now, 'idle');
      expect(state).toBe(end);
    });
  }

  it('can be stopped from everywhere', () => {
    const states = TARGET_STATES.filter((state) => state !== 'stopped');
    expect(states.map((state) => nextTargetState(state, 'stop'))).toEqual(states.map(() => 'stopped'));
  });
});

describe('retries', () => {
  it('end at the third refusal in a row, but not for a target that was live, nor for the network', () => {
    expect([1, 2, 3].map((count) => isFinalRefusal('key-refused', count, false))).toEqual([
      false,
      false,
      true,
    ]);
    expect(isFinalRefusal('app-refused', 3, false)).toBe(true);
    expect(isFinalRefusal('key-refused', 9, true)).toBe(false);
    expect(isFinalRefusal('connection-refused', 9, false)).toBe(false);
    expect(isFinalRefusal('bad-request', 0, true)).toBe(true);
  });
});

describe('a lag meter', () => {
  /** One second of media is 100 kB; `sent` and `acked` in kB. */
  function write(seconds: number) {
    const meter = createLagMeter(250_000);
    for (let at = 0; at <= seconds * 1000; at += 100) meter.wrote(at, at * 100 + 10_000);
    const writtenBytes = seconds * 100_000 + 10_000;
    const update = (sentKb: number, ackedKb: number | null, nowMs: number) =>
      meter.update(
        { writtenBytes, sentBytes: sentKb * 1000, ackedBytes: ackedKb === null ? null : ackedKb * 1000 },
        nowMs,
      );
    return { meter, update };
  }

  it('counts media the kernel has not taken when the peer does not acknowledge', () => {
    const { meter, update } = write(10);
    update(610, null, 0);
    expect(meter.lagMs).toBe(3900);
    update(1010, null, 250);
    expect(meter.lagMs).toBe(0);
  });

  it('counts media that is not acknowledged once the peer has shown that it acknowledges', () => {
    const meter = createLagMeter(250_000);
    const update = (writtenBytes: number, ackedBytes: number, nowMs: number) =>
      meter.update({ writtenBytes, sentBytes: writtenBytes, ackedBytes }, nowMs);
    for (let at = 0; at <= 20_000; at += 100) {
      meter.wrote(at, at * 100 + 10_000);
      // The second acknowledgement is the last.
      update(at * 100 + 10_000, Math.min(500_000, Math.floor(at / 2500) * 250_000), at);
    }
    // 500 kB acknowledged and as much again may be under way: 10 s of media of 20.
    expect(meter.lagMs).toBe(10_000);
    expect(meter.queuedMs(2_010_000)).toBe(0);
    expect(meter.stalledMs(20_000)).toBe(10_100);
    update(2_010_000, 2_000_000, 20_250);
    expect(meter.lagMs).toBe(0);
    expect(meter.stalledMs(20_250)).toBe(0);
  });

  it('allows for a peer that acknowledges less often than it was asked', () => {
    const { meter, update } = write(30);
    update(1010, 1000, 0);
    update(2010, 2000, 250);
    update(3010, 2000, 500);
    expect(meter.lagMs).toBe(0);
  });

  it('is stalled when bytes wait and none is taken, and not when there is nothing to take', () => {
    const { meter, update } = write(10);
    update(500, null, 0);
    update(500, null, 3000);
    expect(meter.stalledMs(3000)).toBe(3000);
    update(501, null, 4000);
    expect(meter.stalledMs(4000)).toBe(0);
    update(1010, null, 5000);
    update(1010, null, 60_000);
    expect(meter.stalledMs(60_000)).toBe(0);
  });

  it('takes times that wrap', () => {
    const meter = createLagMeter(250_000);
    meter.wrote(2 ** 32 - 1000, 1000);
    meter.wrote(1000, 2000);
    expect(meter.queuedMs(0)).toBe(2000);
  });
});

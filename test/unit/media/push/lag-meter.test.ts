import { describe, expect, it } from 'vitest';
import { createLagMeter, type SentCounts } from '../../../../src/media/push/lag-meter.ts';

/** Counts of a peer that acknowledges every 250 kB and of a system that tells nothing, unless said otherwise. */
function counts(told: Partial<SentCounts> & Pick<SentCounts, 'writtenBytes' | 'sentBytes'>): SentCounts {
  const ackedBytes = told.ackedBytes ?? null;
  const acknowledgements = Math.floor((ackedBytes ?? 0) / 250_000);
  return { confirmedBytes: null, confirmedOf: told.writtenBytes, acknowledgements, ...told, ackedBytes };
}

describe('a lag meter', () => {
  /** One second of media is 100 kB; `sent` and `acked` in kB. */
  function write(seconds: number) {
    const meter = createLagMeter(250_000);
    for (let at = 0; at <= seconds * 1000; at += 100) meter.wrote(at, at * 100 + 10_000);
    const writtenBytes = seconds * 100_000 + 10_000;
    const update = (sentKb: number, ackedKb: number | null, nowMs: number) =>
      meter.update(
        counts({
          writtenBytes,
          sentBytes: sentKb * 1000,
          ackedBytes: ackedKb === null ? null : ackedKb * 1000,
        }),
        nowMs,
      );
    return { meter, update };
  }

  it('counts media the kernel has not taken when the peer does not acknowledge', () => {
    const { meter, update } = write(10);
    update(610, null, 0);
    expect(meter.lagMs()).toBe(3900);
    update(1010, null, 250);
    expect(meter.lagMs()).toBe(0);
  });

  it('counts media that is not acknowledged once the peer has shown that it acknowledges', () => {
    const meter = createLagMeter(250_000);
    const update = (writtenBytes: number, ackedBytes: number, nowMs: number) =>
      meter.update(counts({ writtenBytes, sentBytes: writtenBytes, ackedBytes }), nowMs);
    for (let at = 0; at <= 20_000; at += 100) {
      meter.wrote(at, at * 100 + 10_000);
      // The second acknowledgement is the last.
      update(at * 100 + 10_000, Math.min(500_000, Math.floor(at / 2500) * 250_000), at);
    }
    // 500 kB acknowledged and as much again may be under way: 10 s of media of 20.
    expect(meter.lagMs()).toBe(10_000);
    expect(meter.queuedMs(2_010_000)).toBe(0);
    expect(meter.stalledMs(20_000)).toBe(10_100);
    update(2_010_000, 2_000_000, 20_250);
    expect(meter.lagMs()).toBe(0);
    expect(meter.stalledMs(20_250)).toBe(0);
  });

  it('allows for a peer that acknowledges less often than it was asked', () => {
    const { meter } = write(30);
    const update = (sentKb: number, ackedKb: number, acknowledgements: number, nowMs: number) =>
      meter.update(
        {
          ...counts({ writtenBytes: 3_010_000, sentBytes: sentKb * 1000, ackedBytes: ackedKb * 1000 }),
          acknowledgements,
        },
        nowMs,
      );
    update(1010, 1000, 1, 0);
    update(2010, 2000, 2, 250);
    update(3010, 2000, 2, 500);
    expect(meter.lagMs()).toBe(0);
  });

  it('is not misled by many acknowledgements at once', () => {
    const { meter, update } = write(60);
    // Twelve of 250 kB each, since the last look.
    update(3010, 3000, 0);
    update(6010, 3000, 250);
    // Two steps are allowed for.
    expect(meter.lagMs()).toBe(25_000);
  });

  it('goes by what the system says where the peer does not acknowledge', () => {
    const { meter } = write(10);
    const update = (confirmedKb: number | null, nowMs: number) =>
      meter.update(
        counts({
          writtenBytes: 1_010_000,
          sentBytes: 1_010_000,
          confirmedBytes: confirmedKb && confirmedKb * 1000,
        }),
        nowMs,
      );
    update(null, 0);
    expect([meter.how(), meter.lagMs()]).toEqual(['handed', 0]);
    // Fewer than were handed over, and no stall before it has been watched.
    update(110, 4000);
    expect([meter.how(), meter.lagMs(), meter.stalledMs(4000)]).toEqual(['confirmed', 8900, 0]);
    update(110, 9000);
    expect(meter.stalledMs(9000)).toBe(5000);
    update(210, 9250);
    expect(meter.stalledMs(9250)).toBe(0);
  });

  it('takes the step it asked for last, when that is smaller than the one before', () => {
    const { meter, update } = write(10);
    update(1010, 500, 0);
    expect(meter.lagMs()).toBe(0);
    meter.askedFor(50_000);
    expect(meter.lagMs()).toBe(4000);
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

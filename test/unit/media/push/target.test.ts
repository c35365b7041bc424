import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_RETRY, type RetryPolicy } from '../../../../src/domain/push/retry-policy.ts';
import { TAG_SCRIPT } from '../../../../src/media/flv/tag.ts';
import {
  accept,
  fail,
  look,
  nextAttempt,
  openTarget,
  SPEC,
  settle,
  stream,
} from '../../../support/target-rig.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('a push target', () => {
  it('is not live before the server has shown that it reads the stream', async () => {
    const one = openTarget();
    one.target.sourceUp();
    await settle();
    await accept(one);
    const [peer] = one.peers;
    if (peer) peer.written += 1_000_000;
    look(one.target, 4);
    expect(one.state()).toBe('connecting');
    expect(one.target.status()).toMatchObject({ bytes: 0, takenBy: null, onAirMs: 0, sessions: 1 });
    if (peer) peer.acked = 20_000;
    look(one.target, 0.25);
    expect(one.target.status()).toMatchObject({ state: 'live', bytes: 17_000, takenBy: 'peer' });
  });

  it('keeps its figures through several sessions, time on the air without the time between them', async () => {
    const one = openTarget();
    one.target.sourceUp();
    for (const session of [1, 2]) {
      await settle();
      await accept(one);
      await stream(one, 10);
      expect(one.target.status()).toMatchObject({ state: 'live', sessions: session });
      one.open()[0]?.end({ code: 'closed-by-peer', message: 'gone' });
      await settle();
      expect(await nextAttempt(one)).toBe(1000);
    }
    const { bytes, onAirMs, kbps, takenBy } = one.target.status();
    expect(bytes).toBe(2 * 40 * 50_000);
    expect(onAirMs).toBe(2 * (10_000 - 250));
    expect({ kbps, takenBy }).toEqual({ kbps: 0, takenBy: null });
  });

  it('pauses before each attempt as its rule says, the loss of a good session being none', async () => {
    const one = openTarget();
    one.target.sourceUp();
    await settle();
    await accept(one);
    await stream(one, 5);
    one.open()[0]?.end({ code: 'closed-by-peer', message: 'gone' });
    await settle();
    const pauses = [await nextAttempt(one)];
    for (let n = 0; n < 7; n += 1) {
      await fail(one, 'connection-refused');
      pauses.push(await nextAttempt(one));
    }
    expect(pauses).toEqual([1000, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  it('is refused after the third refusal, and begins anew when asked', async () => {
    const one = openTarget();
    one.target.sourceUp();
    await settle();
    for (const state of ['backing-off', 'backing-off', 'refused'] as const) {
      await fail(one, 'key-refused');
      expect(one.state()).toBe(state);
      if (state === 'backing-off') await nextAttempt(one);
    }
    vi.advanceTimersByTime(3_600_000);
    expect(one.attempts).toHaveLength(3);
    one.target.retryNow();
    expect(one.target.status()).toMatchObject({ state: 'connecting', attempt: 1 });
    await settle();
    await fail(one, 'key-refused');
    expect(one.state()).toBe('backing-off');
  });

  it('takes a refusal for a session of its own that the server still holds, for ten minutes', async () => {
    const one = openTarget({ ...SPEC, proved: true });
    one.target.sourceUp();
    await settle();
    const pauses = new Set<number>();
    const began = Date.now();
    while (one.state() !== 'refused') {
      await fail(one, 'key-refused');
      if (one.state() === 'backing-off') pauses.add(await nextAttempt(one));
    }
    expect([...pauses]).toEqual([1000, 2000]);
    expect(Date.now() - began).toBeGreaterThan(590_000);
    expect(Date.now() - began).toBeLessThan(610_000);
  });

  it('fails after so many attempts as its rule allows, and a retry begins anew', async () => {
    const network = { firstSeconds: 1, maxSeconds: 4, attempts: 2 };
    const one = openTarget({ ...SPEC, retry: { ...DEFAULT_RETRY, network } });
    one.target.sourceUp();
    await settle();
    await fail(one, 'timeout');
    await nextAttempt(one);
    await fail(one, 'unreachable');
    expect(one.target.status()).toMatchObject({
      state: 'failed',
      nextRetryAt: null,
      lastError: { code: 'unreachable' },
    });
    one.target.retryNow();
    await settle();
    expect(one.running()).toHaveLength(1);
    expect(one.target.status()).toMatchObject({ state: 'connecting', attempt: 1 });
  });

  it('takes its session back when it is paused, and is there at once when it is resumed', async () => {
    const one = openTarget();
    one.target.sourceUp();
    await settle();
    await fail(one, 'timeout');
    await nextAttempt(one);
    await accept(one);
    one.target.update({ ...SPEC, paused: true });
    await settle();
    expect(one.state()).toBe('paused');
    expect(one.open()).toHaveLength(0);
    one.target.retryNow();
    one.target.sourceAway();
    one.target.sourceUp();
    vi.advanceTimersByTime(3_600_000);
    expect(one.attempts).toHaveLength(2);
    one.target.update(SPEC);
    await settle();
    expect(one.running()).toHaveLength(1);
    expect(one.target.status()).toMatchObject({ state: 'connecting', attempt: 1 });
  });

  it('is paused from its beginning when its spec says so', async () => {
    const one = openTarget({ ...SPEC, paused: true });
    one.target.sourceUp();
    await settle();
    expect([one.state(), one.attempts.length]).toEqual(['paused', 0]);
  });

  it('applies other rules to the pause it is in, and keeps its session through them', async () => {
    const one = openTarget();
    one.target.sourceUp();
    await settle();
    for (let n = 0; n < 6; n += 1) {
      await fail(one, 'timeout');
      if (n < 5) await nextAttempt(one);
    }
    const soon: RetryPolicy = {
      ...DEFAULT_RETRY,
      network: { firstSeconds: 1, maxSeconds: 3, attempts: null },
    };
    one.target.update({ ...SPEC, retry: soon });
    expect(await nextAttempt(one)).toBe(3000);
    await accept(one);
    await stream(one, 1);
    one.target.update({ ...SPEC, retry: DEFAULT_RETRY, mergeMs: 350 });
    await settle();
    expect(one.target.status()).toMatchObject({ state: 'live', sessions: 1 });
  });

  it('gives a session up when nothing is acknowledged for 5 s, but not for want of a source', async () => {
    const one = openTarget();
    one.target.sourceUp();
    await settle();
    await accept(one);
    await stream(one, 5);
    look(one.target, 60);
    await settle();
    expect(one.state()).toBe('live');
    const [peer] = one.peers;
    if (peer) peer.written += 2_000_000;
    look(one.target, 4);
    await settle();
    expect(one.state()).not.toBe('backing-off');
    look(one.target, 2);
    await settle();
    expect(one.target.status()).toMatchObject({ state: 'backing-off', lastError: { code: 'stalled' } });
  });

  it('gives a session up when what is never dropped fills the memory behind a slow peer', async () => {
    const one = openTarget();
    one.target.sourceUp();
    await settle();
    await accept(one);
    await stream(one, 5);
    const script = { type: TAG_SCRIPT, timestamp: 0, data: Buffer.alloc(100_000) } as const;
    const window = {
      tags: [script],
      hasVideo: false,
      media: null,
      bytes: () => script.data,
      keep: () => undefined,
    };
    const [peer] = one.peers;
    for (const [megabytes, state] of [
      [9, 'live'],
      [31, 'live'],
      [33, 'backing-off'],
    ] as const) {
      if (peer) peer.backlog = megabytes * 1024 * 1024;
      one.target.write(window);
      await settle();
      expect(one.state()).toBe(state);
    }
    expect(one.target.status().lastError).toMatchObject({ code: 'too-slow' });
  });

  it('counts no more than was sent, whatever a peer acknowledges', async () => {
    const one = openTarget();
    one.target.sourceUp();
    await settle();
    await accept(one);
    const [peer] = one.peers;
    if (!peer) throw new Error('no session');
    for (const claim of [2 ** 30, 2 ** 31]) {
      peer.written += 100_000;
      peer.acked = claim;
      peer.acknowledgements += 1;
      look(one.target, 0.25);
    }
    expect(one.target.status()).toMatchObject({ state: 'live', bytes: 200_000, takenBy: 'peer' });
  });
});

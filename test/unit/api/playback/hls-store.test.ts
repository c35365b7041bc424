import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createHlsStore, type HlsStore } from '../../../../src/api/playback/hls-store.ts';

const log = pino({ level: 'silent' });
const A = '1_1_a_main';
const B = '1_1_b_main';
const START = 1_700_000_000_000;

let now: number;
let store: HlsStore;
beforeEach(() => {
  vi.useFakeTimers();
  now = START;
  store = createHlsStore({ log, maxBytes: 1000, now: () => now });
});
afterEach(() => {
  store.close();
  vi.useRealTimers();
});

function put(
  stream: string,
  epoch: number,
  sequence: number,
  change: { durationMs?: number; bytes?: number } = {},
) {
  const { durationMs = 2000, bytes = 10 } = change;
  const data = Buffer.alloc(bytes, sequence);
  store.putSegment(stream, { epoch, sequence, durationMs, programTimeMs: START + sequence * 2000, data });
}

const sequences = (text: string | null) =>
  [...(text ?? '').matchAll(/^(\d+)\.m4s/gm)].map((m) => Number(m[1]));

describe('the HLS store', () => {
  it('refuses a lower epoch and takes a higher one as another run', () => {
    store.putInit(A, 5, Buffer.from('five'));
    put(A, 5, 0);
    expect(() => store.putInit(A, 4, Buffer.from('four'))).toThrow(
      expect.objectContaining({ code: 'fenced' }),
    );
    expect(() => put(A, 4, 1)).toThrow(expect.objectContaining({ code: 'fenced' }));
    expect(() => put(A, 6, 0)).toThrow(expect.objectContaining({ code: 'not-found' }));
    store.putInit(A, 6, Buffer.from('six'));
    put(A, 6, 0);
    const text = store.playlist(A, '');
    const [first = 0, second] = sequences(text);
    expect(second).toBe(first + 1);
    expect(text).toContain('#EXT-X-DISCONTINUITY\n');
  });

  it('stores a repeated upload once', () => {
    store.putInit(A, 5, Buffer.from('init'));
    put(A, 5, 0);
    put(A, 5, 0);
    put(A, 5, 1);
    expect(sequences(store.playlist(A, ''))).toHaveLength(2);
  });

  it('shows the last six segments and keeps a few more for players that are behind', () => {
    store.putInit(A, 5, Buffer.from('init'));
    for (let i = 0; i < 30; i += 1) put(A, 5, i);
    const shown = sequences(store.playlist(A, ''));
    expect(shown).toHaveLength(6);
    const [oldest = 0] = shown;
    expect(store.file(A, `${oldest - 4}.m4s`)).not.toBeNull();
    expect(store.file(A, `${oldest - 5}.m4s`)).toBeNull();
  });

  it('has a target duration that covers the longest segment and never shrinks', () => {
    store.putInit(A, 5, Buffer.from('init'));
    put(A, 5, 0, { durationMs: 1500 });
    expect(store.playlist(A, '')).toContain('#EXT-X-TARGETDURATION:2\n');
    put(A, 5, 1, { durationMs: 8001 });
    for (let i = 2; i < 20; i += 1) put(A, 5, i);
    expect(store.playlist(A, '')).toContain('#EXT-X-TARGETDURATION:9\n');
  });

  it('counts discontinuities that left the list', () => {
    store.putInit(A, 5, Buffer.from('init'));
    put(A, 5, 0);
    store.putInit(A, 6, Buffer.from('next'));
    for (let i = 0; i < 20; i += 1) put(A, 6, i);
    const text = store.playlist(A, '') ?? '';
    expect(text).toContain('#EXT-X-DISCONTINUITY-SEQUENCE:1\n');
    expect(text).not.toContain('#EXT-X-DISCONTINUITY\n');
  });

  it('never numbers lower than before when it has to begin anew', () => {
    store.putInit(A, 5, Buffer.from('init'));
    for (let i = 0; i < 10; i += 1) put(A, 5, i);
    const before = sequences(store.playlist(A, '')).at(-1) ?? 0;
    store.close();
    now += 20_000;
    store = createHlsStore({ log, now: () => now });
    store.putInit(A, 5, Buffer.from('init'));
    put(A, 5, 10);
    expect(sequences(store.playlist(A, ''))[0]).toBeGreaterThan(before);
  });

  it('stays within its bytes, at the cost of the stream watched least recently', () => {
    for (const stream of [A, B]) store.putInit(stream, 5, Buffer.alloc(10));
    for (let i = 0; i < 4; i += 1) put(A, 5, i, { bytes: 100 });
    now += 1000;
    for (let i = 0; i < 4; i += 1) put(B, 5, i, { bytes: 100 });
    store.playlist(B, '');
    put(B, 5, 4, { bytes: 300 });
    expect(store.bytes).toBeLessThanOrEqual(1000);
    expect(sequences(store.playlist(B, ''))).toHaveLength(5);
    expect(sequences(store.playlist(A, '')).length).toBeLessThan(4);
  });

  it('forgets a stream a minute after its last viewer, and frees its bytes', () => {
    store.putInit(A, 5, Buffer.from('init'));
    put(A, 5, 0);
    store.playlist(A, '');
    now += 59_000;
    vi.advanceTimersByTime(5_000);
    expect(store.streams).toBe(1);
    now += 2_000;
    vi.advanceTimersByTime(5_000);
    expect(store).toMatchObject({ streams: 0, bytes: 0 });
  });

  it('wakes a waiting viewer with the first segment, and not later than it said', async () => {
    const found = store.waitForSegment(A, 8000);
    const missed = store.waitForSegment(B, 8000);
    store.putInit(A, 5, Buffer.from('init'));
    put(A, 5, 0);
    expect(await found).toBe(true);
    vi.advanceTimersByTime(8000);
    expect(await missed).toBe(false);
  });

  it('lets waiting viewers go when it closes', async () => {
    const waiting = store.waitForSegment(A, 8000);
    store.close();
    expect(await waiting).toBe(false);
  });

  it('lets only so many wait for a first segment', async () => {
    const waiting = Array.from({ length: 10_000 }, () => store.waitForSegment(A, 8000));
    expect(await store.waitForSegment(A, 8000)).toBe(false);
    store.putInit(A, 1, Buffer.from('init'));
    put(A, 1, 0);
    expect((await Promise.all(waiting)).every((found) => found)).toBe(true);
    const next = store.waitForSegment(B, 8000);
    store.putInit(B, 1, Buffer.from('init'));
    put(B, 1, 0);
    expect(await next).toBe(true);
  });
});

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createSinkMerger, mergeMsOf } from '../../../src/api/playback/merged-sink.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Notes each write with its time. */
class Peer {
  readonly writes: { readonly atMs: number; readonly text: string }[] = [];
  state: 'open' | 'ended' | 'destroyed' = 'open';
  writableLength = 0;
  readonly #startMs = Date.now();

  write(buffer: Buffer): void {
    this.writes.push({ atMs: Date.now() - this.#startMs, text: buffer.toString() });
  }

  end(): void {
    this.state = 'ended';
  }

  destroy(): void {
    this.state = 'destroyed';
  }
}

it('gives what is there at once in one write and without a wait, then everything in order, once, within its window', () => {
  const peer = new Peer();
  const sink = createSinkMerger().merge(peer, 100);
  for (const part of ['header ', 'key ', 'frame ']) sink.write(Buffer.from(part));
  vi.advanceTimersByTime(1);
  expect(peer.writes).toEqual([{ atMs: 0, text: 'header key frame ' }]);
  const written = Array.from({ length: 50 }, (_, n) => ({ atMs: 1 + n * 13, text: `${n} ` }));
  for (const { text } of written) {
    sink.write(Buffer.from(text));
    vi.advanceTimersByTime(13);
  }
  vi.advanceTimersByTime(100);
  const later = peer.writes.slice(1);
  expect(later.map(({ text }) => text).join('')).toBe(written.map(({ text }) => text).join(''));
  expect(later.length).toBeLessThanOrEqual(8);
  for (const { atMs, text } of written) {
    const arrived = later.find((write) => ` ${write.text}`.includes(` ${text}`));
    expect((arrived?.atMs ?? Number.POSITIVE_INFINITY) - atMs).toBeLessThanOrEqual(100);
  }
  expect(vi.getTimerCount()).toBe(0);
});

it('writes the streams of one length out in the same turn', () => {
  const merger = createSinkMerger();
  const peers = [new Peer(), new Peer()];
  const sinks = peers.map((peer) => merger.merge(peer, 100));
  for (const sink of sinks) sink.write(Buffer.from('a'));
  vi.advanceTimersByTime(1);
  sinks[0]?.write(Buffer.from('b'));
  vi.advanceTimersByTime(70);
  sinks[1]?.write(Buffer.from('b'));
  vi.advanceTimersByTime(100);
  expect(peers.map((peer) => peer.writes.at(-1))).toEqual([
    { atMs: 101, text: 'b' },
    { atMs: 101, text: 'b' },
  ]);
});

it('what waits at a slow reader is never written over, and a reader that takes all at once costs no memory', () => {
  const merger = createSinkMerger();
  const held: Buffer[] = [];
  const slow = {
    write: (buffer: Buffer) => held.push(buffer),
    get writableLength() {
      return held.reduce((sum, { length }) => sum + length, 0);
    },
    end: () => undefined,
    destroy: () => undefined,
  };
  const memories = new Set<ArrayBufferLike>();
  const fast = { ...slow, writableLength: 0, write: (buffer: Buffer) => memories.add(buffer.buffer) };
  const sinks = [slow, fast].map((peer) => merger.merge(peer, 100));
  for (let round = 0; round < 20; round += 1) {
    for (const sink of sinks) for (const part of [`${round} `, 'and ']) sink.write(Buffer.from(part));
    vi.advanceTimersByTime(101);
  }
  expect(Buffer.concat(held).toString()).toBe(Array.from({ length: 20 }, (_, n) => `${n} and `).join(''));
  expect(memories.size).toBeLessThanOrEqual(2);
  expect(held.slice(2).every(({ buffer }) => buffer.byteLength < 64 * 1024)).toBe(true);
});

it('counts what it holds as waiting, and does not hold a burst', () => {
  const peer = new Peer();
  const sink = createSinkMerger().merge(peer, 100);
  sink.write(Buffer.alloc(1000));
  expect(sink.writableLength).toBe(1000);
  sink.write(Buffer.alloc(2 * 1024 * 1024));
  expect(peer.writes).toHaveLength(1);
  expect(sink.writableLength).toBe(0);
});

it('counts what waits at its reader beside what it holds, until the reader has taken it', () => {
  const peer = new Peer();
  const sink = createSinkMerger().merge(peer, 100);
  peer.writableLength = 5000;
  sink.write(Buffer.alloc(10));
  vi.advanceTimersByTime(1);
  sink.write(Buffer.alloc(20));
  expect(sink.writableLength).toBe(5020);
  peer.writableLength = 300;
  expect(sink.writableLength).toBe(320);
  peer.writableLength = 0;
  expect(sink.writableLength).toBe(20);
});

it('gives what it holds before an end, throws it away when destroyed, and leaves no timer', () => {
  const merger = createSinkMerger();
  const [ended, destroyed] = [new Peer(), new Peer()];
  for (const peer of [ended, destroyed]) {
    const sink = merger.merge(peer, 100);
    sink.write(Buffer.from('first'));
    vi.advanceTimersByTime(1);
    sink.write(Buffer.from('last'));
    if (peer === ended) sink.end();
    else sink.destroy();
  }
  expect(ended).toMatchObject({ state: 'ended', writes: [{ text: 'first' }, { text: 'last' }] });
  expect(destroyed).toMatchObject({ state: 'destroyed', writes: [{ text: 'first' }] });
  expect(vi.getTimerCount()).toBe(0);
});

it('a reader that asks for no window, or for none that there is, gets its bytes as they come', () => {
  const peer = new Peer();
  expect(createSinkMerger().merge(peer, 0)).toBe(peer);
  expect(['100', '0', '', undefined, '-1', 'x', ['1'], '999'].map(mergeMsOf)).toEqual([
    100, 0, 0, 0, 0, 0, 0, 350,
  ]);
});

import { describe, expect, test } from 'vitest';
import { Viewer } from '../../../src/ingest/viewer.ts';

const LIMIT = 1000;

function tag(type: number, first: number, second: number, bytes = 100): Buffer {
  const buffer = Buffer.alloc(11 + bytes + 4);
  buffer[0] = type;
  buffer[11] = first;
  buffer[12] = second;
  return buffer;
}

const key = () => tag(9, 0x17, 1);
const delta = () => tag(9, 0x27, 1);
const audio = () => tag(8, 0xaf, 1);
const header = () => tag(9, 0x17, 0);

/** A peer that takes what its reader asks for. */
class Peer {
  readonly got: Buffer[] = [];
  writableLength = 0;
  state: 'open' | 'ended' | 'destroyed' = 'open';

  write(buffer: Buffer): void {
    this.got.push(buffer);
    this.writableLength += buffer.length;
  }

  take(bytes = this.writableLength): void {
    this.writableLength -= Math.min(bytes, this.writableLength);
  }

  end(): void {
    this.state = 'ended';
  }

  destroy(): void {
    this.state = 'destroyed';
  }
}

function attached() {
  const peer = new Peer();
  const viewer = new Viewer({ id: 'v1', protocol: 'flv', sink: peer, maxQueuedBytes: LIMIT, nowMs: 0 });
  return { peer, viewer };
}

/** Sends to a peer that takes nothing until a packet is lost. */
function overfill(viewer: Viewer, packet: () => Buffer): void {
  for (let sent = 0; sent < 1000 && viewer.droppedPackets === 0; sent += 1) viewer.sendBuffer(packet());
  expect(viewer.droppedPackets).toBe(1);
}

describe('a viewer', () => {
  test('that keeps up gets everything', () => {
    const { peer, viewer } = attached();
    for (let i = 0; i < 100; i += 1) {
      viewer.sendBuffer(i % 30 === 0 ? key() : delta());
      peer.take();
    }
    expect(peer.got).toHaveLength(100);
  });

  test('that does not read holds a bounded queue', () => {
    const { peer, viewer } = attached();
    for (let i = 0; i < 10_000; i += 1) viewer.sendBuffer(i % 30 === 0 ? key() : delta());
    expect(peer.writableLength).toBeLessThan(LIMIT + 200);
    expect(viewer.droppedPackets).toBeGreaterThan(9_000);
  });

  test('that reads again goes on at a key frame, with every header in between', () => {
    const { peer, viewer } = attached();
    overfill(viewer, delta);
    viewer.sendBuffer(header());
    expect(peer.got.at(-1)).toEqual(header());
    peer.take();
    const before = peer.got.length;
    viewer.sendBuffer(delta());
    viewer.sendBuffer(audio());
    expect(peer.got).toHaveLength(before);
    viewer.sendBuffer(key());
    viewer.sendBuffer(audio());
    expect(peer.got).toHaveLength(before + 2);
  });

  test('of sound alone goes on with sound', () => {
    const { peer, viewer } = attached();
    overfill(viewer, audio);
    peer.take();
    const before = peer.got.length;
    viewer.sendBuffer(audio());
    expect(peer.got).toHaveLength(before + 1);
  });

  test('cannot be made to hold headers without end', () => {
    const { peer, viewer } = attached();
    for (let i = 0; i < 10_000; i += 1) viewer.sendBuffer(header());
    expect(peer.writableLength).toBeLessThan(4 * LIMIT + 200);
  });

  test('gets the kept GOP whole, however long', () => {
    const { peer, viewer } = attached();
    viewer.attach(() => {
      for (let i = 0; i < 100; i += 1) viewer.sendBuffer(i === 0 ? key() : delta());
    });
    expect(peer.got).toHaveLength(100);
  });

  test('is alive while it takes something, or while nothing waits', () => {
    const { peer, viewer } = attached();
    expect(viewer.isAlive(60_000, 15_000)).toBe(true);
    for (let i = 0; i < 5; i += 1) viewer.sendBuffer(key());
    expect(viewer.isAlive(70_000, 15_000)).toBe(true);
    peer.take(10);
    expect(viewer.isAlive(80_000, 15_000)).toBe(true);
    expect(viewer.isAlive(94_000, 15_000)).toBe(true);
    expect(viewer.isAlive(96_000, 15_000)).toBe(false);
  });

  test('that was ended gets nothing more', () => {
    const { peer, viewer } = attached();
    viewer.end();
    viewer.sendBuffer(key());
    expect(peer).toMatchObject({ state: 'ended', got: [] });
  });
});

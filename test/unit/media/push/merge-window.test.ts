import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FlvTag } from '../../../../src/media/flv/tag.ts';
import { createMergeLanes } from '../../../../src/media/push/merge-lanes.ts';
import { createMergeWindow, type TagWindow } from '../../../../src/media/push/merge-window.ts';
import { DEFAULT_PUSH_SETTINGS } from '../../../../src/media/push/push-run.ts';
import { createTargetSession, type TargetSession } from '../../../../src/media/push/target-session.ts';
import { createMessageCache, encodeMediaMessage } from '../../../../src/media/rtmp/media-message.ts';
import type { RtmpPublisher } from '../../../../src/media/rtmp/publisher.ts';
import { seededWhole } from '../../../support/random.ts';

const STREAM_ID = 1;

function video(timestamp: number, isKey = false, bytes = 5000): FlvTag {
  return {
    type: 9,
    timestamp,
    data: Buffer.concat([Buffer.from([isKey ? 0x17 : 0x27, 1]), Buffer.alloc(bytes)]),
  };
}

function audio(timestamp: number): FlvTag {
  return { type: 8, timestamp, data: Buffer.from([0xaf, 1, timestamp & 0xff]) };
}

function chunked(tags: readonly FlvTag[], streamId = STREAM_ID): Buffer {
  return Buffer.concat(tags.map((tag) => encodeMediaMessage(tag, streamId)));
}

/**
 * What a session needs of a publisher: the writes are kept, the queue is what the test says. As with a socket, what
 * does not wait is copied at once, and what waits is looked at when it leaves.
 */
interface Peer {
  readonly session: TargetSession;
  readonly writes: Buffer[][];
  /** The same as it was given. */
  readonly handed: Buffer[][];
  backlog: number;
  sent(): Buffer;
}

function openPeer(streamId = STREAM_ID, cache = createMessageCache()): Peer {
  const writes: Buffer[][] = [];
  const handed: Buffer[][] = [];
  let written = 0;
  const publisher: RtmpPublisher = {
    write: () => undefined,
    send(messages) {
      handed.push([...messages]);
      writes.push(messages.map((bytes) => (peer.backlog === 0 ? Buffer.from(bytes) : bytes)));
      written += messages.reduce((sum, bytes) => sum + bytes.length, 0);
    },
    messageStreamId: streamId,
    askAcknowledgements: () => undefined,
    ports: null,
    flush: () => undefined,
    get bufferedBytes() {
      return peer.backlog;
    },
    get backlogBytes() {
      return peer.backlog;
    },
    get writtenBytes() {
      return written;
    },
    get ackedBytes() {
      return written - peer.backlog;
    },
    acknowledgements: 1,
    get sentBytes() {
      return written - peer.backlog;
    },
    closed: new Promise(() => undefined),
    close: () => Promise.resolve(),
    destroy: () => undefined,
  };
  const limits = DEFAULT_PUSH_SETTINGS.session;
  const session = createTargetSession(publisher, { ackEveryBytes: 250_000, limits, cache });
  const peer: Peer = { session, writes, handed, backlog: 0, sent: () => Buffer.concat(writes.flat()) };
  return peer;
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe('a merge window', () => {
  function gather(mergeMs: number) {
    const windows: TagWindow[] = [];
    const window = createMergeWindow({
      mergeMs,
      onWindow: (one) => windows.push(one),
    });
    return { window, windows };
  }

  it('is given away whole, its length after its first tag and not later', () => {
    const { window, windows } = gather(100);
    const tags = [video(0, true), audio(5), video(33)];
    for (const tag of tags) {
      window.push(tag);
      vi.advanceTimersByTime(33);
    }
    expect([windows.length, window.gathered()]).toEqual([0, 3]);
    vi.advanceTimersByTime(1);
    expect(windows).toHaveLength(1);
    expect(windows[0]).toMatchObject({ tags, hasVideo: true, media: { firstMs: 0, lastMs: 33 } });
    expect(window.gathered()).toBe(0);
  });

  it('holds the same bytes as its tags one by one, built once for each message stream', () => {
    const { window, windows } = gather(100);
    const tags = [video(0, true, 20_000), audio(5), video(0x1000000)];
    for (const tag of tags) window.push(tag);
    window.flush();
    const bytes = windows[0]?.bytes(1);
    expect(bytes).toEqual(chunked(tags, 1));
    expect(windows[0]?.bytes(1)).toBe(bytes);
    expect(windows[0]?.bytes(7)).toEqual(chunked(tags, 7));
  });

  it('of 0 ms gives every tag away at once', () => {
    const { window, windows } = gather(0);
    window.push(audio(1));
    window.push(audio(2));
    expect(windows.map((one) => one.tags.length)).toEqual([1, 1]);
  });

  it('stays bounded in a burst', () => {
    const { window, windows } = gather(350);
    for (let at = 0; at < 8; at += 1) window.push(video(at, false, 300_000));
    window.flush();
    expect(windows.map((one) => one.tags.length)).toEqual([4, 4]);
  });
});

describe('merge lanes', () => {
  it('gather once for all targets of a length, and for each length on its own', () => {
    const lanes = createMergeLanes();
    const taken = [0, 100, 100, 350].map((mergeMs) => {
      const windows: TagWindow[] = [];
      lanes.add({ write: (window) => windows.push(window) }, mergeMs);
      return windows;
    });
    for (let at = 0; at < 10; at += 1) {
      lanes.push(audio(at * 35));
      vi.advanceTimersByTime(35);
    }
    expect(taken.map((windows) => windows.map((one) => one.tags.length))).toEqual([
      Array(10).fill(1),
      [3, 3, 3],
      [3, 3, 3],
      [10],
    ]);
    expect(taken[1]?.every((window, index) => window === taken[2]?.[index])).toBe(true);
    lanes.clear();
  });

  it('give a target what was gathered before it goes', () => {
    const lanes = createMergeLanes();
    const windows: TagWindow[] = [];
    const taker = { write: (window: TagWindow) => windows.push(window) };
    lanes.add(taker, 100);
    lanes.push(audio(1));
    lanes.remove(taker);
    lanes.push(audio(2));
    expect(windows.map((one) => one.tags)).toEqual([[audio(1)]]);
  });
});

describe('targets of one window', () => {
  /** The tags as one window. */
  function windowOf(tags: readonly FlvTag[]): TagWindow {
    const windows: TagWindow[] = [];
    const window = createMergeWindow({
      mergeMs: 100,
      onWindow: (one) => windows.push(one),
    });
    for (const tag of tags) window.push(tag);
    window.flush();
    const [made] = windows;
    if (!made) throw new Error('no window');
    return made;
  }

  it('are sent the same buffer in one write each', () => {
    const peers = [openPeer(), openPeer()];
    const tags = [video(33), audio(40), video(66)];
    const window = windowOf(tags);
    for (const { session } of peers) {
      session.begin({ tags: [video(0, true)], gathered: 0 });
      session.write(window);
    }
    const [first, second] = peers.map((peer) => peer.handed[1]);
    expect(first).toHaveLength(1);
    expect(second?.[0]).toBe(first?.[0]);
    expect(peers[0]?.sent()).toEqual(chunked([video(0, true), ...tags]));
  });

  it('give a late joiner each frame once, although its opening holds a part of the window', () => {
    const late = openPeer();
    const tags = [video(0, true), audio(5), video(33), audio(40), video(66)];
    late.session.begin({ tags: tags.slice(0, 3), gathered: 3 });
    late.session.write(windowOf(tags));
    late.session.write(windowOf([video(99), video(133)]));
    expect(late.sent()).toEqual(chunked([...tags, video(99), video(133)]));
    expect(late.writes.map((write) => write.length)).toEqual([3, 2, 1]);
  });

  it('begin inside a window, at its key frame, when nothing was kept', () => {
    const { session, sent } = openPeer();
    session.begin({ tags: [], gathered: 0 });
    session.write(windowOf([video(0), video(33), video(66, true), audio(70)]));
    expect(sent()).toEqual(chunked([video(66, true), audio(70)]));
  });

  it('wait for a key frame after another publisher began', () => {
    const { session, sent } = openPeer();
    session.begin({ tags: [video(0, true)], gathered: 0 });
    session.restart();
    session.write(windowOf([video(33), video(66)]));
    session.write(windowOf([video(99), video(133, true)]));
    expect(sent()).toEqual(chunked([video(0, true), video(133, true)]));
  });

  it('are each sent sound alone from its first packet', () => {
    const { session, sent } = openPeer();
    session.begin({ tags: [], gathered: 0 });
    session.write(windowOf([audio(0), audio(21)]));
    expect(sent()).toEqual(chunked([audio(0), audio(21)]));
  });

  it('lose only their own frames when one is full: it goes on at a key frame, the other had everything', () => {
    const [slow, good] = [openPeer(), openPeer()];
    const windows = [
      [video(33), audio(40)],
      [video(66), audio(70), video(99)],
      [video(133), video(166, true), audio(170)],
    ].map(windowOf);
    const give = (window: TagWindow | undefined) => {
      if (window) for (const { session } of [slow, good]) session.write(window);
    };
    for (const { session } of [slow, good]) session.begin({ tags: [video(0, true)], gathered: 0 });
    give(windows[0]);
    slow.backlog = DEFAULT_PUSH_SETTINGS.session.maxQueueBytes + 1;
    give(windows[1]);
    slow.backlog = 0;
    give(windows[2]);
    const all = windows.flatMap((window) => window.tags);
    expect(good.sent()).toEqual(chunked([video(0, true), ...all]));
    expect(slow.sent()).toEqual(
      chunked([video(0, true), video(33), audio(40), video(166, true), audio(170)]),
    );
    expect([slow.session.droppedFrames(), good.session.droppedFrames()]).toEqual([3, 0]);
    expect(slow.session.check(performance.now())).toBe('lagging');
  });

  it('with other message streams have the window in their own chunks', () => {
    const { session, sent } = openPeer(9);
    session.begin({ tags: [video(0, true)], gathered: 0 });
    session.write(windowOf([video(33)]));
    expect(sent()).toEqual(chunked([video(0, true), video(33)], 9));
  });

  it.each([1, 2, 3, 4])('get their bytes whole, whoever of them is slow when (random writes %i)', (seed) => {
    const whole = seededWhole(seed);
    const peers = [openPeer(), openPeer(), openPeer(9)];
    const lanes = createMergeLanes();
    for (const { session } of peers) {
      session.begin({ tags: [video(0, true)], gathered: 0 });
      lanes.add(session, 100);
    }
    const sent = [video(0, true)];
    for (let at = 1; at < 300; at += 1) {
      const tag = { ...video(at, whole(20) === 0, whole(whole(20) === 0 ? 600_000 : 3000)) };
      tag.data.fill(whole(256), 2);
      sent.push(tag);
      lanes.push(tag);
      if (whole(3) > 0) continue;
      for (const peer of peers) peer.backlog = whole(2) * whole(1000);
      lanes.flush();
    }
    lanes.flush();
    lanes.clear();
    expect(peers.map((peer) => peer.sent().equals(chunked(sent, peer === peers[2] ? 9 : 1)))).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('are given windows in the same memory over and over while they take all at once', () => {
    const peer = openPeer();
    peer.session.begin({ tags: [video(0, true)], gathered: 0 });
    for (let at = 1; at <= 50; at += 1) peer.session.write(windowOf([video(at)]));
    expect(new Set(peer.handed.slice(2).map(([bytes]) => bytes?.buffer)).size).toBe(1);
    peer.backlog = 1;
    for (let at = 51; at <= 60; at += 1) peer.session.write(windowOf([video(at)]));
    expect(new Set(peer.handed.slice(-10).map(([bytes]) => bytes?.buffer)).size).toBe(10);
  });
});

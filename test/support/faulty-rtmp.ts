import type { Socket } from 'node:net';
import { type RtmpSinkOptions, startRtmpSink } from './rtmp-sink.ts';

/**
 * refuses: says no to every key. never-reads: accepts a stream and reads none of it. resets: breaks the connection
 * after 3 s. drips: reads 10 kB/s. freezes: reads for 6 s, then never again, without closing.
 */
export type Fault = 'refuses' | 'never-reads' | 'resets' | 'drips' | 'freezes';

export interface FaultyRtmp {
  readonly url: string;
  readonly port: number;
  /** Publishers so far, refused ones among them. */
  readonly attempts: number;
  /** Accepted publishers so far. */
  readonly publishes: number;
  /** When the fault of each session began, Unix ms, in order. */
  readonly troubleAt: readonly number[];
  /** Bytes that were read, all sessions together. */
  readonly readBytes: number;
  close(): Promise<void>;
}

export interface FaultyRtmpOptions {
  readonly fault: Fault;
  readonly acknowledges?: RtmpSinkOptions['acknowledges'];
}

const RESET_AFTER_MS = 3000;
const FREEZE_AFTER_MS = 6000;
const DRIP_BYTES_PER_SECOND = 10_000;

/** An RTMP server that misbehaves in one way. */
export async function startFaultyRtmp({
  fault,
  acknowledges = false,
}: FaultyRtmpOptions): Promise<FaultyRtmp> {
  const troubleAt: number[] = [];
  const timers = new Set<NodeJS.Timeout>();
  const sockets: Socket[] = [];

  /** Does nothing for sockets that are gone: what it calls means nothing to them. */
  function after(ms: number, action: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      action();
    }, ms);
    timers.add(timer);
  }

  const trouble = () => void troubleAt.push(Date.now());

  /** The socket is read as a whole chunk at a time, and rested for as long as that chunk lasts. */
  function drip(socket: Socket): void {
    trouble();
    socket.on('data', (chunk: Buffer) => {
      socket.pause();
      after((chunk.length / DRIP_BYTES_PER_SECOND) * 1000, () => socket.resume());
    });
  }

  const begin: Record<Fault, (socket: Socket) => void> = {
    refuses: () => undefined,
    'never-reads': (socket) => {
      trouble();
      socket.pause();
    },
    resets: (socket) =>
      after(RESET_AFTER_MS, () => {
        trouble();
        socket.resetAndDestroy();
      }),
    drips: drip,
    freezes: (socket) =>
      after(FREEZE_AFTER_MS, () => {
        trouble();
        socket.pause();
      }),
  };

  const sink = await startRtmpSink({
    acknowledges,
    onPublish: (socket) => {
      sockets.push(socket);
      begin[fault](socket);
    },
    onMedia: () => undefined,
  });
  if (fault === 'refuses') sink.refuseWith = 'NetStream.Publish.BadName';
  return {
    url: sink.url,
    port: sink.port,
    get attempts() {
      return sink.attempts;
    },
    get publishes() {
      return sink.publishes;
    },
    troubleAt,
    get readBytes() {
      return sockets.reduce((sum, socket) => sum + socket.bytesRead, 0);
    },
    async close() {
      for (const timer of timers) clearTimeout(timer);
      await sink.close();
    },
  };
}

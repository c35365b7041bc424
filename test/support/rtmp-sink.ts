import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { decodeAmf, encodeAmf } from '../../src/media/flv/amf.ts';
import { createChunkReader } from '../../src/media/rtmp/chunk-reader.ts';
import { encodeMessage, type RtmpMessage } from '../../src/media/rtmp/chunks.ts';

export interface RtmpSinkOptions {
  /** Takes each media message instead of keeping it: a sink that runs for an hour. */
  readonly onMedia?: (message: RtmpMessage) => void;
  /** An accepted publisher; its media follow. */
  readonly onPublish?: (socket: Socket) => void;
  /** Acknowledges as often as it is asked to, as common servers do; true by default. */
  readonly acknowledges?: boolean | 'whatever it reads';
  /** Once a publisher is accepted it reads no more than so much; 0 is nothing. */
  readonly bytesPerSecond?: number;
}

export interface RtmpSink {
  readonly port: number;
  readonly url: string;
  /** Sessions that asked to publish. */
  readonly attempts: number;
  /** Sessions that were accepted as publishers. */
  readonly publishes: number;
  /** Media messages received over all sessions. */
  readonly media: readonly (RtmpMessage & { readonly session: number })[];
  readonly connections: number;
  /** From now on nothing is read, as when the server hangs. */
  stall(): void;
  resume(): void;
  reset(): void;
  /** Status code of the next publishes; null accepts. */
  refuseWith: string | null;
  close(): Promise<void>;
}

const HANDSHAKE_BYTES = 1536;

/** A small RTMP server that accepts publishers until the test makes it misbehave. */
export async function startRtmpSink({
  onMedia,
  onPublish,
  acknowledges = true,
  bytesPerSecond = Number.POSITIVE_INFINITY,
}: RtmpSinkOptions = {}): Promise<RtmpSink> {
  const sockets = new Set<Socket>();
  const media: (RtmpMessage & { session: number })[] = [];
  let attempts = 0;
  let publishes = 0;
  let isStalled = false;
  const server = createServer({ highWaterMark: 16 * 1024 }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    serve(socket);
  });

  function serve(socket: Socket): void {
    let hello: Buffer | null = Buffer.alloc(0);
    let session = 0;
    let received = 0;
    let acknowledged = 0;
    let ackWindow = Number.POSITIVE_INFINITY;
    let resumeTimer: NodeJS.Timeout | undefined;
    socket.once('close', () => clearTimeout(resumeTimer));
    const send = (values: Parameters<typeof encodeAmf>[0], streamId = 0) =>
      socket.write(
        encodeMessage(
          { type: 20, timestamp: 0, streamId, data: encodeAmf(values) },
          { chunkStreamId: 3, chunkBytes: 128 },
        ),
      );
    const status = (level: string, code: string) => send(['onStatus', 0, null, { level, code }], 1);
    const reader = createChunkReader({ maxMessageBytes: 16 * 1024 * 1024, onMessage: take });

    function command(data: Buffer): void {
      const [name, transaction] = decodeAmf(data);
      if (name === 'connect') send(['_result', transaction, null, { code: 'NetConnection.Connect.Success' }]);
      if (name === 'createStream') send(['_result', transaction, null, 1]);
      if (name !== 'publish') return;
      attempts += 1;
      if (sink.refuseWith !== null) {
        status('error', sink.refuseWith);
        socket.end();
        return;
      }
      publishes += 1;
      session = publishes;
      status('status', 'NetStream.Publish.Start');
      onPublish?.(socket);
    }

    const keep = onMedia ?? ((message: RtmpMessage) => media.push({ ...message, session }));

    function acknowledge(): void {
      const step = acknowledges === true ? ackWindow : 1;
      if (!acknowledges || received - acknowledged < step) return;
      acknowledged = received;
      const data = Buffer.alloc(4);
      data.writeUInt32BE(received % 2 ** 32);
      const message = { type: 3, timestamp: 0, streamId: 0, data };
      socket.write(encodeMessage(message, { chunkStreamId: 2, chunkBytes: 128 }));
    }

    function take(message: RtmpMessage): void {
      if (message.type === 5) ackWindow = message.data.readUInt32BE();
      if (message.type === 1) reader.setChunkBytes(message.data.readUInt32BE());
      else if (message.type === 20) command(message.data);
      else if (message.type === 8 || message.type === 9) keep(message);
    }

    /** What follows the handshake, or null while it goes on. */
    function shakeHands(chunk: Buffer, before: Buffer): Buffer | null {
      const bytes = Buffer.concat([before, chunk]);
      const first = 1 + HANDSHAKE_BYTES;
      if (before.length < first && bytes.length >= first) {
        socket.write(Buffer.concat([bytes.subarray(0, first), Buffer.alloc(HANDSHAKE_BYTES)]));
      }
      const isWhole = bytes.length >= first + HANDSHAKE_BYTES;
      hello = isWhole ? null : bytes;
      return isWhole ? bytes.subarray(first + HANDSHAKE_BYTES) : null;
    }

    /** The next chunk is read when this one's time is over. */
    function slowDown(bytes: number): void {
      if (bytesPerSecond === Number.POSITIVE_INFINITY) return;
      socket.pause();
      if (bytesPerSecond === 0) return;
      resumeTimer = setTimeout(() => socket.resume(), (bytes / bytesPerSecond) * 1000);
    }

    socket.on('data', (chunk: Buffer) => {
      const rest = hello === null ? chunk : shakeHands(chunk, hello);
      received += chunk.length;
      if (rest && rest.length > 0) reader.push(rest);
      acknowledge();
      if (isStalled) socket.pause();
      else if (session > 0) slowDown(chunk.length);
    });
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sink: RtmpSink = {
    port,
    url: `rtmp://127.0.0.1:${port}/live/secret-key-1`,
    get attempts() {
      return attempts;
    },
    get publishes() {
      return publishes;
    },
    media,
    get connections() {
      return sockets.size;
    },
    stall() {
      isStalled = true;
      for (const socket of sockets) socket.pause();
    },
    resume() {
      isStalled = false;
      for (const socket of sockets) socket.resume();
    },
    reset() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    refuseWith: null,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return sink;
}

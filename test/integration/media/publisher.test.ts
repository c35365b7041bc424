import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type FlvTag, isMedia, TAG_AUDIO, TAG_VIDEO } from '../../../src/media/flv/tag.ts';
import { createMessageCache } from '../../../src/media/rtmp/media-message.ts';
import { openRtmpPublisher } from '../../../src/media/rtmp/publisher.ts';
import { makeClip, parseFlv, readFlv } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import { type NginxRtmp, startNginxRtmp } from '../../support/nginx-rtmp.ts';
import { startRtmpSink } from '../../support/rtmp-sink.ts';

let nginx: NginxRtmp;
let clip: FlvTag[];
const cleanups: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  nginx = await startNginxRtmp({
    applications: [{ name: 'live', record: true }, { name: 'closed', refuse: true }, { name: 'plain' }],
  });
  clip = parseFlv(await makeClip({ seconds: 4 }));
});

afterAll(async () => {
  await nginx?.stop();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A TCP server that does with each connection what the test says. */
async function tcpServer(onSocket: (socket: Socket) => void): Promise<{ port: number; server: Server }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => sockets.delete(socket));
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, server };
}

/** The recording of one key once nginx has written it. */
async function recordingOf(key: string): Promise<FlvTag[]> {
  const names = await eventually(async () => {
    const live = await nginx.livePublishers();
    const found = (await readdir(nginx.recordingDir)).filter((name) => name.startsWith(`${key}-`));
    return live === 0 && found.length > 0 ? found : null;
  });
  expect(names).toHaveLength(1);
  return readFlv(join(nginx.recordingDir, names[0] ?? ''));
}

function bodies(tags: readonly FlvTag[], type: number): string[] {
  return tags
    .filter((tag) => tag.type === type)
    .map((tag) => `${tag.timestamp} ${tag.data.toString('base64')}`);
}

describe('a publisher at nginx-rtmp', () => {
  for (const mergeMs of [0, 100]) {
    it(`delivers every packet unchanged and in order with a merge window of ${mergeMs} ms`, async () => {
      const key = `whole${mergeMs}`;
      const publisher = await openRtmpPublisher({ url: nginx.rtmpUrl('live', key), mergeMs });
      for (const tag of clip) publisher.write(tag);
      await publisher.close();
      expect(await publisher.closed).toMatchObject({ code: 'done' });
      const recorded = await recordingOf(key);
      expect(bodies(recorded.filter(isMedia), TAG_VIDEO)).toEqual(bodies(clip.filter(isMedia), TAG_VIDEO));
      expect(bodies(recorded.filter(isMedia), TAG_AUDIO)).toEqual(bodies(clip.filter(isMedia), TAG_AUDIO));
    });
  }

  it('keeps timestamps that need the extended form', async () => {
    const late = clip.map((tag) => ({ ...tag, timestamp: tag.timestamp + 0x1000000 }));
    const publisher = await openRtmpPublisher({ url: nginx.rtmpUrl('live', 'late') });
    for (const tag of late) publisher.write(tag);
    await publisher.close();
    const recorded = (await recordingOf('late')).filter(isMedia);
    const steps = (tags: FlvTag[]) => tags.map((tag) => tag.timestamp - (tags[0]?.timestamp ?? 0));
    expect(steps(recorded)).toEqual(steps(late.filter(isMedia)));
    expect(recorded).toHaveLength(late.filter(isMedia).length);
  });

  it('is acknowledged as often as it asked', async () => {
    const publisher = await openRtmpPublisher({ url: nginx.rtmpUrl('plain', 'acks'), ackEveryBytes: 50_000 });
    expect(publisher.ackedBytes).toBeNull();
    for (const tag of clip) publisher.write(tag);
    const acked = await eventually(() => publisher.ackedBytes);
    expect(acked).toBeLessThanOrEqual(publisher.writtenBytes);
    await eventually(() => publisher.writtenBytes - (publisher.ackedBytes ?? 0) < 60_000);
    await publisher.close();
  });

  it('sends publishers with one cache the same bytes', async () => {
    const cache = createMessageCache();
    const keys = ['shared1', 'shared2'];
    const publishers = await Promise.all(
      keys.map((key) => openRtmpPublisher({ url: nginx.rtmpUrl('live', key), mergeMs: 50, cache })),
    );
    for (const tag of clip) for (const publisher of publishers) publisher.write(tag);
    await Promise.all(publishers.map((publisher) => publisher.close()));
    const [first = [], second = []] = await Promise.all(keys.map(recordingOf));
    expect(first.filter(isMedia)).toHaveLength(clip.filter(isMedia).length);
    expect(second).toEqual(first);
  });

  it('keeps the query of a key', async () => {
    const publisher = await openRtmpPublisher({ url: nginx.rtmpUrl('plain', 'cam?txSecret=ab12&t=1') });
    await publisher.close();
    await eventually(async () => (await nginx.sessions()).some((session) => session.key.startsWith('cam')));
  });
});

describe('a publisher that cannot publish says why', () => {
  it('key-refused when the server refuses the stream', async () => {
    const opening = openRtmpPublisher({ url: nginx.rtmpUrl('closed', 'k') });
    await expect(opening).rejects.toMatchObject({ code: 'key-refused', blame: 'destination' });
  });

  it('key-refused when the name is already on the air', async () => {
    const first = await openRtmpPublisher({ url: nginx.rtmpUrl('plain', 'taken') });
    const opening = openRtmpPublisher({ url: nginx.rtmpUrl('plain', 'taken') });
    await expect(opening).rejects.toMatchObject({ code: 'key-refused' });
    await first.close();
  });

  it('app-refused when the application does not exist', async () => {
    const opening = openRtmpPublisher({ url: nginx.rtmpUrl('nowhere', 'k') });
    await expect(opening).rejects.toMatchObject({ code: 'app-refused' });
  });

  it('connection-refused when nothing listens', async () => {
    const { port, server } = await tcpServer(() => undefined);
    server.close();
    await once(server, 'close');
    const opening = openRtmpPublisher({ url: `rtmp://127.0.0.1:${port}/live/k` });
    await expect(opening).rejects.toMatchObject({ code: 'connection-refused', retry: 'later' });
  });

  it('name-not-found when the host does not exist', async () => {
    const opening = openRtmpPublisher({ url: 'rtmp://no-such-host.invalid/live/k' });
    await expect(opening).rejects.toMatchObject({ code: 'name-not-found' });
  });

  it('handshake-failed when the server speaks something else', async () => {
    const { port } = await tcpServer((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const opening = openRtmpPublisher({ url: `rtmp://127.0.0.1:${port}/live/k` });
    await expect(opening).rejects.toMatchObject({ code: 'handshake-failed' });
  });

  it('handshake-failed when the server resets the connection', async () => {
    const { port } = await tcpServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const opening = openRtmpPublisher({ url: `rtmp://127.0.0.1:${port}/live/k` });
    await expect(opening).rejects.toMatchObject({ code: 'handshake-failed' });
  });

  it('timeout when the server accepts and never answers', async () => {
    let accepted = 0;
    const { port } = await tcpServer(() => {
      accepted += 1;
    });
    const opening = openRtmpPublisher({ url: `rtmp://127.0.0.1:${port}/live/k`, publishTimeoutMs: 200 });
    await expect(opening).rejects.toMatchObject({ code: 'timeout' });
    expect(accepted).toBe(1);
  });

  it('fenced when it is given up', async () => {
    const { port } = await tcpServer(() => undefined);
    const controller = new AbortController();
    const opening = openRtmpPublisher({ url: `rtmp://127.0.0.1:${port}/live/k`, signal: controller.signal });
    controller.abort();
    await expect(opening).rejects.toMatchObject({ code: 'fenced' });
  });
});

it('a session whose server dies ends as closed-by-peer', async () => {
  const other = await startNginxRtmp({ applications: [{ name: 'live' }] });
  const publisher = await openRtmpPublisher({ url: other.rtmpUrl('live', 'k') });
  await other.stop();
  expect(await publisher.closed).toMatchObject({ code: 'closed-by-peer' });
});

it.each(['destroy', 'close'] as const)('a slow server hears of the end by %s at once', async (way) => {
  const sink = await startRtmpSink({ bytesPerSecond: 100_000, acknowledges: false });
  cleanups.push(() => sink.close());
  const publisher = await openRtmpPublisher({ url: sink.url });
  const frame: FlvTag = { type: TAG_VIDEO, timestamp: 0, data: Buffer.alloc(500_000, 0x27) };
  // The kernel alone would have something to send for half a minute.
  while (publisher.backlogBytes < 1_000_000) publisher.write(frame);
  await publisher[way]();
  await eventually(() => sink.connections === 0, 15_000);
});

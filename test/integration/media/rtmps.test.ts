import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type LookupFunction, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type FlvTag, isMedia } from '../../../src/media/flv/tag.ts';
import { openRtmpPublisher, type RtmpPublisherOptions } from '../../../src/media/rtmp/publisher.ts';
import { createTrust, type Trust } from '../../../src/media/rtmp/trust.ts';
import { type Authority, type Certificate, makeAuthority, selfSigned } from '../../support/certificates.ts';
import { makeClip, parseFlv, readFlv } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import { type NginxRtmp, startNginxRtmp } from '../../support/nginx-rtmp.ts';
import { startTlsFront, type TlsFront } from '../../support/tls-front.ts';

const NAMES = ['localhost', '127.0.0.1'];
const WAIT_MS = 60_000;

let dir: string;
let nginx: NginxRtmp;
let clip: FlvTag[];
let authority: Authority;
let trust: Trust;
const cleanups: (() => Promise<unknown> | unknown)[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'roomcast-rtmps-'));
  nginx = await startNginxRtmp({ applications: [{ name: 'live', record: true }] });
  clip = parseFlv(await makeClip({ seconds: 2 }));
  authority = makeAuthority('roomcast test authority');
  await writeFile(join(dir, 'ca.pem'), authority.cert);
  trust = createTrust(join(dir, 'ca.pem'));
});

afterAll(async () => {
  await nginx?.stop();
  await rm(dir, { recursive: true, force: true });
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function front(certificate: Certificate, address?: string): Promise<TlsFront> {
  const started = await startTlsFront(nginx.port, certificate, address);
  cleanups.push(() => started.close());
  return started;
}

function open(url: string, options: Partial<RtmpPublisherOptions> = {}) {
  return openRtmpPublisher({ url, trust, connectTimeoutMs: WAIT_MS, publishTimeoutMs: WAIT_MS, ...options });
}

async function tcpServer(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
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
  return (server.address() as AddressInfo).port;
}

async function recordedMedia(key: string): Promise<FlvTag[]> {
  await eventually(
    async () => (await nginx.sessionTimes('live', key)).every((one) => one.endedAt !== null),
    WAIT_MS,
  );
  const name = await eventually(
    async () => (await readdir(nginx.recordingDir)).find((file) => file.startsWith(`${key}-`)),
    WAIT_MS,
  );
  return (await readFlv(join(nginx.recordingDir, name))).filter(isMedia);
}

describe('a publisher over TLS', () => {
  it('delivers every packet to a server whose authority is in the CA file, and ends its session in order', async () => {
    const { port, names } = await front(authority.issue({ names: NAMES }));
    const publisher = await open(`rtmps://localhost:${port}/live/good`, { mergeMs: 50 });
    for (const tag of clip) publisher.write(tag);
    await publisher.close();
    expect(await publisher.closed).toMatchObject({ code: 'done' });
    expect(await recordedMedia('good')).toEqual(clip.filter(isMedia));
    expect(names).toEqual(['localhost']);
  });

  it('asks for no name at an address, and compares the address with the certificate', async () => {
    const { port, names } = await front(authority.issue({ names: NAMES }));
    const publisher = await open(`rtmps://127.0.0.1:${port}/live/address`);
    await publisher.close();
    expect(names).toEqual([false]);
  });

  it('is acknowledged and tells its ports as over TCP', async () => {
    const { port } = await front(authority.issue({ names: NAMES }));
    const publisher = await open(`rtmps://localhost:${port}/live/acks`, { ackEveryBytes: 20_000 });
    expect(publisher.ports?.remote).toBe(port);
    for (const tag of clip) publisher.write(tag);
    await eventually(
      () => publisher.ackedBytes !== null && publisher.writtenBytes - publisher.ackedBytes < 25_000,
      WAIT_MS,
    );
    expect(publisher.ackedBytes).toBeLessThanOrEqual(publisher.writtenBytes);
    expect(publisher.backlogBytes).toBe(0);
    await publisher.close();
  });

  it('knows how much waits for a server that reads no more', async () => {
    const { port, stall } = await front(authority.issue({ names: NAMES }));
    const publisher = await open(`rtmps://localhost:${port}/live/stalled`);
    stall();
    const bytes = Buffer.alloc(1_000_000);
    const tag: FlvTag = { type: 9, timestamp: 0, data: bytes };
    await eventually(() => {
      publisher.write(tag);
      return publisher.backlogBytes > 4 * bytes.length;
    }, WAIT_MS);
    expect(publisher.writtenBytes - publisher.sentBytes).toBe(publisher.backlogBytes);
    const handed = publisher.sentBytes;
    publisher.destroy();
    expect(await publisher.closed).toMatchObject({ code: 'done' });
    // What was thrown away then was not taken.
    expect(publisher.sentBytes).toBe(handed);
  });

  it('ends as closed by the peer when the server dies', async () => {
    const dying = await startTlsFront(nginx.port, authority.issue({ names: NAMES }));
    const publisher = await open(`rtmps://localhost:${dying.port}/live/dying`);
    await dying.close();
    expect(await publisher.closed).toMatchObject({ code: 'closed-by-peer' });
  });
});

describe('a certificate is refused, and the sentence says why', () => {
  const other = makeAuthority('somebody');
  const cases: [string, () => Certificate, RegExp][] = [
    ['expired', () => authority.issue({ names: NAMES, fromDays: -30, untilDays: -1 }), /has expired/],
    ['not valid yet', () => authority.issue({ names: NAMES, fromDays: 2 }), /not valid yet/],
    ['self-signed', () => selfSigned({ names: NAMES }), /self-signed/],
    ['of an unknown authority', () => other.issue({ names: NAMES }), /authority that is not trusted/],
    ['for another name', () => authority.issue({ names: ['live.example.com'] }), /another name/],
  ];
  for (const [what, certificate, sentence] of cases) {
    it(`when it is ${what}`, async () => {
      const { port } = await front(certificate());
      const error = await open(`rtmps://localhost:${port}/live/secret-key-1`).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({
        code: 'certificate-refused',
        message: expect.stringMatching(sentence),
        blame: 'destination',
      });
      // Node's own error quotes the certificate: it goes nowhere.
      expect((error as Error).cause).toBeUndefined();
      expect(await nginx.publishSessions('live', 'secret-key-1')).toBe(0);
    });
  }

  it('when nothing but the system vouches for the server', async () => {
    const { port } = await front(authority.issue({ names: NAMES }));
    const opening = open(`rtmps://localhost:${port}/live/k`, { trust: createTrust() });
    await expect(opening).rejects.toMatchObject({ code: 'certificate-refused' });
  });

  it('even where Node is told to accept any', async () => {
    const { port } = await front(other.issue({ names: NAMES }));
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    cleanups.push(() => delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']);
    await expect(open(`rtmps://localhost:${port}/live/k`)).rejects.toMatchObject({
      code: 'certificate-refused',
    });
  });
});

describe('TLS that does not come about is named', () => {
  it('at a server that answers in RTMP', async () => {
    const port = await tcpServer((socket) =>
      socket.write(Buffer.concat([Buffer.from([3]), Buffer.alloc(3072)])),
    );
    await expect(open(`rtmps://localhost:${port}/live/k`)).rejects.toMatchObject({ code: 'tls-failed' });
  });

  it('at nginx without TLS, in time', async () => {
    const opening = open(`rtmps://localhost:${nginx.port}/live/k`, { connectTimeoutMs: 6000 });
    await expect(opening).rejects.toMatchObject({ code: 'tls-failed' });
  });

  it('at a server that closes', async () => {
    const port = await tcpServer((socket) => socket.once('data', () => socket.end()));
    await expect(open(`rtmps://localhost:${port}/live/k`)).rejects.toMatchObject({ code: 'tls-failed' });
  });

  it('at a server that resets', async () => {
    const port = await tcpServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    await expect(open(`rtmps://localhost:${port}/live/k`)).rejects.toMatchObject({ code: 'tls-failed' });
  });

  it('and RTMP without TLS at a server with it is a failed handshake', async () => {
    const { port } = await front(authority.issue({ names: NAMES }));
    await expect(open(`rtmp://localhost:${port}/live/k`)).rejects.toMatchObject({ code: 'handshake-failed' });
  });
});

describe('a name with addresses of both families', () => {
  const both: LookupFunction = (_name, _options, callback) =>
    callback(null, [
      { address: '::1', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ]);

  it('is reached over IPv4 when nothing listens on IPv6', async () => {
    const { port } = await front(authority.issue({ names: ['both.example'] }));
    for (const url of [
      `rtmps://both.example:${port}/live/v4s`,
      `rtmp://both.example:${nginx.port}/live/v4`,
    ]) {
      await (await open(url, { lookup: both })).close();
    }
  });

  it('is reached over IPv6 when nothing listens on IPv4', async () => {
    const { port } = await front(authority.issue({ names: ['both.example'] }), '::1');
    const publisher = await open(`rtmps://both.example:${port}/live/v6s`, { lookup: both });
    await publisher.close();
  });

  it('is refused when nothing listens on either', async () => {
    const closed = await front(authority.issue({ names: ['both.example'] }));
    await closed.close();
    const opening = open(`rtmps://both.example:${closed.port}/live/k`, { lookup: both });
    await expect(opening).rejects.toMatchObject({ code: 'connection-refused' });
  });
});

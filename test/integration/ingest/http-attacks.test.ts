import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { AttackedHub } from '../../support/attacked-hub.ts';
import { eventually } from '../../support/eventually.ts';
import { watchFlv } from '../../support/flv-watch.ts';
import { APP_ID } from '../../support/hub-rig.ts';
import { RawRtmp } from '../../support/raw-rtmp.ts';

const MB = 1024 * 1024;

let hub: AttackedHub;

beforeAll(async () => {
  hub = await AttackedHub.open();
}, 90_000);
afterAll(() => hub.close());

async function openHttp(): Promise<Socket> {
  const socket = connect(hub.httpPort, '127.0.0.1');
  socket.on('error', () => undefined); // being cut off is what most attacks end with
  await once(socket, 'connect');
  return socket;
}

/** Unlike once(socket, 'close') it does not mind a reset before. */
function closing(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}

/** What the HTTP server answers to these bytes before it closes. */
async function answerTo(bytes: string | Buffer): Promise<string> {
  const socket = await openHttp();
  let answer = '';
  socket.on('data', (data) => {
    answer += data.toString('latin1').slice(0, 1000);
  });
  const closed = closing(socket);
  socket.write(bytes);
  await closed;
  return answer;
}

describe('HTTP', () => {
  afterEach(() => hub.expectUnharmed());

  test.each([
    ['noise', `${'\x01\x02\x03\xff'.repeat(1000)}\r\n\r\n`, '400'],
    ['a negative length', 'POST /live/x HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', '400'],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      '400',
    ],
    [
      'a path to elsewhere',
      'GET /live/..%2f..%2fetc%2fpasswd.flv HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      '404',
    ],
    [
      '8 KB of path',
      `GET /live/${'x'.repeat(8000)}.flv HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      '4',
    ],
    ['a broken escape', 'GET /live/%zz.flv HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', '400'],
    [
      'an upgrade to elsewhere',
      'GET /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      '404',
    ],
    [
      'an upgrade to nothing known',
      `GET /live/${APP_ID}_1_x_main.flv HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`,
      '404',
    ],
  ])('with %s is refused', async (_what, request, status) => {
    expect(await answerTo(request)).toMatch(new RegExp(`^HTTP/1.1 ${status}`));
  });

  test('with 64 KB of headers is refused', async () => {
    // What the server did not read makes its close a reset, which may overtake the answer.
    const answer = await answerTo(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(65_536)}\r\n\r\n`);
    expect(answer).toMatch(/^(HTTP\/1.1 431|$)/);
  });

  test('with 10 MB of body is refused', async () => {
    const response = await fetch(`http://127.0.0.1:${hub.httpPort}/live/x.flv`, {
      method: 'POST',
      body: Buffer.alloc(10 * MB),
    }).catch(() => null);
    expect(response?.status ?? 404).toBeGreaterThanOrEqual(400);
  });

  test('with ten thousand requests at once is answered', async () => {
    const one = 'GET /live/nobody.flv HTTP/1.1\r\nHost: x\r\n\r\n';
    const answer = await answerTo(
      `${one.repeat(10_000)}${one.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')}`,
    );
    expect(answer).toContain('404');
  });
});

// The bounds are 5 s for a handshake, 10 s for a request, 15 s for a viewer: these wait for them side by side.
describe('those who only wait', () => {
  test('are let go one by one, and the room does not notice', async () => {
    const waits: Promise<unknown>[] = [];
    const until = (closed: Promise<unknown>) => waits.push(closed);

    const half = await RawRtmp.open(hub.rtmpPort);
    half.send(Buffer.concat([Buffer.from([3]), Buffer.alloc(700)]));
    until(half.closed);
    until((await RawRtmp.shakeHands(hub.rtmpPort)).closed);
    until((await RawRtmp.connected(hub.rtmpPort)).closed);
    until((await hub.publishing('sleeper')).closed);
    for (let i = 0; i < 1000; i += 1) until((await RawRtmp.open(hub.rtmpPort)).closed);

    const slow = await openHttp();
    slow.write('GET /live/x.flv HTTP/1.1\r\nHost: x\r\n');
    until(closing(slow.resume()));
    for (let i = 0; i < 1000; i += 1) until(closing((await openHttp()).resume()));
    await hub.expectUnharmed();
    // Idle connections of the same address are in nobody's way.
    (await hub.publishing('newcomer')).destroy();
    await Promise.all(waits);
    await hub.expectUnharmed();
  }, 60_000);

  // A minute at 5 Mbit/s in the field; the bound is 15 s, so some 20 s show it.
  test('instead of reading their 5 Mbit/s are closed, over RTMP, HTTP and WebSocket', async () => {
    const startedAt = Date.now();
    const path = hub.livePath;
    const viewers = await Promise.all([hub.playing(), hub.playing(), hub.playing()]);
    for (const viewer of viewers) viewer.socket.pause();
    const http = Array.from({ length: 3 }, () => watchFlv(`http://127.0.0.1:${hub.httpPort}${path}`));
    await eventually(() => http.every((viewer) => viewer.tags.length > 0));
    for (const viewer of http) viewer.pause();
    const web = new WebSocket(`ws://127.0.0.1:${hub.httpPort}${path}`);
    web.on('error', () => undefined); // the server cuts it off
    await once(web, 'open');
    web.pause();
    await eventually(() => hub.viewers === viewers.length + http.length + 1);
    await eventually(() => hub.viewers === 0, 45_000, 500);
    expect(Date.now() - startedAt).toBeGreaterThan(14_000);
    await hub.expectUnharmed();
    for (const viewer of viewers) viewer.destroy();
    for (const viewer of http) viewer.close();
    web.terminate();
  }, 90_000);
});

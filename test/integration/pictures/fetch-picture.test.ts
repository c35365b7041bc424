import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GatewayError } from '../../../src/domain/errors.ts';
import { createAddressPolicy } from '../../../src/media/pictures/address-policy.ts';
import { fetchPicture, MAX_PICTURE_BYTES } from '../../../src/media/pictures/fetch-picture.ts';
import { type PictureServer, startPictureServer, startSecurePictures } from '../../support/picture-server.ts';

const HERE = createAddressPolicy(['127.0.0.0/8']);
const BYTES = Buffer.from('any bytes');

let server: PictureServer;
let ending: AbortController;

beforeEach(async () => {
  server = await startPictureServer();
  ending = new AbortController();
});

afterEach(async () => {
  ending.abort();
  await server.close();
});

interface Limits {
  readonly tryMs?: number;
  readonly policy?: typeof HERE;
}

const get = (url: string, { tryMs = 5000, policy = HERE }: Limits = {}) =>
  fetchPicture(url, { policy, signal: ending.signal, tryMs, pauseMs: 10 });

async function failureOf(url: string, limits?: Limits): Promise<string> {
  const error = await get(url, limits).then(
    () => new Error('it was fetched'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof GatewayError)) throw error;
  return `${error.code}: ${error.message}`;
}

test('the bytes come as they are, asked for without compression and without any sign of who asks', async () => {
  const url = server.serve('/a.png', (response) => {
    response.end(JSON.stringify(response.req.headers));
  });
  const headers = JSON.parse((await get(url)).toString());
  expect(headers['accept-encoding']).toBe('identity');
  expect(headers).not.toHaveProperty('cookie');
  expect(headers).not.toHaveProperty('authorization');
});

test('what can get better is tried three times, what cannot once', async () => {
  const twice = server.serve('/twice', (response, requests) =>
    response.writeHead(requests < 3 ? 503 : 200).end(BYTES),
  );
  expect(await get(twice)).toEqual(BYTES);
  const busy = server.serve('/busy', (response) => response.writeHead(503).end());
  expect(await failureOf(busy)).toBe('unreachable: the server answers 503');
  expect(server.requests('/busy')).toBe(3);
  const reset = server.serve('/reset', (response) => response.destroy());
  expect(await failureOf(reset)).toBe('unreachable: no answer (ECONNRESET)');
  expect(server.requests('/reset')).toBe(3);
  const missing = server.serve('/missing', (response) => response.writeHead(404).end());
  expect(await failureOf(missing)).toBe('unreachable: the server answers 404');
  expect(server.requests('/missing')).toBe(1);
});

test('an answer that is cut in the middle is not taken for whole', async () => {
  const url = server.serve('/cut', (response) => {
    response.writeHead(200, { 'content-length': 1000 });
    response.write(BYTES, () => response.destroy());
  });
  expect(await failureOf(url)).toMatch(/^unreachable/);
  expect(server.requests('/cut')).toBe(3);
});

test('more than 5 MB is refused by its length, and while it comes', async () => {
  const told = server.serve('/told', (response) => {
    response.writeHead(200, { 'content-length': MAX_PICTURE_BYTES + 1 });
    response.write(BYTES);
  });
  expect(await failureOf(told)).toBe('too-large: larger than 5 MB');
  let sent = 0;
  const endless = server.serve('/endless', (response) => {
    const more = (): void => {
      sent += 65_536;
      response.write(Buffer.alloc(65_536), (error) => {
        if (!error) more();
      });
    };
    more();
  });
  expect(await failureOf(endless)).toBe('too-large: larger than 5 MB');
  expect(server.requests('/endless')).toBe(1);
  expect(sent).toBeLessThan(MAX_PICTURE_BYTES * 4);
  const just = server.serve('/just', Buffer.alloc(MAX_PICTURE_BYTES));
  expect((await get(just)).length).toBe(MAX_PICTURE_BYTES);
});

test('what is compressed all the same is not unpacked', async () => {
  const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024));
  const url = server.serve('/bomb', (response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
  });
  expect(await failureOf(url)).toMatch(/^bad-media: it comes compressed/);
});

test('a server that only keeps us busy, by tiny pieces or by hints, is left at once', async () => {
  const pieces = server.serve('/pieces', ({ socket }) => {
    socket?.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
    socket?.write('1\r\nx\r\n'.repeat(100_000));
  });
  expect(await failureOf(pieces)).toBe('bad-media: it comes in too many small pieces');
  const hints = server.serve('/hints', ({ socket }) => {
    socket?.write('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100));
  });
  expect(await failureOf(hints)).toBe('bad-media: no answer but hints');
  expect([server.requests('/pieces'), server.requests('/hints')]).toEqual([1, 1]);
});

test('a server that hangs or drips is left when the time of the try is over', async () => {
  const silent = server.serve('/silent', () => undefined);
  const began = performance.now();
  expect(await failureOf(silent, { tryMs: 200 })).toBe('timeout: not here in time');
  expect(server.requests('/silent')).toBe(3);
  const drip = server.serve('/drip', (response) => {
    const timer = setInterval(() => response.write('.'), 20);
    response.once('close', () => clearInterval(timer));
  });
  expect(await failureOf(drip, { tryMs: 200 })).toBe('timeout: not here in time');
  expect(performance.now() - began).toBeLessThan(5000);
});

test('three redirects are followed, each is checked, and a fourth is not', async () => {
  const end = server.serve('/end', BYTES);
  const to = (location: string, status = 302) =>
    server.serve(`/to-${location.replace(/\W/g, '')}`, (response) => {
      response.writeHead(status, { location }).end();
    });
  const third = to(end, 308);
  const second = to(new URL(third).pathname, 301);
  const first = to(second);
  expect(await get(first)).toEqual(BYTES);
  expect(await failureOf(to(first))).toBe('unreachable: more than 3 redirects');
  expect(await failureOf(to('http://169.254.169.254/latest'))).toMatch(/^forbidden/);
  expect(await failureOf(to('http://[::1]:1/'))).toMatch(/^forbidden/);
  expect(await failureOf(to('file:///etc/passwd'))).toMatch(/^bad-request/);
  expect(await failureOf(to('http://user:pw@example.com/'))).toMatch(/^bad-request/);
});

test('a name is judged by the addresses it has: nothing is sent to a local one', async () => {
  const { port } = new URL(server.serve('/a.png', BYTES));
  const nobody = createAddressPolicy([]);
  for (const host of ['localhost', 'LOCALHOST']) {
    expect(await failureOf(`http://${host}:${port}/a.png`, { policy: nobody })).toMatch(/^forbidden/);
  }
  // Not every resolver knows it by this name.
  expect(await failureOf(`http://localhost.:${port}/a.png`, { policy: nobody })).toMatch(
    /^forbidden|ENOTFOUND|EAI_AGAIN/,
  );
  expect(server.requests('/a.png')).toBe(0);
  // Of a name's addresses only the allowed are used.
  expect(await get(`http://localhost:${port}/a.png`)).toEqual(BYTES);
});

test('proxies of the environment are not used', async () => {
  const url = server.serve('/a.png', BYTES);
  process.env['http_proxy'] = 'http://127.0.0.1:9';
  process.env['HTTP_PROXY'] = 'http://127.0.0.1:9';
  try {
    expect(await get(url)).toEqual(BYTES);
  } finally {
    delete process.env['http_proxy'];
    delete process.env['HTTP_PROXY'];
  }
});

test('over HTTPS a certificate that nobody vouches for is refused, and not tried again', async () => {
  const secure = await startSecurePictures(BYTES);
  try {
    expect(await failureOf(`${secure.url}/a.png`)).toBe(
      'unreachable: no answer (DEPTH_ZERO_SELF_SIGNED_CERT)',
    );
    expect([secure.connections, secure.requests]).toEqual([1, 0]);
  } finally {
    await secure.close();
  }
});

test('ending it ends a fetch at once, also between two tries', async () => {
  const silent = server.serve('/silent', () => undefined);
  const fetching = failureOf(silent, { tryMs: 60_000 });
  ending.abort();
  await fetching;
  ending = new AbortController();
  const busy = server.serve('/busy', (response) => response.writeHead(503).end());
  const waiting = fetchPicture(busy, { policy: HERE, signal: ending.signal, pauseMs: 60_000 });
  setTimeout(() => ending.abort(), 100);
  await expect(waiting).rejects.toThrow();
  expect(server.requests('/busy')).toBe(1);
});

import { pino } from 'pino';
import { expect, it } from 'vitest';
import { createHttpServer } from '../../../src/api/http-server.ts';
import { registerFlvRoutes } from '../../../src/api/playback/flv.ts';
import { registerHlsRoutes } from '../../../src/api/playback/hls.ts';
import { createHlsStore } from '../../../src/api/playback/hls-store.ts';
import { GatewayError } from '../../../src/domain/errors.ts';

function openServer() {
  const logged: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) });
  const app = createHttpServer({ log });
  return { app, log, logged };
}

it.each([
  ['GET', '/nowhere?ticket=s3cret', 404, 'not-found'],
  ['GET', '/%E0%A4%A?ticket=s3cret', 400, 'bad-request'],
  ['GET', `/taken/${'x'.repeat(600)}?ticket=s3cret`, 400, 'bad-request'],
  ['POST', '/taken/one?ticket=s3cret', 400, 'bad-request'],
] as const)(
  '%s %s is refused in the one form of errors, its query in neither answer nor log',
  async (method, url, status, code) => {
    const { app, logged } = openServer();
    app.all('/taken/:name', () => 'never');
    const headers = { 'content-type': 'application/json' };
    const payload = method === 'POST' ? '{half' : '';
    const answer = await app.inject({ method, url, ...(payload === '' ? {} : { headers, payload }) });
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toEqual({ error: { code, message: expect.any(String) } });
    expect(answer.body + logged.join('')).not.toContain('s3cret');
  },
);

it('tells nothing of an unexpected failure but the request under which the log tells more', async () => {
  const { app, logged } = openServer();
  app.get('/broken', () => {
    throw new Error('the inside of it');
  });
  const answer = await app.inject('/broken');
  expect(answer.statusCode).toBe(500);
  expect(answer.body).not.toContain('inside');
  const line = logged.map((text) => JSON.parse(text)).find(({ level }) => level === 50);
  expect(line?.err.message).toBe('the inside of it');
  expect(answer.json().error.message).toContain(line?.reqId);
});

it('lets pages of other origins play, refusals included, and read nothing else', async () => {
  const { app, log } = openServer();
  const refuse = (): never => {
    throw new GatewayError('ticket-invalid', 'the ticket is not ours');
  };
  const hub = { authorisePlay: refuse, subscribeFlv: refuse, subscribeWorker: refuse };
  const store = createHlsStore({ log });
  registerFlvRoutes(app, { hub });
  registerHlsRoutes(app, {
    store,
    markWanted: () => Promise.resolve(),
    authorisePlay: async (stream) => (stream === 'open' ? stream : refuse()),
    verifyWorker: refuse,
    firstSegmentMs: 1,
  });
  app.get('/api/v1/rooms', () => []);
  const originOf = async (url: string) => {
    const { headers, statusCode } = await app.inject({ url, headers: { origin: 'http://page.example' } });
    return [statusCode, headers['access-control-allow-origin']];
  };
  expect(await originOf('/live/a.flv')).toEqual([403, '*']);
  expect(await originOf('/hls/a/index.m3u8')).toEqual([403, '*']);
  expect(await originOf('/hls/open/index.m3u8')).toEqual([503, '*']);
  expect(await originOf('/hls/open/../../apps.json')).toEqual([404, undefined]);
  expect(await originOf('/hls/open/..%2F..%2Fapps.json')).toEqual([404, '*']);
  expect(await originOf('/internal/flv/a')).toEqual([403, undefined]);
  expect(await originOf('/api/v1/rooms')).toEqual([200, undefined]);
  store.close();
});

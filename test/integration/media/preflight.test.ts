import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { checkDestination } from '../../../src/media/push/preflight.ts';
import { selfSigned } from '../../support/certificates.ts';
import { eventually } from '../../support/eventually.ts';
import { type NginxRtmp, startNginxRtmp } from '../../support/nginx-rtmp.ts';
import { startTlsFront } from '../../support/tls-front.ts';

const WAIT_MS = 60_000;
const KEY = 'secret-key-1';

let nginx: NginxRtmp;
const sockets = new Set<Socket>();
const cleanups: (() => Promise<unknown> | unknown)[] = [];

beforeAll(async () => {
  nginx = await startNginxRtmp({ applications: ['live', { name: 'closed', refuse: true }] });
});

afterAll(async () => {
  await nginx?.stop();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A server that takes connections and says nothing. */
async function silentPort(): Promise<number> {
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

describe('a trial of a destination', () => {
  it('passes every step at a good server and leaves no publisher behind', async () => {
    const check = await checkDestination(nginx.rtmpUrl('live', KEY));
    expect(check).toMatchObject({ ok: true, error: null });
    expect(check.steps.map(({ step, ok }) => [step, ok])).toEqual([
      ['name', true],
      ['tcp', true],
      ['handshake', true],
      ['connect', true],
      ['publish', true],
    ]);
    expect(check.steps.every(({ ms }) => Number.isInteger(ms) && ms >= 0)).toBe(true);
    const [session] = await eventually(async () => {
      const sessions = await nginx.sessionTimes('live', KEY);
      return sessions[0]?.endedAt ? sessions : null;
    }, WAIT_MS);
    expect(session).toMatchObject({ key: KEY });
    expect(await nginx.livePublishers()).toBe(0);
  });

  const failures: [string, () => Promise<string> | string, string | null, string][] = [
    ['a name that nobody has', () => `rtmp://no-such-host.invalid/live/${KEY}`, 'name', 'name-not-found'],
    ['an application that is missing', () => nginx.rtmpUrl('nowhere', KEY), 'connect', 'app-refused'],
    ['a key that is refused', () => nginx.rtmpUrl('closed', KEY), 'publish', 'key-refused'],
    ['a URL that is none', () => `http://host/live/${KEY}`, null, 'bad-request'],
    [
      'a certificate that is self-signed',
      async () => {
        const front = await startTlsFront(nginx.port, selfSigned({ names: ['localhost'] }));
        cleanups.push(() => front.close());
        return `rtmps://localhost:${front.port}/live/${KEY}`;
      },
      'tls',
      'certificate-refused',
    ],
  ];
  for (const [what, url, step, code] of failures) {
    it(`says where it ends at ${what}, and what to do`, async () => {
      const check = await checkDestination(await url());
      expect(check.ok).toBe(false);
      expect(check.error).toMatchObject({
        code,
        message: expect.stringMatching(/.{10}/),
        advice: expect.stringMatching(/.{20}/),
      });
      expect(check.steps.at(-1)?.step ?? null).toBe(step);
      expect(check.steps.map(({ ok }) => ok)).toEqual(
        check.steps.map((_one, index) => index < check.steps.length - 1),
      );
      expect(JSON.stringify(check)).not.toContain(KEY);
    });
  }

  it('ends at its deadline as a timeout, its connection closed', async () => {
    const url = `rtmp://127.0.0.1:${await silentPort()}/live/${KEY}`;
    const check = await checkDestination(url, { deadlineMs: 4000 });
    expect(check.error?.code).toBe('timeout');
    expect(check.steps.at(-1)).toMatchObject({ step: 'handshake', ok: false });
    await eventually(() => sockets.size === 0, WAIT_MS);
  });

  it('ends when it is given up, its connection closed', async () => {
    const url = `rtmp://127.0.0.1:${await silentPort()}/live/${KEY}`;
    const controller = new AbortController();
    const checking = checkDestination(url, { signal: controller.signal });
    await eventually(() => sockets.size === 1, WAIT_MS);
    controller.abort();
    expect((await checking).error?.code).toBe('fenced');
    await eventually(() => sockets.size === 0, WAIT_MS);
  });
});

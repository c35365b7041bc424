import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { checkDestination } from '../../../src/media/push/preflight.ts';
import { openRtmpPublisher } from '../../../src/media/rtmp/publisher.ts';
import { createTrust } from '../../../src/media/rtmp/trust.ts';
import { type Authority, makeAuthority } from '../../support/certificates.ts';
import { makeClip } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import { type NginxRtmp, startNginxRtmp } from '../../support/nginx-rtmp.ts';
import {
  adobeLogin,
  llnwLogin,
  type RtmpHost,
  type RtmpHostOptions,
  startRtmpHost,
} from '../../support/rtmp-host.ts';
import { startTlsFront } from '../../support/tls-front.ts';

const WAIT_MS = 60_000;
const PASSWORD = 'p@ss/w:rd+1';
const LOGIN = `cam:${encodeURIComponent(PASSWORD)}@`;

const run = promisify(execFile);

let nginx: NginxRtmp;
const cleanups: (() => Promise<unknown> | unknown)[] = [];

beforeAll(async () => {
  nginx = await startNginxRtmp({ applications: ['live'] });
});

afterAll(async () => {
  await nginx?.stop();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function host(answer: RtmpHostOptions['answer'], refuseBy?: '_error' | 'onStatus'): Promise<RtmpHost> {
  const started = await startRtmpHost({ answer, ...(refuseBy ? { refuseBy } : {}) });
  cleanups.push(() => started.close());
  return started;
}

function open(url: string) {
  return openRtmpPublisher({ url, connectTimeoutMs: WAIT_MS, publishTimeoutMs: WAIT_MS });
}

async function errorOf(opening: Promise<unknown>): Promise<{ code?: string; message?: string }> {
  return opening.then(
    () => ({}),
    (error: { code?: string; message?: string }) => error,
  );
}

describe('a server that wants a login', () => {
  for (const [scheme, login] of [
    ['adobe', adobeLogin],
    ['llnw', llnwLogin],
  ] as const) {
    it(`is given the one in the URL by ${scheme}, and never the password`, async () => {
      const server = await host(login('cam', PASSWORD));
      const publisher = await open(`rtmp://${LOGIN}127.0.0.1:${server.port}/app/key-1`);
      await publisher.close();
      expect(server.keys).toEqual(['key-1']);
      expect(server.apps.map((app) => app.replace(/&.*/, ''))).toEqual([
        'app',
        `app?authmod=${scheme}`,
        `app?authmod=${scheme}`,
      ]);
      expect(server.apps.join()).not.toContain(PASSWORD);
      await eventually(() => server.connections === 0, WAIT_MS);
    });

    it(`refuses a wrong password by ${scheme} as login-refused`, async () => {
      const server = await host(login('cam', PASSWORD));
      const error = await errorOf(open(`rtmp://cam:wrong-5f3a@127.0.0.1:${server.port}/app/key-1`));
      expect(error).toMatchObject({ code: 'login-refused', retry: 'never' });
      expect(JSON.stringify([error, error.message])).not.toMatch(/5f3a|key-1|cam/);
      expect(server.apps).toHaveLength(3);
    });
  }

  it('is told nothing when the URL has none, and the sentence says how to give one', async () => {
    const server = await host(adobeLogin('cam', PASSWORD));
    const check = await checkDestination(`rtmp://127.0.0.1:${server.port}/app/key-1`);
    expect(check.error).toMatchObject({
      code: 'login-refused',
      message: expect.stringContaining('rtmp://USER:PASSWORD@HOST'),
    });
    expect(check.steps.at(-1)).toMatchObject({ step: 'connect', ok: false });
    expect(server.apps).toEqual(['app']);
  });

  for (const [scheme, login] of [
    ['adobe', adobeLogin],
    ['llnw', llnwLogin],
  ] as const) {
    it(`by ${scheme} is the same server for FFmpeg: both sides hold to what others do`, async () => {
      const server = await host(login('cam', 'plain-1'));
      const dir = await mkdtemp(path.join(tmpdir(), 'roomcast-login-'));
      cleanups.push(() => rm(dir, { recursive: true }));
      const clip = path.join(dir, 'clip.flv');
      await writeFile(clip, await makeClip({ seconds: 1 }));
      const url = `rtmp://cam:plain-1@127.0.0.1:${server.port}/app/key-1`;
      await run('ffmpeg', ['-v', 'error', '-i', clip, '-c', 'copy', '-f', 'flv', url]);
      expect(server.keys).toEqual(['key-1']);
      expect(server.apps.at(-1)).toContain(`authmod=${scheme}&user=cam&`);
      await eventually(() => server.pictures > 10, WAIT_MS);
    });
  }

  it('may ask without end: the same question is answered once', async () => {
    const server = await host(() => ({
      description: '[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&salt=a&challenge=b',
    }));
    const error = await errorOf(open(`rtmp://${LOGIN}127.0.0.1:${server.port}/app/key-1`));
    expect(error.code).toBe('login-refused');
    expect(server.apps).toHaveLength(2);
  });
});

describe('a server that redirects', () => {
  for (const refuseBy of ['_error', 'onStatus'] as const) {
    it(`by ${refuseBy} is followed to where it says, with our key`, async () => {
      const first = await host(() => ({ redirect: `rtmp://127.0.0.1:${nginx.port}/live` }), refuseBy);
      const publisher = await open(`rtmp://127.0.0.1:${first.port}/elsewhere/moved-${refuseBy}`);
      await publisher.close();
      expect(await nginx.publishSessions('live', `moved-${refuseBy}`)).toBe(1);
      expect(first.keys).toEqual([]);
    });
  }

  it('is followed when it names the stream too', async () => {
    const first = await host(() => ({ redirect: `rtmp://127.0.0.1:${nginx.port}/live/named` }));
    await (await open(`rtmp://127.0.0.1:${first.port}/live/named?token=1`)).close();
    expect(await nginx.publishSessions('live', 'named')).toBe(1);
  });

  it('is followed to one that wants the login', async () => {
    const second = await host(adobeLogin('cam', PASSWORD));
    const first = await host(() => ({ redirect: `rtmp://127.0.0.1:${second.port}/app` }));
    await (await open(`rtmp://${LOGIN}127.0.0.1:${first.port}/app/key-1`)).close();
    expect(second.keys).toEqual(['key-1']);
    expect(first.apps).toEqual(['app']);
  });

  it('is followed five times and no more', async () => {
    let next = `rtmp://127.0.0.1:${nginx.port}/live`;
    for (let hop = 0; hop < 5; hop += 1) {
      const to = next;
      next = `rtmp://127.0.0.1:${(await host(() => ({ redirect: to }))).port}/live`;
    }
    await (await open(`${next}/five`)).close();
    expect(await nginx.publishSessions('live', 'five')).toBe(1);
    const sixth = await host(() => ({ redirect: next }));
    const error = await errorOf(open(`rtmp://127.0.0.1:${sixth.port}/live/six`));
    expect(error).toMatchObject({
      code: 'app-refused',
      message: expect.stringContaining('more than 5 times'),
    });
    expect(await nginx.publishSessions('live', 'six')).toBe(0);
  });

  it('in a circle is named so', async () => {
    const servers: RtmpHost[] = [];
    const to = (index: number) => () => ({ redirect: `rtmp://127.0.0.1:${servers[index]?.port}/live` });
    servers.push(await host(to(1)), await host(to(0)));
    const error = await errorOf(open(`rtmp://127.0.0.1:${servers[0]?.port}/live/k`));
    expect(error).toMatchObject({ code: 'app-refused', message: expect.stringContaining('circle') });
    expect(servers.map((server) => server.apps.length)).toEqual([1, 1]);
  });

  it.each(['http://127.0.0.1/live', 'rtmp://', 'rtmp://127.0.0.1:99999/live', 'x'.repeat(3000)])(
    'to %.30s is refused without repeating it',
    async (redirect) => {
      const server = await host(() => ({ redirect }));
      const error = await errorOf(open(`rtmp://127.0.0.1:${server.port}/live/k`));
      expect(error).toMatchObject({
        code: 'app-refused',
        message: expect.stringContaining('no RTMP address'),
      });
      expect(JSON.stringify([error, error.message])).not.toContain(redirect);
    },
  );

  it('is followed from TLS to TLS, and not to a place without it', async () => {
    const authority: Authority = makeAuthority('roomcast test authority');
    const dir = await mkdtemp(path.join(tmpdir(), 'roomcast-routes-'));
    cleanups.push(() => rm(dir, { recursive: true }));
    await writeFile(path.join(dir, 'ca.pem'), authority.cert);
    const trust = createTrust(path.join(dir, 'ca.pem'));
    const certificate = authority.issue({ names: ['localhost'] });
    const front = async (port: number) => {
      const started = await startTlsFront(port, certificate);
      cleanups.push(() => started.close());
      return started.port;
    };
    const target = await front(nginx.port);
    for (const [redirect, code] of [
      [`rtmps://localhost:${target}/live`, null],
      [`rtmp://localhost:${nginx.port}/live`, 'app-refused'],
    ] as const) {
      const port = await front((await host(() => ({ redirect }))).port);
      const check = await checkDestination(`rtmps://localhost:${port}/live/tls`, {
        trust,
        deadlineMs: WAIT_MS,
      });
      expect(check.error?.code ?? null).toBe(code);
    }
    expect(await nginx.publishSessions('live', 'tls')).toBe(1);
  });
});

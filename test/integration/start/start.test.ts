import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { descendants, findDescendant, survivors } from '../../support/process-tree.ts';
import {
  makeTestDir,
  type RunningRoomcast,
  runCli,
  type StartOptions,
  startRoomcast,
  testEnv,
} from '../../support/roomcast.ts';

const END_WITHIN_MS = 10_000;
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(options?: StartOptions): Promise<RunningRoomcast> {
  const roomcast = await startRoomcast(options);
  cleanups.push(() => roomcast.stop());
  return roomcast;
}

const readyz = async (roomcast: RunningRoomcast) => {
  const answer = await fetch(`${roomcast.http}/readyz`);
  return { status: answer.status, body: (await answer.json()) as Record<string, boolean> };
};

const untilReady = (roomcast: RunningRoomcast) =>
  eventually(async () => (await readyz(roomcast)).status === 200);

describe('roomcast start', () => {
  it('says ready when Redis, hub, HTTP and its worker are, and run.json says the same', async () => {
    const roomcast = await start();
    expect(roomcast.http).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(roomcast.rtmp).toMatch(/^rtmp:\/\/127\.0\.0\.1:\d+$/);
    expect(await readyz(roomcast)).toEqual({
      status: 200,
      body: { ready: true, redis: true, hub: true, http: true, worker: true },
    });
    expect((await fetch(`${roomcast.http}/healthz`)).status).toBe(200);
    const run = JSON.parse(await readFile(path.join(roomcast.dataDir, 'run.json'), 'utf8')) as unknown;
    expect(run).toEqual({
      ready: true,
      http: roomcast.http,
      rtmp: roomcast.rtmp,
      localHttp: roomcast.http,
      pid: roomcast.pid,
    });
  });

  it('makes apps.json for its owner alone and says once how to publish', async () => {
    const roomcast = await start();
    const file = path.join(roomcast.dataDir, 'apps.json');
    const text = await readFile(file, 'utf8');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(roomcast.logs()).toMatch(
      /Server: +rtmp:\/\/127\.0\.0\.1:\d+\/push\n +Stream Key: +1001\?sdkappid=/,
    );
    expect(roomcast.logs()).not.toContain(roomcast.app.secretKey);
    await roomcast.stop();
    const again = await start({ dataDir: roomcast.dataDir });
    expect(await readFile(file, 'utf8')).toBe(text);
    expect(again.logs()).not.toContain('Stream Key');
  });

  it('refuses a second start on its data dir and says who holds it', async () => {
    const roomcast = await start();
    const second = await runCli(['start', '--json'], testEnv(roomcast.dataDir));
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`in use by process ${roomcast.pid}`);
    expect(second.stdout).toBe('');
    expect((await readyz(roomcast)).status).toBe(200);
  });

  it('ends with 0 in 10 s after SIGTERM, with nothing left but its data', async () => {
    const roomcast = await start();
    const all = descendants(roomcast.pid);
    expect(all.length).toBeGreaterThanOrEqual(4);
    const began = Date.now();
    expect(await roomcast.stop()).toBe(0);
    expect(Date.now() - began).toBeLessThan(END_WITHIN_MS);
    expect(survivors(all)).toEqual([]);
    await expect(stat(path.join(roomcast.dataDir, 'run.json'))).rejects.toThrow(/ENOENT/);
  });

  it('can be started again the moment its supervisor was killed: the new waits for the old to end', async () => {
    const roomcast = await start();
    const relay = await roomcast.cli([
      'relay',
      'start',
      '--room',
      '5',
      '--to',
      'rtmp://127.0.0.1:1/live/x',
      '--json',
    ]);
    const { taskId } = JSON.parse(relay.stdout) as { taskId: string };
    const old = descendants(roomcast.pid);
    await roomcast.kill();
    const again = await start({ dataDir: roomcast.dataDir });
    expect(survivors(old)).toEqual([]);
    const listed = await again.cli(['relay', 'list', '--json']);
    expect(JSON.parse(listed.stdout)).toMatchObject([{ taskId }]);
  });

  it('leaves no process when its supervisor is killed with SIGKILL, and starts again on that data dir', async () => {
    const roomcast = await start();
    const all = descendants(roomcast.pid);
    await roomcast.kill();
    await eventually(() => survivors(all).length === 0, END_WITHIN_MS);
    await untilReady(await start({ dataDir: roomcast.dataDir }));
  });

  it.each([0, 150, 300, 450])(
    'ends in order when asked %i ms after its start, leaving nothing',
    async (afterMs) => {
      const dataDir = await makeTestDir('data');
      const early = await runCli(['start', '--json'], testEnv(dataDir), { terminateAfterMs: afterMs });
      expect([0, null]).toContain(early.code);
      await start({ dataDir });
    },
  );

  it.each([
    ['gateway', /main\.js gateway/],
    ['worker', /main\.js worker/],
    ['redis', /redis-server/],
  ])('starts its %s again when that is killed with SIGKILL, on the same ports', async (_name, command) => {
    const roomcast = await start();
    const before = findDescendant(roomcast.pid, command);
    process.kill(before.pid, 'SIGKILL');
    await eventually(() => survivors([before]).length === 0);
    await eventually(() => findDescendant(roomcast.pid, command).pid !== before.pid);
    await untilReady(roomcast);
    expect(survivors([before])).toEqual([]);
  });

  it('is not ready while its worker is away, and says so', async () => {
    const roomcast = await start();
    process.kill(findDescendant(roomcast.pid, /main\.js worker/).pid, 'SIGKILL');
    const away = await eventually(async () => {
      const now = await readyz(roomcast);
      return now.status === 503 ? now : null;
    });
    expect(away.body).toEqual({ ready: false, redis: true, hub: true, http: true, worker: false });
    await untilReady(roomcast);
  });

  it.each(['ROOMCAST_HTTP_PORT', 'ROOMCAST_RTMP_PORT'])(
    'says in one sentence that the port of %s is in use',
    async (name) => {
      const holder = createServer().listen(0, '127.0.0.1');
      cleanups.push(() => new Promise((resolve) => holder.close(resolve)));
      const address = await eventually(() => holder.address());
      if (typeof address === 'string') throw new Error('not a TCP address');
      const env = testEnv(await makeTestDir('data'), { [name]: String(address.port) });
      const result = await runCli(['start', '--json'], env);
      expect(result.code).toBe(1);
      expect(result.stderr).toContain(
        `port ${address.port} is in use by another program: stop it or set ${name}`,
      );
      expect(result.stderr).not.toMatch(/^\s+at /m);
    },
  );

  it('refuses settings it does not understand with 2 and all of them in one block', async () => {
    const env = testEnv(await makeTestDir('data'), { ROOMCAST_HTTP_PORT: 'x', ROOMCAST_NO_SUCH: '1' });
    const result = await runCli(['start'], env);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('ROOMCAST_HTTP_PORT');
    expect(result.stderr).toContain('ROOMCAST_NO_SUCH');
  });
});

describe('the roles apart', () => {
  it.each(['gateway', 'worker'])('%s asks for a Redis with exit code 2', async (role) => {
    const result = await runCli([role], testEnv(await makeTestDir('data')));
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('ROOMCAST_REDIS_URL');
  });
});

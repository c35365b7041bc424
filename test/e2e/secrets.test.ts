import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freeLoopbackPort } from '../../src/supervisor/loopback.ts';
import { eventually } from '../support/eventually.ts';
import { type NginxRtmp, startNginxRtmp } from '../support/nginx-rtmp.ts';
import { findDescendant } from '../support/process-tree.ts';
import { type RunningRoomcast, startRoomcast } from '../support/roomcast.ts';
import {
  connectToEmbeddedRedis,
  type SecretSearch,
  searchCommands,
  searchFiles,
  searchFor,
  searchProcesses,
  searchRedis,
} from '../support/secret-search.ts';
import { GUESTS, type ListedRelay, Studio } from '../support/studio.ts';

const ROOM = 13;
const MAX_LOG_BYTES = 4 * 1024 * 1024;

const secret = () => randomBytes(12).toString('hex');
const SECRETS = {
  key: secret(),
  'query of a key': secret(),
  'user name': secret(),
  password: secret(),
  'key behind a login': secret(),
  'RTMPS key': secret(),
  'refused key': secret(),
  'unreachable key': secret(),
  'key of an unknown host': secret(),
  'added key': secret(),
  'key of a bad URL': secret(),
};

describe('a whole run of pushes, its URLs given by stdin', () => {
  let nginx: NginxRtmp;
  let roomcast: RunningRoomcast;
  let studio: Studio;
  let redis: Redis;
  let search: SecretSearch;
  let endSampling: () => void;
  let endCommands: () => void;
  let nobodyPort: number;

  beforeAll(async () => {
    search = searchFor(SECRETS);
    endSampling = searchProcesses(search);
    nginx = await startNginxRtmp({ applications: ['live', 'stage', { name: 'closed', refuse: true }] });
    nobodyPort = await freeLoopbackPort();
    roomcast = await startRoomcast({ env: { ROOMCAST_LOG_LEVEL: 'trace' } });
    studio = await Studio.open([GUESTS.red]);
    redis = await connectToEmbeddedRedis(roomcast.dataDir);
    redis.on('error', () => undefined); // it is killed on the way, and connects again
    endCommands = searchCommands(search, redis);
  });

  afterAll(async () => {
    endSampling?.();
    endCommands?.();
    redis?.disconnect();
    await studio?.close();
    await roomcast?.stop();
    await nginx?.stop();
  });

  /** Runs a command, whatever comes of it, and looks through what it says. */
  const say = async (args: readonly string[], input?: readonly string[]) => {
    const result = await roomcast.cli(args, input?.join('\n'));
    search.look(`output of ${args.slice(0, 2).join(' ')}`, result.stdout + result.stderr);
    return result;
  };

  const ask = async (path: string, body?: string, method = body === undefined ? 'GET' : 'POST') => {
    const headers = { authorization: `Bearer ${roomcast.adminToken}`, 'content-type': 'application/json' };
    const answer = await fetch(`${roomcast.http}${path}`, { method, headers, ...(body && { body }) });
    const text = [...answer.headers].join('\n') + (await answer.text());
    search.look(`answer of ${method} ${path}`, text);
    return answer.status;
  };

  const targets = async (taskId: string) => {
    const { stdout } = await say(['relay', 'show', taskId, '--json']);
    return (JSON.parse(stdout) as ListedRelay).targets;
  };

  const untilLive = (taskId: string, count: number) =>
    eventually(
      async () => (await targets(taskId)).filter(({ state }) => state === 'live').length === count,
      60_000,
      500,
    );

  it('shows no key, user name or password anywhere', async () => {
    await studio.publish(roomcast, ROOM, GUESTS.red);
    await eventually(async () => (await say(['rooms', '--json'])).stdout.includes('red'), 30_000);

    const at = (port: number) => `127.0.0.1:${port}`;
    const urls = [
      `rtmp://${at(nginx.port)}/live/${SECRETS.key}?token=${SECRETS['query of a key']}`,
      `rtmp://${SECRETS['user name']}:${SECRETS.password}@${at(nginx.port)}/stage/${SECRETS['key behind a login']}`,
      `rtmps://${at(nginx.port)}/live/${SECRETS['RTMPS key']}`,
      `rtmp://${at(nginx.port)}/closed/${SECRETS['refused key']}`,
      `rtmp://${at(nobodyPort)}/live/${SECRETS['unreachable key']}`,
      `rtmp://nowhere.invalid/live/${SECRETS['key of an unknown host']}`,
    ];
    const from = ['--room', String(ROOM), '--single', 'red'];
    const started = await say(['relay', 'start', ...from, '--to', '-', '--json'], urls);
    expect(started.code).toBe(0);
    const { taskId } = JSON.parse(started.stdout) as ListedRelay;
    const reach = (...states: (string | RegExp)[]) =>
      eventually(
        async () => {
          const now = (await targets(taskId)).map(({ state }) => state);
          const isSo = states.every((state, i) => now[i]?.match(state));
          if (!isSo) throw new Error(`the targets are ${now.join()}`);
          return true;
        },
        60_000,
        500,
      );
    await reach('live', 'live', 'backing-off', 'refused', /backing-off|connecting/, /backing-off|connecting/);

    const added = `rtmp://${at(nginx.port)}/stage/${SECRETS['added key']}`;
    expect((await say(['relay', 'update', taskId, '--add', '-'], [added])).code).toBe(0);
    await reach('live', 'live', /./, 'refused', /./, /./, 'live');
    const shown = (await targets(taskId)).map(({ url }) => url);
    expect((await say(['relay', 'retry', taskId, shown[3] ?? ''])).code).toBe(0);
    expect((await say(['relay', 'update', taskId, '--remove', shown[4] ?? ''])).code).toBe(0);
    const path = `/api/v1/relays/${taskId}`;
    expect(await ask(`${path}/pause`, JSON.stringify({ url: urls[0] }))).toBe(200);
    await reach('paused');
    expect(await ask(`${path}/resume`, JSON.stringify({ url: urls[0] }))).toBe(200);
    await reach('live');
    const to = `rtmp://${at(nobodyPort)}/live/${SECRETS['unreachable key']}`;
    expect(await ask(path, JSON.stringify({ replace: [{ from: urls[5], to }] }), 'PATCH')).toBe(200);
    for (const url of urls.slice(0, 5)) await say(['relay', 'check', '-'], [url]);

    // What is wrong is told without what was given.
    const bad = SECRETS['key of a bad URL'];
    for (const url of [
      `http://host/live/${bad}`,
      `rtmp://host/${bad}`,
      `rtmp://h:99999/live/${bad}`,
      `${bad}`,
    ]) {
      expect((await say(['relay', 'start', ...from, '--to', '-'], [url])).code).toBe(2);
      expect(await ask('/api/v1/relays', JSON.stringify({ room: ROOM, targets: [url] }))).toBe(400);
      expect(await ask(path, JSON.stringify({ add: [url] }), 'PATCH')).toBe(400);
      expect(await ask(`${path}/retry`, JSON.stringify({ url }))).toBe(404);
    }
    expect(await ask('/api/v1/relays', JSON.stringify({ room: ROOM, targets: bad }))).toBe(400);
    expect(await ask('/api/v1/relays', JSON.stringify({ room: ROOM, targets: [], url: bad }))).toBe(400);
    expect(await ask('/api/v1/relays', `{"targets":["rtmp://host/live/${bad}"`)).toBe(400);
    // Twice the same.
    expect((await say(['relay', 'update', taskId, '--add', '-'], [urls[0] ?? ''])).code).toBe(1);

    for (const { pid } of [
      findDescendant(roomcast.pid, /redis-server/),
      findDescendant(roomcast.pid, /main\.js worker/),
    ]) {
      await searchRedis(search, redis);
      process.kill(pid, 'SIGKILL');
      await eventually(async () => (await fetch(`${roomcast.http}/readyz`)).status === 200, 60_000);
      await untilLive(taskId, 3);
    }

    for (const command of [
      'relay list',
      'relay list --all',
      `relay show ${taskId}`,
      'rooms',
      'workers',
      'check-config',
      'doctor',
      'record list',
    ]) {
      await say(command.split(' '));
    }
    for (const url of [
      '/api/v1/relays',
      path,
      '/api/v1/rooms',
      '/api/v1/openapi.json',
      '/metrics',
      '/healthz',
      '/readyz',
      '/nothing',
    ]) {
      await ask(url);
    }
    await searchRedis(search, redis);
    expect((await say(['relay', 'stop', taskId])).code).toBe(0);
    await say(['relay', 'list', '--all', '--json']);
    await searchRedis(search, redis);
    expect(await roomcast.stop()).toBe(0);
    search.look('log', roomcast.logs());
    await searchFiles(search, roomcast.dataDir);

    expect(search.finds).toEqual([]);
    expect(Buffer.byteLength(roomcast.logs())).toBeLessThan(MAX_LOG_BYTES);
  });

  it('was looked for where it would have been found', async () => {
    for (const kind of ['log', 'output', 'answer', 'redis', 'command', 'arguments', 'environment', 'file']) {
      expect(search.bytes.get(kind), kind).toBeGreaterThan(1000);
    }
    // The servers got what was kept secret.
    expect((await nginx.sessions()).map(({ key }) => key)).toEqual(
      expect.arrayContaining([SECRETS.key, SECRETS['key behind a login'], SECRETS['added key']]),
    );
    const control = searchFor({ key: SECRETS.key });
    const hidden = Buffer.from(`x${SECRETS.key}y`).toString('base64');
    control.look('one', `a${SECRETS.key}b`);
    control.look('two', JSON.stringify({ hidden }));
    control.look('three', encodeURIComponent(`rtmp://h/a/${SECRETS.key}=`));
    expect(control.finds).toEqual(['key in clear: one', 'key in base64: two', 'key in clear: three']);
  });
});

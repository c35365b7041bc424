import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../../src/domain/secret.ts';
import { verifyPrivateMapKey } from '../../../src/identity/private-map-key.ts';
import { verifyUserSig } from '../../../src/identity/user-sig.ts';
import { eventually } from '../../support/eventually.ts';
import {
  type CliResult,
  makeTestDir,
  type RunningRoomcast,
  runCli,
  startRoomcast,
  testEnv,
} from '../../support/roomcast.ts';
import { GUESTS, Studio } from '../../support/studio.ts';

const KEY = 'very-secret-stream-key';
/** Nobody listens on port 1. */
const TO = `rtmp://127.0.0.1:1/live/${KEY}`;

describe('without a running roomcast', () => {
  it('says in one sentence what is missing', async () => {
    const env = testEnv(await makeTestDir('empty'));
    const asked: [string[], RegExp][] = [
      [['rooms'], /no roomcast runs on/],
      [['relay', 'list'], /no roomcast runs on/],
      [['usersig', '--user', 'ann'], /apps\.json/],
    ];
    for (const [args, message] of asked) {
      const { code, stdout, stderr } = await runCli(args, env);
      expect({ args, code, stdout }).toEqual({ args, code: 1, stdout: '' });
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect(stderr).toMatch(message);
    }
  });

  it('answers wrong usage with 2 and the usage', async () => {
    const env = testEnv(await makeTestDir('empty'));
    const wrong = [
      ['relay'],
      ['relay', 'dance'],
      ['relay', 'start', '--room', '1'],
      ['relay', 'start', '--room', '1', '--to', TO, '--layout', 'circle'],
      ['record', 'start', '--room', '1', '--format', 'hls'],
      ['publish-url', '--room', '0', '--user', 'ann'],
      ['usersig'],
      ['usersig', '--user', '123'],
      ['usersig', '--user', 'ann', '--room', '7'],
      ['play-url'],
      ['block', '--room', '7'],
      ['unblock', '--user', 'ann'],
      ['demo', '--seconds', '0'],
    ];
    for (const args of wrong) {
      const { code, stdout, stderr } = await runCli(args, env);
      expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: '' });
      expect(stderr).toContain('Usage: roomcast');
      expect(stderr).not.toContain(KEY);
    }
  });
});

describe('beside a running roomcast', () => {
  let roomcast: RunningRoomcast;
  let studio: Studio;

  beforeAll(async () => {
    roomcast = await startRoomcast();
    studio = await Studio.open([GUESTS.red]);
  });
  afterAll(async () => {
    await studio?.close();
    await roomcast?.stop();
  });

  // biome-ignore lint/suspicious/noExplicitAny: what a test expects is its type
  async function json(args: readonly string[], input?: string): Promise<any> {
    const result = await roomcast.cli([...args, '--json'], input);
    expect(result, args.join(' ')).toMatchObject({ code: 0 });
    expect(result.stdout.trim().split('\n')).toHaveLength(1);
    return JSON.parse(result.stdout);
  }

  const failed = (result: CliResult, message: RegExp) => {
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(message);
  };

  it('makes UserSigs that are good for their user alone', async () => {
    const { stdout } = await roomcast.cli(['usersig', '--user', 'ann', '--expire', '60']);
    const check = {
      secretKey: new Secret(roomcast.app.secretKey),
      sdkAppId: roomcast.app.sdkAppId,
      userSig: stdout.trim(),
      nowMs: Date.now(),
    };
    expect(() => verifyUserSig({ ...check, userId: 'ann' })).not.toThrow();
    expect(() => verifyUserSig({ ...check, userId: 'bob' })).toThrow();
    expect(() => verifyUserSig({ ...check, userId: 'ann', nowMs: Date.now() + 70_000 })).toThrow();
  });

  it('makes PrivateMapKeys for one room, beside a UserSig and in a publish URL', async () => {
    const { secretKey, sdkAppId } = roomcast.app;
    const check = { secretKey: new Secret(secretKey), sdkAppId, userId: 'ann', nowMs: Date.now() };
    const args = ['--user', 'ann', '--room', '7', '--private-map-key', '--expire', '600'];
    const { userSig, privateMapKey } = await json(['usersig', ...args, '--rights', '42']);
    expect(() => verifyUserSig({ ...check, userSig })).not.toThrow();
    const room = { kind: 'number', value: 7 };
    expect(verifyPrivateMapKey({ ...check, privateMapKey })).toMatchObject({ room, rights: 42 });
    const { stdout } = await roomcast.cli(['usersig', ...args, '--string-room']);
    const [, second = ''] = stdout.trim().split('\n');
    const asText = { kind: 'string', value: '7' };
    expect(verifyPrivateMapKey({ ...check, privateMapKey: second })).toMatchObject({
      room: asText,
      rights: 255,
    });
    const { url } = await json(['publish-url', ...args, '--role', 'host']);
    const { searchParams } = new URL(url);
    expect(searchParams.get('role')).toBe('host');
    const inUrl = searchParams.get('private_map_key') ?? '';
    expect(verifyPrivateMapKey({ ...check, privateMapKey: inUrl })).toMatchObject({ room, rights: 255 });
  });

  it('shows a user who publishes with the URL it printed', async () => {
    const publisher = await studio.publish(roomcast, 7, GUESTS.red);
    const rooms = await eventually(async () => {
      const now = await json(['rooms']);
      return now.length > 0 ? now : null;
    });
    const streamId = `${roomcast.app.sdkAppId}_7_red_main`;
    expect(rooms).toMatchObject([
      { sdkAppId: roomcast.app.sdkAppId, room: 7, users: [{ userId: 'red', streams: [{ streamId }] }] },
    ]);
    expect((await roomcast.cli(['rooms'])).stdout).toMatch(
      /APP +ROOM +USER +STATE +BLOCKED +STREAMS\n\S+ +7 +red +here +- +\S+_7_red_main/,
    );
    await publisher.kill();
  });

  it('shows its worker, with what its ffmpeg can encode', async () => {
    const [worker, ...others] = await eventually(async () => {
      const now = await json(['workers']);
      return now.length > 0 ? now : null;
    });
    expect(others).toEqual([]);
    expect(worker).toMatchObject({ workerId: expect.stringMatching(/^w-/), mixes: 0 });
    expect(worker.cores).toBeGreaterThan(0);
    expect(worker.spareCores).toBeLessThanOrEqual(worker.cores);
    expect(worker.encoders).toEqual(expect.arrayContaining(['libx264', 'aac']));
    expect((await roomcast.cli(['workers'])).stdout).toMatch(
      /WORKER +CORES +SPARE +MIXES +FFMPEG +ENCODERS\nw-\S+ +\d+\.\d +\d+\.\d +0 +\d\S+ .*libx264/,
    );
  });

  it('blocks and unblocks a user', async () => {
    const publisher = await studio.publish(roomcast, 9, GUESTS.red);
    const red = ['--room', '9', '--user', 'RED'];
    const blocked = async () => {
      const rooms = await json(['rooms']);
      return rooms.find((one: { room: unknown }) => one.room === 9)?.users[0].blocked;
    };
    await eventually(async () => (await blocked()) !== undefined);
    expect(await json(['block', ...red, '--audio'])).toEqual({ audio: true, video: false });
    expect(await blocked()).toEqual({ audio: true, video: false });
    expect((await roomcast.cli(['block', ...red])).stdout).toMatch(/RED in room 9 is neither heard nor seen/);
    expect((await roomcast.cli(['rooms'])).stdout).toMatch(/ 9 +red +here +audio\+video /);
    const shown = await json(['rooms', 'show', '--room', '9']);
    expect(shown).toMatchObject({ room: 9, ownerUserId: 'red', users: [{ userId: 'red' }], robots: [] });
    expect((await roomcast.cli(['rooms', 'show', '--room', '9'])).stdout).toMatch(/room 9 of red, since 2/);
    failed(await roomcast.cli(['rooms', 'show', '--room', '10']), /no live room 10/);
    expect(await json(['rooms', 'unblock', ...red])).toEqual({ audio: false, video: false });
    expect(await blocked()).toEqual({ audio: false, video: false });
    failed(await roomcast.cli(['block', '--room', '9', '--user', 'ann']), /no such user in that room/);
    failed(await roomcast.cli(['block', ...red, '--string-room']), /no such room/);
    await publisher.kill();
  });

  it('starts, changes, lists and stops a relay without ever showing its keys', async () => {
    const started = await json(
      ['relay', 'start', '--room', '8', '--to', '-', '--max-idle', '600'],
      `${TO}\n`,
    );
    expect(started).toEqual({
      taskId: expect.stringMatching(/^[a-z0-9]+$/),
      streamId: `${roomcast.app.sdkAppId}_8_mix_${started.taskId.slice(0, 8)}_main`,
    });
    const task = started.taskId as string;
    expect(await json(['relay', 'update', task, '--add', `${TO}2`])).toEqual({ taskId: task });
    expect(await json(['relay', 'retry', task, TO])).toEqual({ taskId: task });
    const [listed] = await json(['relay', 'list']);
    expect(Object.keys(listed)).toEqual(['taskId', 'room', 'state', 'streamId', 'auto', 'targets']);
    expect(listed.targets.map((target: { url: string }) => target.url)).toEqual([
      'rtmp://127.0.0.1:1/live/****',
      'rtmp://127.0.0.1:1/live/****',
    ]);
    expect((await json(['relay', 'show', task])).taskId).toBe(task);
    expect(await json(['relay', 'update', task, '--remove', `${TO}2`])).toEqual({ taskId: task });
    expect(await json(['relay', 'stop', task])).toEqual({ taskId: task });
    await eventually(async () => (await json(['relay', 'show', task])).state === 'ended');
    failed(await roomcast.cli(['relay', 'update', task, '--add', `${TO}3`]), /has ended/);
    failed(await roomcast.cli(['relay', 'stop', 'nosuchtask']), /there is no relay nosuchtask/);
    expect((await roomcast.cli(['relay', 'list'])).stdout).not.toContain(KEY);
    expect(roomcast.logs()).not.toContain(KEY);
  });

  it('schedules and stops a recording', async () => {
    const at = new Date(Date.now() + 3_600_000).toISOString();
    const { taskId } = await json([
      'record',
      'start',
      '--room',
      'a b',
      '--string-room',
      '--at',
      at,
      '--for',
      '10m',
    ]);
    expect(await json(['record', 'list'])).toEqual([
      { taskId, room: 'a b', state: 'scheduled', auto: false, files: [] },
    ]);
    expect(await json(['record', 'stop', taskId])).toEqual({ taskId });
    expect(await json(['record', 'show', taskId])).toMatchObject({
      taskId,
      room: 'a b',
      state: 'ended',
      files: [],
      onAirMs: null,
      error: null,
    });
    failed(
      await roomcast.cli(['record', 'start', '--room', '7', '--at', '2001-01-01T00:00Z']),
      /in the past/,
    );
  });

  it('gives play URLs with a ticket', async () => {
    const stream = `${roomcast.app.sdkAppId}_7_red_main`;
    const urls = await json(['play-url', stream]);
    expect(urls.flv).toMatch(`${roomcast.http}/live/${stream}.flv?ticket=`);
    expect(urls.rtmp).toMatch(`${roomcast.rtmp}/live/${stream}?ticket=`);
    failed(await roomcast.cli(['play-url', 'no-stream']), /a stream is named/);
  });

  it('needs the admin token of this gateway', async () => {
    const answer = await fetch(`${roomcast.http}/api/v1/rooms`);
    expect(answer.status).toBe(401);
    const run = JSON.parse(await readFile(path.join(roomcast.dataDir, 'run.json'), 'utf8'));
    expect(JSON.stringify(run)).not.toContain(roomcast.adminToken);
  });
});

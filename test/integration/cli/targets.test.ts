import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { type NginxRtmp, startNginxRtmp } from '../../support/nginx-rtmp.ts';
import { makeTestDir, type RunningRoomcast, runCli, startRoomcast, testEnv } from '../../support/roomcast.ts';
import { GUESTS, type ListedTarget, Studio } from '../../support/studio.ts';

const KEY = 'very-secret-stream-key';
const LOGIN = 'very-secret-password';
const WAIT_MS = 60_000;

interface ShownRelay {
  readonly targets: readonly (ListedTarget & { readonly id: string })[];
}

describe('relay check without a running roomcast', () => {
  let nginx: NginxRtmp;
  beforeAll(async () => {
    nginx = await startNginxRtmp({ applications: ['live'] });
  });
  afterAll(() => nginx?.stop());

  it('is made from here, and says by its exit code whether the stream would be taken', async () => {
    const env = testEnv(await makeTestDir('check'));
    const good = await runCli(['relay', 'check', '-'], env, {
      input: `kick:${nginx.rtmpUrl('live', KEY)}\n`,
    });
    expect(good).toMatchObject({ code: 0, stderr: '' });
    expect(good.stdout).toMatch(/publish +done +\d+ ms\nit takes: a key frame at least every 2 s;/);
    const bad = await runCli(
      ['relay', 'check', `rtmp://ann:${LOGIN}@127.0.0.1:1/live/${KEY}`, '--json'],
      env,
    );
    expect(bad.code).toBe(1);
    expect(JSON.parse(bad.stdout)).toMatchObject({
      url: 'rtmp://****@127.0.0.1:1/live/****',
      ok: false,
      error: { code: 'connection-refused' },
      limits: [],
    });
    expect(bad.stderr.trim().split('\n')).toHaveLength(1);
    const none = await runCli(['relay', 'check', `tiktok:${KEY}`], env);
    expect(none.code).toBe(2);
    for (const text of [good, bad, none].map(({ stdout, stderr }) => stdout + stderr)) {
      expect(text).not.toMatch(new RegExp(`${KEY}|${LOGIN}`));
    }
  });
});

describe('targets of a relay on the air', () => {
  let roomcast: RunningRoomcast;
  let studio: Studio;
  let nginx: NginxRtmp;
  let task: string;

  beforeAll(async () => {
    [roomcast, studio, nginx] = await Promise.all([
      startRoomcast(),
      Studio.open([GUESTS.red]),
      startNginxRtmp({ applications: ['live'] }),
    ]);
    await studio.publish(roomcast, 7, GUESTS.red);
    const started = await roomcast.cli(
      ['relay', 'start', '--room', '7', '--single', 'red', '--to', '-', '--json'],
      [
        nginx.rtmpUrl('live', 'steady'),
        nginx.rtmpUrl('live', 'moved'),
        `rtmp://127.0.0.1:1/live/${KEY}`,
      ].join('\n'),
    );
    expect(started, started.stderr).toMatchObject({ code: 0 });
    task = JSON.parse(started.stdout).taskId;
    await untilStates('live', 'live', 'backing-off');
  });
  afterAll(async () => {
    await studio?.close();
    await roomcast?.stop();
    await nginx?.stop();
  });

  /** By the API: what is asked often shall not start a process each time. */
  async function shown(): Promise<ShownRelay> {
    const headers = { authorization: `Bearer ${roomcast.adminToken}` };
    const answer = await fetch(`${roomcast.http}/api/v1/relays/${task}`, { headers });
    return (await answer.json()) as ShownRelay;
  }
  const states = async () => (await shown()).targets.map((target) => target.state);
  async function untilStates(...wanted: string[]): Promise<void> {
    await eventually(async () => {
      const now = await states();
      // Between two attempts that fail at once a look may find either.
      return wanted.every(
        (state, at) => now[at] === state || (state === 'backing-off' && now[at] === 'connecting'),
      );
    }, WAIT_MS);
  }
  async function said(...args: string[]) {
    const result = await roomcast.cli(['relay', ...args]);
    expect(result, result.stderr).toMatchObject({ code: 0 });
    return result;
  }
  const steadySessions = () => nginx.publishSessions('live', 'steady');
  const idOf = async (at: number) => (await shown()).targets[at]?.id ?? '';

  it('are paused and resumed without a touch of the others', async () => {
    const id = await idOf(1);
    await said('pause', task, id);
    await untilStates('live', 'paused', 'backing-off');
    await eventually(async () => (await nginx.livePublishers()) === 1, WAIT_MS);
    const retried = await roomcast.cli(['relay', 'retry', task, id]);
    expect(retried).toMatchObject({ code: 1, stdout: '' });
    expect(retried.stderr).toMatch(/paused: resume it/);
    expect((await said('retry', task)).stdout).toMatch(/all targets that wait/);
    expect((await states())[1]).toBe('paused');
    await said('resume', task, nginx.rtmpUrl('live', 'moved'));
    await untilStates('live', 'live', 'backing-off');
    expect(await steadySessions()).toBe(1);
  });

  it('are replaced from stdin, with one change; the others keep their session', async () => {
    const before = await shown();
    const result = await roomcast.cli(
      ['relay', 'update', task, '--replace', `${await idOf(2)}=-`],
      `${nginx.rtmpUrl('live', `${KEY}-new`)}\n`,
    );
    expect(result, result.stderr).toMatchObject({ code: 0, stderr: '' });
    await untilStates('live', 'live', 'live');
    const after = await shown();
    expect(after.targets.slice(0, 2).map(({ id }) => id)).toEqual(
      before.targets.slice(0, 2).map(({ id }) => id),
    );
    expect(after.targets[2]?.id).not.toBe(before.targets[2]?.id);
    expect(await steadySessions()).toBe(1);
  });

  it('are not checked while they are on the air; others are, by the running roomcast', async () => {
    const busy = await roomcast.cli(['relay', 'check', nginx.rtmpUrl('live', 'steady')]);
    expect(busy).toMatchObject({ code: 1, stdout: '' });
    expect(busy.stderr).toMatch(new RegExp(`on the air in task ${task}: (live|degraded)`));
    expect((await said('check', nginx.rtmpUrl('live', 'another'))).stdout).toMatch(/publish +done/);
    expect(await steadySessions()).toBe(1);
  });

  it('are listed for a terminal of 120 columns, their keys hidden', async () => {
    const { stdout } = await said('list');
    expect(stdout).toMatch(
      /^relay \S+, room 7: running\nSTATE +SENT +KBPS +LAG +DROPPED +AGAIN +ON AIR +ID +URL\n(live|degraded) /,
    );
    expect(stdout.split('\n').filter((line) => line.length > 120)).toEqual([]);
    const all = [stdout, (await said('show', task)).stdout, roomcast.logs()].join('\n');
    expect(all).not.toContain(KEY);
  });

  it('are warned about where a programme breaks the limits of their platform', async () => {
    const to = `twitch:${nginx.rtmpUrl('live', KEY)}`;
    const args = ['relay', 'start', '--room', '8', '--bitrate', '8000', '--to', '-'];
    const told = await roomcast.cli(args, to);
    expect(told).toMatchObject({ code: 0 });
    expect(told.stderr).toMatch(
      /^warning: rtmp:\/\/\S+\/\*{4}: lower the video bitrate to 6000 kbps or less: it is 8000 kbps$/m,
    );
    const json = await roomcast.cli([...args, '--json'], to);
    expect(JSON.parse(json.stdout).warnings).toHaveLength(1);
    expect(json.stdout + told.stdout + told.stderr).not.toContain(KEY);
  });
});

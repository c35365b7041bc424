import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NginxRtmp, startNginxRtmp } from '../../../src/demo/nginx-rtmp.ts';
import { readFlv } from '../../support/clip.ts';
import { Cluster } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { trackTimes } from '../../support/media-checks.ts';
import type { RunningRoomcast } from '../../support/roomcast.ts';
import { cliJson, GUESTS, type ListedRelay, leftOutMs, Studio, untilLive } from '../../support/studio.ts';

const ROOM = 71;
/** Longer than every lock, lease and heartbeat. */
const AWAY_MS = 8_000;
const KEYS = ['one', 'two'];

describe('while Redis is away', () => {
  let cluster: Cluster;
  let nginx: NginxRtmp;
  let studio: Studio;
  let gateway: RunningRoomcast;

  beforeEach(async () => {
    cluster = await Cluster.open();
    [nginx, studio, gateway] = await Promise.all([
      startNginxRtmp({ applications: [{ name: 'live', record: true }] }),
      Studio.open([GUESTS.red, GUESTS.green]),
      cluster.startGateway(),
      cluster.startWorker(),
    ]);
  });

  afterEach(async () => {
    await studio?.close();
    await cluster?.close();
    await nginx?.stop();
  });

  const recordingOf = async (key: string) => {
    const names = (await readdir(nginx.recordingDir)).filter((name) => name.startsWith(key));
    expect(names).toHaveLength(1);
    return readFlv(path.join(nginx.recordingDir, names[0] ?? ''));
  };

  it.each([
    { keepData: true, how: 'with its data' },
    { keepData: false, how: 'empty' },
  ])(
    'a relay goes on without a gap, and all is known and can be stopped when it is back $how',
    async ({ keepData }) => {
      await studio.publish(gateway, ROOM, GUESTS.red);
      await studio.publish(gateway, ROOM, GUESTS.green);
      await eventually(
        async () => (await cliJson<{ users: unknown[] }[]>(gateway, 'rooms'))[0]?.users.length === 2,
      );
      const size = ['--size', '320x180', '--fps', '15'];
      const to = KEYS.flatMap((key) => ['--to', nginx.rtmpUrl('live', key)]);
      const args = ['--room', String(ROOM), ...size, ...to];
      const { taskId } = await cliJson<ListedRelay>(gateway, 'relay', 'start', ...args);
      const before = await untilLive(gateway, taskId);

      await cluster.redis.kill();
      const killedAt = Date.now();
      expect((await gateway.cli(['relay', 'list', '--json'])).code).toBe(1);
      await eventually(() => Date.now() - killedAt >= AWAY_MS, AWAY_MS + 5_000);
      await cluster.redis.restart({ keepData });

      const after = await untilLive(gateway, taskId, 30_000);
      expect(after).toMatchObject({ taskId, room: ROOM, streamId: before.streamId });
      await eventually(
        async () => (await cliJson<ListedRelay>(gateway, 'relay', 'show', taskId)).state === 'running',
      );
      expect(after.targets.map((target) => target.url)).toEqual(before.targets.map((target) => target.url));
      expect(after.targets.map((target) => target.attempt)).toEqual(KEYS.map(() => 0));
      await eventually(async () => {
        const tracks = await Promise.all(KEYS.map(async (key) => trackTimes(await recordingOf(key), 9)));
        return tracks.every((track) => track.lastMs - track.firstMs > Date.now() - killedAt);
      }, 15_000);
      const leftOutPicturesMs = await leftOutMs(gateway, taskId);
      for (const key of KEYS) {
        const tags = await recordingOf(key);
        for (const type of [8, 9] as const) {
          expect(trackTimes(tags, type).wentBack).toEqual([]);
          const leftOut = type === 9 ? leftOutPicturesMs : 0;
          expect(trackTimes(tags, type).largestGapMs, `type ${type}`).toBeLessThanOrEqual(100 + leftOut);
        }
      }
      expect(await nginx.sessions()).toHaveLength(KEYS.length);

      await cliJson(gateway, 'relay', 'stop', taskId);
      await eventually(
        async () => (await nginx.sessions()).every((session) => session.endedAt !== null),
        10_000,
      );
      const ended = await eventually(async () => {
        const shown = await cliJson<ListedRelay>(gateway, 'relay', 'show', taskId);
        return shown.state === 'ended' && shown;
      });
      expect(ended.targets.map((target) => target.state)).toEqual(KEYS.map(() => 'stopped'));
    },
  );
});

import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type FlvTag, TAG_AUDIO, TAG_VIDEO } from '../../../src/media/flv/tag.ts';
import { readFlv } from '../../support/clip.ts';
import { Cluster } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { firstWrongPacket } from '../../support/looped-clip.ts';
import { trackTimes } from '../../support/media-checks.ts';
import { type NginxRtmp, startNginxRtmp } from '../../support/nginx-rtmp.ts';
import type { RunningRoomcast } from '../../support/roomcast.ts';
import { cliJson, GUESTS, type ListedRelay, leftOutMs, Studio, untilLive } from '../../support/studio.ts';

const ROOM = 71;
/** Longer than every lock, lease and heartbeat. */
const AWAY_MS = 30_000;
const DEADLINE_MS = 60_000;
const TRACKS = [TAG_VIDEO, TAG_AUDIO] as const;
const MIX_KEYS = ['one', 'two'];
const CAMERA_KEYS = ['three', 'four'];

interface Rig {
  readonly cluster: Cluster;
  readonly nginx: NginxRtmp;
  readonly studio: Studio;
  readonly gateway: RunningRoomcast;
}

/** Redis, a gateway, a worker, two cameras in the room and a server to push to; all ended behind the test. */
async function withRig(test: (rig: Rig) => Promise<void>): Promise<void> {
  const cluster = await Cluster.open();
  const nginx = await startNginxRtmp({ applications: [{ name: 'live', record: true }] });
  const studio = await Studio.open([GUESTS.red, GUESTS.green]);
  try {
    const [gateway] = await Promise.all([cluster.startGateway(), cluster.startWorker()]);
    await studio.publish(gateway, ROOM, GUESTS.red);
    await studio.publish(gateway, ROOM, GUESTS.green);
    await eventually(
      async () => (await cliJson<{ users: unknown[] }[]>(gateway, 'rooms'))[0]?.users.length === 2,
      DEADLINE_MS,
    );
    await test({ cluster, nginx, studio, gateway });
  } finally {
    await studio.close();
    await cluster.close();
    await nginx.stop();
  }
}

async function startRelay({ gateway, nginx }: Rig, keys: readonly string[], what: readonly string[]) {
  const to = keys.flatMap((key) => ['--to', nginx.rtmpUrl('live', key)]);
  const args = ['relay', 'start', '--room', String(ROOM), ...what, ...to];
  const { taskId } = await cliJson<ListedRelay>(gateway, ...args);
  return untilLive(gateway, taskId, DEADLINE_MS);
}

async function recordingOf({ nginx }: Rig, key: string) {
  const names = (await readdir(nginx.recordingDir)).filter((name) => name.startsWith(`${key}-`));
  expect(names).toHaveLength(1);
  return readFlv(path.join(nginx.recordingDir, names[0] ?? ''));
}

/** What the server has of a push that went on for so long, in one session and without a hole. */
async function untilWhole(rig: Rig, key: string, ms: number): Promise<FlvTag[]> {
  const tags = await eventually(
    async () => {
      const now = await recordingOf(rig, key);
      const { firstMs, lastMs } = trackTimes(now, TAG_VIDEO);
      return lastMs - firstMs > ms && now;
    },
    DEADLINE_MS,
    500,
  );
  for (const type of TRACKS) expect(trackTimes(tags, type).wentBack).toEqual([]);
  expect(trackTimes(tags, TAG_AUDIO).largestGapMs).toBeLessThanOrEqual(100);
  return tags;
}

/** Everything of the relays as it was, but for what happened at the targets. */
async function untilKnownAgain({ gateway }: Rig, before: readonly ListedRelay[]): Promise<void> {
  for (const { taskId, streamId, targets } of before) {
    const after = await untilLive(gateway, taskId, DEADLINE_MS);
    expect(after).toMatchObject({ taskId, room: ROOM, streamId });
    expect(after.targets.map(({ url }) => url)).toEqual(targets.map(({ url }) => url));
    expect(after.targets.map(({ attempt }) => attempt)).toEqual(targets.map(() => 0));
    const isRunning = async () =>
      (await cliJson<ListedRelay>(gateway, 'relay', 'show', taskId)).state === 'running';
    await eventually(isRunning, DEADLINE_MS);
  }
}

/** Told to stop, they end at the server and are shown so. */
async function untilStopped({ gateway, nginx }: Rig, before: readonly ListedRelay[]): Promise<void> {
  for (const { taskId } of before) await cliJson(gateway, 'relay', 'stop', taskId);
  await eventually(
    async () => (await nginx.sessions()).every((session) => session.endedAt !== null),
    DEADLINE_MS,
  );
  for (const { taskId, targets } of before) {
    const ended = await eventually(async () => {
      const shown = await cliJson<ListedRelay>(gateway, 'relay', 'show', taskId);
      return shown.state === 'ended' && shown;
    }, DEADLINE_MS);
    expect(ended.targets.map(({ state }) => state)).toEqual(targets.map(() => 'stopped'));
  }
}

describe('while Redis is away for half a minute', () => {
  it.concurrent.each([
    { keepData: true, how: 'with its data' },
    { keepData: false, how: 'empty' },
  ])(
    'relays lose no packet and no session, and all is known and can be stopped when it is back $how',
    ({ keepData }) =>
      withRig(async (rig) => {
        const { cluster, gateway, nginx, studio } = rig;
        const mix = await startRelay(rig, MIX_KEYS, ['--size', '320x180', '--fps', '15']);
        const before = [mix, await startRelay(rig, CAMERA_KEYS, ['--single', GUESTS.red.userId])];

        await cluster.redis.kill();
        const killedAt = Date.now();
        expect((await gateway.cli(['relay', 'list', '--json'])).code).toBe(1);
        await eventually(() => Date.now() - killedAt >= AWAY_MS, AWAY_MS + 5_000, 250);
        await cluster.redis.restart({ keepData });

        await untilKnownAgain(rig, before);

        const awayMs = Date.now() - killedAt;
        const clip = await readFlv(studio.clipOf(GUESTS.red));
        for (const key of MIX_KEYS) {
          const { largestGapMs } = trackTimes(await untilWhole(rig, key, awayMs), TAG_VIDEO);
          expect(largestGapMs).toBeLessThanOrEqual(100 + (await leftOutMs(gateway, mix.taskId)));
        }
        for (const key of CAMERA_KEYS) {
          const tags = await untilWhole(rig, key, awayMs);
          for (const type of TRACKS) expect(firstWrongPacket(clip, tags, type)).toBeNull();
        }
        expect(await nginx.sessions()).toHaveLength(MIX_KEYS.length + CAMERA_KEYS.length);

        await untilStopped(rig, before);
      }),
    400_000,
  );
});

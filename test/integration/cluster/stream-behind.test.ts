import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TAG_AUDIO, TAG_VIDEO } from '../../../src/media/flv/tag.ts';
import { readFlv } from '../../support/clip.ts';
import { Cluster, type Role } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { trackTimes } from '../../support/media-checks.ts';
import { type NginxRtmp, startNginxRtmp } from '../../support/nginx-rtmp.ts';
import { findDescendant } from '../../support/process-tree.ts';
import type { RunningRoomcast } from '../../support/roomcast.ts';
import { cliJson, GUESTS, type ListedRelay, Studio, untilLive } from '../../support/studio.ts';

const ROOM = 57;
const DEADLINE_MS = 60_000;
/** Cells of a mix of one, at little cost. */
const PROGRAMME = ['--size', '320x180', '--fps', '15', '--agent', 'mixer'];

/** Three workers: the mix is on one, the push that is looked at on another. */
describe('the stream behind a push', () => {
  let cluster: Cluster;
  let nginx: NginxRtmp;
  let studio: Studio;
  let gateway: RunningRoomcast;
  let workers: Role[];
  /** Of the task with the mix. */
  let mixTask: string;
  /** At the server, of a push that is not on the worker of the mix. */
  let key: string;

  const runs = (worker: Role, job: string) =>
    worker
      .logs()
      .split('\n')
      .some((line) => line.includes(`"job":"${job}"`) && line.includes('run begins'));

  const startPush = async (name: string, what: readonly string[]) => {
    const to = nginx.rtmpUrl('live', name);
    const args = ['relay', 'start', '--room', String(ROOM), ...what, '--to', to];
    const { taskId } = await cliJson<ListedRelay>(gateway, ...args);
    await untilLive(gateway, taskId, DEADLINE_MS);
    return taskId;
  };

  const workerOf = (job: string): Role => {
    const found = workers.find((worker) => runs(worker, job));
    if (!found) throw new Error(`no worker runs ${job}`);
    return found;
  };

  beforeAll(async () => {
    cluster = await Cluster.open();
    nginx = await startNginxRtmp({ applications: [{ name: 'live', record: true }] });
    studio = await Studio.open([GUESTS.red, GUESTS.green]);
    gateway = await cluster.startGateway();
    workers = await Promise.all([cluster.startWorker(), cluster.startWorker(), cluster.startWorker()]);
    await studio.publish(gateway, ROOM, GUESTS.red);
    await eventually(async () => (await cliJson<unknown[]>(gateway, 'rooms')).length === 1, DEADLINE_MS);
    mixTask = await startPush('first', PROGRAMME);
    const mixer = workerOf(`mix-${mixTask}`);
    // Who takes a push is left to the queue.
    for (let n = 1; ; n += 1) {
      if (n > 20) throw new Error('every push went to the worker of the mix');
      key = `push${n}`;
      if (!runs(mixer, `push-${await startPush(key, PROGRAMME)}`)) break;
    }
  }, 180_000);

  afterAll(async () => {
    await studio?.close();
    await cluster?.close();
    await nginx?.stop();
  });

  const recorded = async (name: string) => {
    const names = (await readdir(nginx.recordingDir)).filter((file) => file.startsWith(`${name}-`));
    expect(names).toHaveLength(1);
    return readFlv(path.join(nginx.recordingDir, names[0] ?? ''));
  };

  /** One session, its timestamps going on, and so many ms more of media than now. */
  const goesOn = async (name: string, ms = 2000) => {
    const before = trackTimes(await recorded(name), TAG_VIDEO);
    const tags = await eventually(
      async () => {
        const now = await recorded(name);
        return trackTimes(now, TAG_VIDEO).count > before.count + (ms / 1000) * 10 && now;
      },
      DEADLINE_MS,
      250,
    );
    for (const type of [TAG_VIDEO, TAG_AUDIO] as const) {
      expect(trackTimes(tags, type).wentBack).toEqual([]);
    }
    expect(await nginx.sessionTimes('live', name)).toMatchObject([{ endedAt: null }]);
  };

  it('its encoder is killed: the target keeps its session, timestamps go on', async () => {
    await goesOn(key);
    const encoder = findDescendant(workerOf(`mix-${mixTask}`).pid, /ffmpeg .*libx264/);
    process.kill(encoder.pid, 'SIGKILL');
    await goesOn(key);
  });

  it('its mix moves to another worker: the target keeps its session, timestamps go on', async () => {
    const mixer = workerOf(`mix-${mixTask}`);
    const others = workers.filter((worker) => worker !== mixer);
    await cluster.redisIsSteady();
    await mixer.end('SIGKILL');
    await eventually(() => others.some((worker) => runs(worker, `mix-${mixTask}`)), DEADLINE_MS);
    await goesOn(key);
  });

  it('its publisher comes back within the grace: the target keeps its session, timestamps go on', async () => {
    const publisher = await studio.publish(gateway, ROOM + 1, GUESTS.green);
    await eventually(async () => (await cliJson<unknown[]>(gateway, 'rooms')).length === 2, DEADLINE_MS);
    const args = ['--room', String(ROOM + 1), '--single', GUESTS.green.userId];
    const to = nginx.rtmpUrl('live', 'camera');
    const { taskId } = await cliJson<ListedRelay>(gateway, 'relay', 'start', ...args, '--to', to);
    await untilLive(gateway, taskId, DEADLINE_MS);
    await goesOn('camera');
    await publisher.kill();
    await studio.publish(gateway, ROOM + 1, GUESTS.green);
    await goesOn('camera', 3000);
  });
});

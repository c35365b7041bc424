import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import type { JobContext, StopReason } from '../../../jobs/job-context.ts';
import { createMixJob } from '../../../jobs/mix.ts';
import type { JobOutcome, MixStatus } from '../../../src/domain/job.ts';
import type { LayoutSpec } from '../../../src/domain/layout/spec.ts';
import type { Blocked, RoomFacts, UserFacts } from '../../../src/domain/room.ts';
import { Secret } from '../../../src/domain/secret.ts';
import type { RelayTask } from '../../../src/domain/task.ts';
import { makeColourClip } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import { type FlvSource, startFlvSource } from '../../support/flv-source.ts';
import { type NginxRtmp, startNginxRtmp } from '../../support/nginx-rtmp.ts';
import { SMALL_PROGRAMME } from '../../support/programme-rig.ts';
import { roomFacts, streamFacts, userFacts } from '../../support/room-facts.ts';

const run = promisify(execFile);
const PROGRAMME_ENTRY = path.resolve(import.meta.dirname, '../../../dist/src/media/programme/main.js');
const ROOM = { kind: 'number', value: 1001 } as const;
const STREAM = '7_1001_mix_a_main';

const SOURCE = { type: 'mix', mixTaskId: 'task-a', programme: SMALL_PROGRAMME } as const;

const TASK: RelayTask = {
  kind: 'relay',
  taskId: 'task-a',
  appId: 7,
  room: ROOM,
  createdAt: Date.now() - 60_000,
  source: SOURCE,
  streamId: STREAM,
  agentUserId: 'mix_a',
  maxIdleSeconds: 60,
  revision: 1,
  endedAt: null,
  endReason: null,
  targets: [],
  retryNonce: {},
};

function onAir(userId: string, order: number, room = '1001'): UserFacts {
  return userFacts(userId, { order, streams: [streamFacts(`7_${room}_${userId}_main`)] });
}

/** The job with facts of our own, between a small source and nginx-rtmp in the hub's place. */
interface JobRig {
  readonly source: FlvSource;
  readonly nginx: NginxRtmp;
  setUsers(...userIds: string[]): void;
  /** What the room lets nobody hear or see of its users from now on. */
  setBlocked(blocked: Blocked): void;
  /** Those of integer room 5. */
  setOtherUsers(...userIds: string[]): void;
  /** Rooms that the job watches. */
  watched(): readonly (number | string)[];
  /** A change of the task, with its announcement. */
  setLayout(layout: LayoutSpec): void;
  status(): MixStatus | null;
  stop(reason: StopReason): Promise<JobOutcome>;
  /** Timestamp in seconds of a picture that a player gets now. */
  timeOnAir(): Promise<number>;
  close(): Promise<void>;
}

async function startJobRig(): Promise<JobRig> {
  const nginx = await startNginxRtmp({ applications: ['internal'] });
  const source = await startFlvSource();
  const listeners = new Set<() => void>();
  const controller = new AbortController();
  const updateListeners = new Set<() => void>();
  let task = TASK;
  let users: UserFacts[] = [];
  let otherUsers: UserFacts[] = [];
  const watched = new Set<number | string>();
  let status: MixStatus | null = null;
  const facts = (): RoomFacts => roomFacts(TASK, users);
  const gateway = () => ({
    gatewayId: 'g',
    internalHttp: new URL(source.url('x')).origin,
    internalRtmp: nginx.rtmpUrl('', '').replace(/\/+$/, ''),
    publicHttp: '',
    publicRtmp: '',
  });
  const context: JobContext = {
    job: { kind: 'mix', id: TASK.taskId },
    epoch: 5,
    clusterSecret: new Secret('cluster secret of the test'),
    dataDir: '/nonexistent',
    log: pino({ level: process.env['TEST_LOG'] ?? 'silent' }, pino.destination(2)),
    facts: {
      getTask: async (taskId) => (taskId === task.taskId ? task : null),
      getRoom: async (_appId, room) =>
        room.value === ROOM.value ? facts() : { ...facts(), room, users: otherUsers },
      locateRoom: async () => gateway(),
      locateStream: async () => gateway(),
      watchRoom(_appId, room, listener) {
        watched.add(room.value);
        listeners.add(listener);
        return () => {
          watched.delete(room.value);
          listeners.delete(listener);
        };
      },
      saveRecording: async () => undefined,
      requestJob: async () => undefined,
    },
    signal: controller.signal,
    leftBehind: null,
    emit: () => undefined,
    tellApp: () => undefined,
    report(next) {
      if (next.kind === 'mix') status = next;
    },
    leave: () => undefined,
    onUpdate(listener) {
      updateListeners.add(listener);
      return () => updateListeners.delete(listener);
    },
  };
  const running = createMixJob({
    programmeEntry: PROGRAMME_ENTRY,
    pictureNetworks: [],
    encoders: async () => ({ video: 'libx264', heAac: null }),
  })(context);
  const stop = async (reason: StopReason): Promise<JobOutcome> => {
    controller.abort(reason);
    return running;
  };
  return {
    source,
    nginx,
    setUsers(...userIds) {
      users = userIds.map((userId, index) => onAir(userId, index + 1));
      for (const listener of listeners) listener();
    },
    setBlocked(blocked) {
      users = users.map((user) => ({ ...user, blocked: { ...blocked, at: 2 } }));
      for (const listener of listeners) listener();
    },
    setOtherUsers(...userIds) {
      otherUsers = userIds.map((userId, index) => onAir(userId, index + 1, '5'));
      for (const listener of listeners) listener();
    },
    watched: () => [...watched],
    setLayout(layout) {
      const programme = { ...SMALL_PROGRAMME, layout };
      task = { ...task, revision: task.revision + 1, source: { ...SOURCE, programme } };
      for (const listener of updateListeners) listener();
    },
    status: () => status,
    stop,
    async timeOnAir() {
      // nginx-rtmp records from zero, but players get the timestamps as they were published.
      const show = [
        '-v',
        'error',
        '-select_streams',
        'v',
        '-show_entries',
        'packet=pts_time',
        '-of',
        'csv=p=0',
      ];
      const url = nginx.rtmpUrl('internal', STREAM);
      const { stdout } = await run('ffprobe', [...show, '-read_intervals', '%+#1', url]);
      return Number.parseFloat(stdout);
    },
    async close() {
      await stop('stopped');
      await source.close();
      await nginx.stop();
    },
  };
}

let rig: JobRig | null = null;

afterEach(async () => {
  await rig?.close();
  rig = null;
});

test('the job follows the users of its room, publishes the task stream and stops when told', async () => {
  const on = await startJobRig();
  rig = on;
  const clip = await makeColourClip({ color: 'green', toneHz: 600 });
  on.source.play('7_1001_ann_main', clip);
  on.source.play('7_1001_bob_main', clip);
  on.setUsers('ann');
  await eventually(
    () =>
      on
        .status()
        ?.inputs.map((input) => input.state)
        .join() === 'live',
  );
  on.setUsers('ann', 'bob');
  await eventually(
    () =>
      on
        .status()
        ?.inputs.map((input) => input.state)
        .join() === 'live,live',
  );
  on.setUsers('bob');
  await eventually(
    () =>
      on
        .status()
        ?.inputs.map((input) => input.userId)
        .join() === 'bob',
  );
  expect(await on.nginx.publishSessions('internal', STREAM)).toBe(1);
  const outcome = await on.stop('stopped');
  expect(outcome).toEqual({ result: 'stopped' });
  await eventually(async () => (await on.nginx.livePublishers()) === 0);
});

test('a programme process that dies is started anew and its timestamps go on', async () => {
  const on = await startJobRig();
  rig = on;
  const startedAt = Date.now();
  on.source.play('7_1001_ann_main', await makeColourClip({ color: 'green', toneHz: 600 }));
  on.setUsers('ann');
  const first = await eventually(() => (on.status()?.inputs[0]?.state === 'live' ? on.status()?.pid : null));
  const before = await on.timeOnAir();
  expect(before).toBeGreaterThan((startedAt - TASK.createdAt) / 1000);
  process.kill(first, 'SIGKILL');
  await eventually(() => on.status()?.pid !== first && on.status()?.inputs[0]?.state === 'live');
  expect(await on.nginx.publishSessions('internal', STREAM)).toBe(2);
  expect(await on.timeOnAir()).toBeGreaterThan(before);
});

test('a layout changed in the task is shown by the running programme, and by one that follows it', async () => {
  const on = await startJobRig();
  rig = on;
  const clip = await makeColourClip({ color: 'green', toneHz: 600 });
  on.source.play('7_1001_ann_main', clip);
  on.source.play('7_1001_bob_main', clip);
  on.setUsers('ann', 'bob');
  const sizes = () => on.status()?.inputs.map((input) => `${input.state} ${input.width}x${input.height}`);
  await eventually(() => sizes()?.join() === 'live 320x360,live 320x360');
  const pid = on.status()?.pid ?? 0;
  on.setLayout({ mode: 'floating', main: { userId: 'bob' } });
  await eventually(() => sizes()?.join() === 'live 150x84,live 640x360');
  expect(on.status()).toMatchObject({ pid, encoderStarts: 1 });
  expect(await on.nginx.publishSessions('internal', STREAM)).toBe(1);
  process.kill(pid, 'SIGKILL');
  await eventually(() => on.status()?.pid !== pid && sizes()?.join() === 'live 150x84,live 640x360');
});

test('a user of another room is shown by the cell that names it, and its room is watched meanwhile', async () => {
  const on = await startJobRig();
  rig = on;
  const clip = await makeColourClip({ color: 'green', toneHz: 600 });
  for (const stream of ['7_1001_ann_main', '7_5_ann_main', '7_5_bob_main']) on.source.play(stream, clip);
  on.setUsers('ann');
  on.setOtherUsers('ann', 'bob');
  const shown = () => on.status()?.inputs.map((input) => `${input.streamId} ${input.state} ${input.width}`);
  await eventually(() => shown()?.join() === '7_1001_ann_main live 640');
  const room = { kind: 'number', value: 5 } as const;
  const box = { y: 0, height: 180 };
  const guest = { ...box, x: 320, width: 160, source: { userId: 'Ann', stream: 'main', room } as const };
  on.setLayout({ mode: 'custom', cells: [{ ...box, x: 0, width: 320 }, guest] });
  await eventually(() => shown()?.join() === '7_1001_ann_main live 320,7_5_ann_main live 160');
  expect(on.watched()).toEqual([1001, 5]);
  on.setOtherUsers('bob');
  await eventually(() => shown()?.join() === '7_1001_ann_main live 320');
  on.setLayout({ mode: 'grid' });
  await eventually(() => on.watched().join() === '1001');
});

test('a run that was fenced says so', async () => {
  const on = await startJobRig();
  rig = on;
  await eventually(() => on.status()?.state === 'running');
  expect(await on.stop('fenced')).toEqual({ result: 'fenced' });
});

test('a user who is blocked on the air falls silent in the mix that runs, and is heard again when freed', async () => {
  const on = await startJobRig();
  rig = on;
  on.source.play('7_1001_ann_main', await makeColourClip({ color: 'green', toneHz: 600 }));
  on.setUsers('ann');
  const isHeard = () => (on.status()?.inputs[0]?.volume ?? 0) > 50;
  await eventually(isHeard);
  on.setBlocked({ audio: true, video: false });
  await eventually(() => on.status()?.inputs[0]?.volume === 0);
  on.setBlocked({ audio: false, video: false });
  await eventually(isHeard);
  expect(on.status()).toMatchObject({ encoderStarts: 1, publisherStarts: 1 });
});

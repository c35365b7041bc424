import { createHmac } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { type Hooked, type HookServer, startHookServer } from '../../support/hook-server.ts';
import { findDescendant } from '../../support/process-tree.ts';
import { makeTestDir, type RunningRoomcast, startRoomcast } from '../../support/roomcast.ts';
import { type RtmpSink, startRtmpSink } from '../../support/rtmp-sink.ts';
import { GUESTS, Studio } from '../../support/studio.ts';

const ROOM = 61;
const WAIT_MS = 60_000;
const CALLBACK_KEY = 'RelayCallbackKey9';
const ADMIN_TOKEN = 't'.repeat(32);
const STREAM_KEY = 'stream-key-of-relay-callbacks';

let hooks: HookServer;
let good: RtmpSink;
let bad: RtmpSink;
let studio: Studio;
let roomcast: RunningRoomcast;
let taskId: string;
const others: RtmpSink[] = [];
/** As its supervisor starts it. */
const WORKER = /main\.js worker/;

beforeAll(async () => {
  hooks = await startHookServer();
  good = await startRtmpSink();
  bad = await startRtmpSink();
  bad.refuseWith = 'NetStream.Publish.BadName';
  const dataDir = await makeTestDir('callbacks');
  await mkdir(dataDir, { recursive: true });
  const app = {
    sdkAppId: 1_400_000_001,
    name: 'default',
    secretKey: 'k'.repeat(64),
    apiKeys: [],
    callbacks: { url: hooks.url, key: CALLBACK_KEY, groups: [4] },
  };
  const apps = JSON.stringify({ apps: [app], adminToken: ADMIN_TOKEN });
  await writeFile(path.join(dataDir, 'apps.json'), apps, { mode: 0o600 });
  roomcast = await startRoomcast({ dataDir });
  studio = await Studio.open([GUESTS.red]);
  await studio.publish(roomcast, ROOM, GUESTS.red);
});

afterAll(async () => {
  await studio?.close();
  await roomcast?.stop();
  for (const server of [good, bad, ...others, hooks]) await server?.close();
});

const portOf = ({ port }: RtmpSink) => `rtmp://127.0.0.1:${port}/live/****`;
const payloadOf = ({ json }: Hooked) => json.EventInfo.Payload;

/** What was told of one URL, in the order of its times, each status once in a row. */
function statusesOf(sink: RtmpSink): number[] {
  const own = hooks.requests.filter((told) => payloadOf(told).Url === portOf(sink));
  const sorted = own.toSorted((a, b) => a.json.EventInfo.EventMsTs - b.json.EventInfo.EventMsTs);
  return sorted.map((told) => payloadOf(told).Status).filter((one, index, all) => one !== all[index - 1]);
}

/** All bytes that roomcast keeps, but the file in which apps are configured. */
async function keptBytes(): Promise<string> {
  const names = await readdir(roomcast.dataDir, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile() && entry.name !== 'apps.json');
  const texts = await Promise.all(
    files.map((entry) => readFile(path.join(entry.parentPath, entry.name), 'latin1').catch(() => '')),
  );
  return texts.join('\n');
}

it('an app hears of each URL of a relay: start, refusal, break, recovery and end', async () => {
  const urls = [good, bad].map(({ port }) => `rtmp://127.0.0.1:${port}/live/${STREAM_KEY}`).join('\n');
  const asked = [
    'relay',
    'start',
    '--room',
    String(ROOM),
    '--single',
    GUESTS.red.userId,
    '--to',
    '-',
    '--json',
  ];
  const started = await roomcast.cli(asked, `${urls}\n`);
  ({ taskId } = JSON.parse(started.stdout) as { taskId: string });
  await eventually(() => statusesOf(good).at(-1) === 2, WAIT_MS);
  await eventually(() => statusesOf(bad).includes(4), WAIT_MS);
  good.reset();
  await eventually(() => statusesOf(good).join() === '1,2,3,2', WAIT_MS);
  await roomcast.cli(['relay', 'stop', taskId]);
  await eventually(() => statusesOf(good).join() === '1,2,3,2,5,0', WAIT_MS);
  expect(statusesOf(bad)).toEqual([1, 4, 0]);

  const refused = hooks.requests.find((told) => payloadOf(told).Status === 4);
  expect(refused?.json).toEqual({
    EventGroupId: 4,
    EventType: 401,
    CallbackTs: expect.any(Number),
    EventInfo: {
      RoomId: ROOM,
      RoomType: 0,
      EventMsTs: expect.any(Number),
      UserId: expect.any(String),
      TaskId: taskId,
      Payload: { Url: portOf(bad), Status: 4, ErrorCode: 22, ErrorMsg: expect.stringMatching(/./) },
    },
  });
  for (const { headers, body } of hooks.requests) {
    expect(headers['sign']).toBe(createHmac('sha256', CALLBACK_KEY).update(body).digest('base64'));
  }
  const metrics = await (await fetch(`${roomcast.http}/metrics`)).text();
  expect(metrics).toMatch(/^roomcast_callbacks_total\{app="1400000001",outcome="delivered"\} [1-9]/m);
  const everything = [
    metrics,
    roomcast.logs(),
    ...hooks.requests.map(({ body }) => body.toString()),
    await keptBytes(),
  ].join('\n');
  expect(everything).toContain(taskId);
  for (const secret of [CALLBACK_KEY, 'hook-url-s3cret', STREAM_KEY])
    expect(everything).not.toContain(secret);
});

it('relay show has what happened to each target, and why', async () => {
  const shown = JSON.parse((await roomcast.cli(['relay', 'show', taskId, '--json'])).stdout);
  const ways = shown.push.events
    .filter((event: { url: string }) => event.url === portOf(bad))
    .map(({ from, to }: { from: string; to: string }) => `${from} ${to}`);
  expect(ways[0]).toBe('idle connecting');
  expect(ways).toContain('connecting refused');
  const refused = shown.push.events.find((event: { to: string }) => event.to === 'refused');
  expect(refused).toMatchObject({ type: 'push-state', error: { code: 'key-refused' }, nextRetryAt: null });
  const text = (await roomcast.cli(['relay', 'show', taskId])).stdout;
  expect(text).toMatch(/push-state .*: live -> stopped/);
});

async function shownState(task: string): Promise<string | undefined> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const answer = await fetch(`${roomcast.http}/api/v1/relays/${task}`, { headers });
  return ((await answer.json()) as { targets: { state: string }[] }).targets[0]?.state;
}

/** Starts a relay to a server of its own and waits until the app has heard that it is live. */
async function goLive(): Promise<{ sink: RtmpSink; task: string }> {
  const sink = await startRtmpSink();
  others.push(sink);
  const url = `rtmp://127.0.0.1:${sink.port}/live/${STREAM_KEY}`;
  const asked = [
    'relay',
    'start',
    '--room',
    String(ROOM),
    '--single',
    GUESTS.red.userId,
    '--to',
    '-',
    '--json',
  ];
  const started = await roomcast.cli(asked, `${url}\n`);
  await eventually(() => statusesOf(sink).join() === '1,2', WAIT_MS);
  const { taskId: task } = JSON.parse(started.stdout) as { taskId: string };
  // In Redis, too: a worker that is killed leaves what it wrote last.
  await eventually(async () => (await shownState(task)) === 'live', WAIT_MS);
  return { sink, task };
}

it('a relay that goes on at another worker is recovering, not new: its worker was asked to end', async () => {
  const { sink, task } = await goLive();
  const before = findDescendant(roomcast.pid, WORKER).pid;
  process.kill(before, 'SIGTERM');
  await eventually(() => statusesOf(sink).join() === '1,2,3,2', WAIT_MS);
  await eventually(() => findDescendant(roomcast.pid, WORKER).pid !== before, WAIT_MS);
  await roomcast.cli(['relay', 'stop', task]);
  await eventually(() => statusesOf(sink).join() === '1,2,3,2,5,0', WAIT_MS);
});

it('a relay that is stopped while no worker runs it is told to have ended', async () => {
  const { sink, task } = await goLive();
  process.kill(findDescendant(roomcast.pid, WORKER).pid, 'SIGKILL');
  await roomcast.cli(['relay', 'stop', task]);
  await eventually(() => statusesOf(sink).at(-1) === 0, WAIT_MS);
  // On a slow machine the next worker may have had it for a moment.
  expect(['1,2,5,0', '1,2,3,5,0', '1,2,3,2,5,0']).toContain(statusesOf(sink).join());
});

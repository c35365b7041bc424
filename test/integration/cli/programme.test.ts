import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { type RunningRoomcast, startRoomcast, testEnv } from '../../support/roomcast.ts';
import { cliJson, GUESTS, Studio } from '../../support/studio.ts';

const MAIN = path.resolve(import.meta.dirname, '../../../dist/src/main.js');
/** Nobody listens on port 1: the mix runs all the same. */
const TO = 'rtmp://127.0.0.1:1/live/key';

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
type Shown = any;

async function fine(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await roomcast.cli(args);
  expect({ args, code }, stderr).toEqual({ args, code: 0 });
  return stdout;
}

/** `roomcast events` as somebody runs it; ended by SIGINT, as by Ctrl-C. */
function followEvents(...args: string[]) {
  const child = spawn(process.execPath, [MAIN, 'events', ...args], { env: testEnv(roomcast.dataDir) });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const ended = new Promise<number | null>((resolve) => {
    child.once('exit', resolve);
  });
  return {
    lines,
    async interrupt(): Promise<number | null> {
      child.kill('SIGINT');
      return ended;
    },
  };
}

it('a relay is started, watched and changed on the air by options and from a file', async () => {
  const publisher = await studio.publish(roomcast, 71, GUESTS.red);
  const events = followEvents('--room', '71', '--json');
  const started = ['relay', 'start', '--room', '71', '--to', TO, '--size', '640x360', '--text', 'On air'];
  const { taskId } = await cliJson<{ taskId: string }>(roomcast, ...started);
  const show = () => cliJson<Shown>(roomcast, 'relay', 'show', taskId);
  const live = await eventually(
    async () => {
      const shown = await show();
      return shown.mix.inputs[0]?.state === 'live' && shown.mix.inputs[0].volume > 0 && shown;
    },
    40_000,
    250,
  );
  expect(live.mix.inputs[0]).toMatchObject({ userId: 'red', width: 640, height: 360, hasAudio: true });
  expect(live.programme).toMatchObject({
    video: { width: 640 },
    watermarks: [{ type: 'text', text: 'On air' }],
  });

  const speaking = await eventually(() => events.lines.find((line) => line.includes('"speaking"')));
  expect(JSON.parse(speaking)).toMatchObject({ room: 71, taskId, event: { levels: [{ userId: 'red' }] } });

  await fine(
    'relay',
    'update',
    taskId,
    '--mute',
    'red',
    '--layout',
    'floating',
    '--main',
    'red',
    '--sequence',
    '2',
  );
  const file = path.join(roomcast.dataDir, 'programme.json');
  const cells = [{ x: 0, y: 0, width: 320, height: 180, opacity: 0.5 }];
  await writeFile(file, JSON.stringify({ layout: { mode: 'custom', cells } }));
  await fine('relay', 'update', taskId, '--programme', file, '--text', 'none', '--sequence', '3');
  const changed = await eventually(
    async () => {
      const shown = await show();
      return shown.mix.inputs[0]?.width === 320 && shown;
    },
    30_000,
    250,
  );
  expect(changed).toMatchObject({
    sequenceNumber: 3,
    programme: { layout: { mode: 'custom', cells }, sound: { block: [{ userId: 'red' }] } },
  });
  expect(changed.programme.watermarks).toBeUndefined();
  expect(changed.mix.encoder.starts).toBe(1);

  const stale = await roomcast.cli(['relay', 'update', taskId, '--background', '#000000', '--sequence', '3']);
  expect(stale.code).toBe(1);
  expect(stale.stderr).toMatch(/is old and changes nothing/);

  const text = await fine('relay', 'show', taskId);
  expect(text).toMatch(/layout custom, 1 cells; 640x360, 30 fps, 2500 kbps; aac-lc 128 kbps/);
  expect(text).toMatch(/red +live +320x180 +\d+/);
  expect(text).toMatch(/encoder: \d+ pictures, \d+ dropped/);
  expect(await events.interrupt()).toBe(0);
  await publisher.kill();
  await fine('relay', 'stop', taskId);
});

it('a recording takes the same options, and changes', async () => {
  const args = [
    'record',
    'start',
    '--room',
    '72',
    '--layout',
    'share',
    '--main',
    'ann',
    '--background',
    '#204060',
  ];
  const { taskId } = await cliJson<{ taskId: string }>(roomcast, ...args);
  await fine('record', 'update', taskId, '--main-side', 'right', '--fps', '25');
  const { programme } = await cliJson<Shown>(roomcast, 'record', 'show', taskId);
  expect(programme).toMatchObject({
    layout: { mode: 'share', main: { userId: 'ann' }, mainSide: 'right' },
    background: '#204060',
    video: { width: 1280, fps: 25 },
  });
  expect(await fine('record', 'show', taskId)).toContain('layout share, main ann');
});

it('events refuses what it cannot follow in one sentence', async () => {
  const { code, stderr } = await roomcast.cli(['events', '--task', 'nosuchtask']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/there is no task nosuchtask/);
});

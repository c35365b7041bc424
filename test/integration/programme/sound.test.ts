import { afterEach, beforeAll, expect, test } from 'vitest';
import type { MixStatus } from '../../../src/domain/job.ts';
import type { MixEvent } from '../../../src/domain/mix-event.ts';
import { type FlvTag, isKeyFrame } from '../../../src/media/flv/tag.ts';
import { largestClick } from '../../support/clicks.ts';
import { makeFlvBytes, parseFlv } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import {
  colourDistance,
  decodeErrors,
  lastPicture,
  lastSound,
  meanColour,
  type Rgb,
  toneLevel,
} from '../../support/media-checks.ts';
import { type ProgrammeRig, SMALL_PROGRAMME, startProgrammeRig } from '../../support/programme-rig.ts';
import { seiMessages } from '../../support/sei.ts';

const { width, height } = SMALL_PROGRAMME.video;
/** Of full scale, both channels in one: FFmpeg's sine source is an eighth, and 3 dB less on each of two channels. */
const TONE = 0.125;
/** Nothing but the codec. */
const SILENT = 0.004;
const HZ = { ann: 500, bob: 1100 } as const;
const RED: Rgb = [255, 0, 0];
/** No clip is played twice: where a clip begins again its own tone jumps. */
const SECONDS = 60;

/** Whole waves of both tones. */
const PART = 9600;

type User = keyof typeof HZ;

async function toneClip(
  toneHz: number,
  volume: number,
  color?: string,
  seconds = SECONDS,
): Promise<FlvTag[]> {
  const video = color === undefined ? { video: false } : { picture: `color=c=${color}:s=320x180:r=15` };
  return parseFlv(await makeFlvBytes({ ...video, toneHz, volume, fps: 15, gop: 15, seconds }));
}

let clips: Record<User, FlvTag[]>;
let rig: ProgrammeRig | null = null;

beforeAll(async () => {
  const [ann, bob] = await Promise.all([toneClip(HZ.ann, 1, 'red'), toneClip(HZ.bob, 1, 'blue')]);
  clips = { ann, bob };
}, 60_000);

afterEach(async () => {
  await rig?.close();
  rig = null;
});

const areLive = (count: number) => (status: MixStatus) =>
  status.inputs.length === count && status.inputs.every((input) => input.state === 'live');

/** Both users on the air. */
async function startRoom(): Promise<ProgrammeRig> {
  rig = await startProgrammeRig();
  for (const user of ['ann', 'bob'] as const) rig.source.play(user, clips[user]);
  rig.show(['ann', 'bob']);
  await rig.until(areLive(2));
  return rig;
}

/** Sooner or later the last 300 ms have the tones of the users this loud, 1 as they were sent. */
async function expectGains(of: ProgrammeRig, gains: Record<User, number>): Promise<void> {
  await eventually(async () => {
    const sound = await lastSound(await of.recording(), 0.3);
    for (const user of ['ann', 'bob'] as const) {
      const level = toneLevel(sound, HZ[user]);
      if (gains[user] === 0) expect(level, user).toBeLessThan(SILENT);
      else expect(level / TONE, user).toBeCloseTo(gains[user], 1);
    }
    return true;
  });
}

/** What is there beside the two tones, against all of it. */
function distortionDb(sound: Float32Array): number {
  const power = sound.reduce((sum, value) => sum + value * value, 0) / sound.length;
  const tones = Object.values(HZ).map((hz) => toneLevel(sound, hz));
  const rest = power - tones.reduce((sum, level) => sum + level ** 2 / 2, 0);
  return 10 * Math.log10(Math.abs(rest) / power);
}

function volumesOf(status: MixStatus | null): number[] {
  return status?.inputs.map((input) => input.volume) ?? [];
}

function speaking(events: readonly MixEvent[]) {
  return events.flatMap((event) => (event.type === 'speaking' ? [event] : []));
}

test('lists and levels say who is heard how loud, changed on the air', async () => {
  const on = await startRoom();
  await expectGains(on, { ann: 1, bob: 1 });
  on.change({ sound: { allow: [{ userId: 'BOB' }] } });
  await expectGains(on, { ann: 0, bob: 1 });
  on.change({ sound: { levels: [{ userId: 'Ann', level: 50 }] } });
  await expectGains(on, { ann: 0.5, bob: 1 });
  on.change({ sound: { block: [{ userId: 'bob' }], levels: [{ userId: 'ann', level: 20 }] } });
  await expectGains(on, { ann: 0.2, bob: 0 });
  // Whoever is not mixed is still heard to speak.
  await on.until((status) => volumesOf(status).every((volume) => volume > 60));
  on.change({ sound: {} });
  await expectGains(on, { ann: 1, bob: 1 });
  expect(on.status()?.encoderStarts).toBe(1);
  expect(await on.nginx.publishSessions('live', 'mix')).toBe(1);
});

test('a user whom the room blocks is silent, or a placeholder, and comes back at once', async () => {
  const on = await startRoom();
  const left = { x: 0, y: 0, width: width / 2, height };
  const annIsRed = async () =>
    colourDistance(meanColour(await lastPicture(await on.recording(), width, height), left), RED) < 60;
  await expectGains(on, { ann: 1, bob: 1 });
  expect(await eventually(annIsRed)).toBe(true);
  on.block('ann', { audio: true, video: false });
  await expectGains(on, { ann: 0, bob: 1 });
  await on.until((status) => volumesOf(status)[0] === 0 && (volumesOf(status)[1] ?? 0) > 60);
  expect(await annIsRed()).toBe(true);
  on.block('ann', { audio: false, video: true });
  await expectGains(on, { ann: 1, bob: 1 });
  await eventually(async () => !(await annIsRed()));
  on.block('ann', { audio: false, video: false });
  await eventually(annIsRed);
  expect(on.status()?.encoderStarts).toBe(1);
});

test('no change of level, block, entry, stall or leave can be heard as a click', async () => {
  const loud = await toneClip(HZ.ann, 4, 'red');
  const on = await startProgrammeRig();
  rig = on;
  const camera = on.source.play('ann', loud);
  on.show(['ann']);
  await on.until(areLive(1));
  await on.pass(1000);
  for (const level of [30, 100, 0, 60, 100]) {
    on.change({ sound: { levels: [{ userId: 'ann', level }] } });
    await on.pass(400);
  }
  for (const audio of [true, false]) {
    on.block('ann', { audio, video: false });
    await on.pass(400);
  }
  camera.freeze();
  await on.until((status) => status.inputs[0]?.state === 'stalled');
  camera.thaw();
  await on.until(areLive(1));
  await on.pass(1500);
  on.show([]);
  await on.pass(1500);
  const sound = await lastSound(await on.recording(), 3600);
  const parts = Array.from({ length: Math.floor(sound.length / 4800) }, (_, at) =>
    toneLevel(sound.subarray(at * 4800, (at + 1) * 4800), HZ.ann),
  );
  // It was heard, it was silent, and the last second is.
  expect(Math.max(...parts)).toBeGreaterThan(TONE * 3.6);
  expect(parts.slice(-10).every((level) => level < SILENT)).toBe(true);
  expect(largestClick(sound, HZ.ann)).toMatchObject({ size: expect.toSatisfy((size) => size < 0.01) });
});

test('sixteen users who shout are turned down: no sample reaches full scale', async () => {
  const users = Array.from({ length: 16 }, (_, at) => ({ name: `u${at}`, hz: Math.round(200 * 1.19 ** at) }));
  const on = await startProgrammeRig();
  rig = on;
  const shouts = await Promise.all(users.map(({ hz }) => toneClip(hz, 8, undefined, 10)));
  for (const [at, { name }] of users.entries()) on.source.play(name, shouts[at] ?? []);
  on.show(users.map((user) => user.name));
  await on.until(areLive(16), 60_000);
  await on.pass(2000);
  const sound = await lastSound(await on.recording(), 3600, 'left');
  const peak = sound.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(peak).toBeLessThan(1);
  expect(peak).toBeGreaterThan(0.8);
  // A busy machine may be late with one of sixteen decoders for a moment, not all the time.
  await eventually(async () => {
    const last = await lastSound(await on.recording(), 1, 'left');
    for (const { hz } of users) expect(toneLevel(last, hz), `${hz} Hz`).toBeGreaterThan(0.02);
    return true;
  });
});

test('two users who shout stay two tones', async () => {
  const on = await startProgrammeRig();
  rig = on;
  for (const user of ['ann', 'bob'] as const)
    on.source.play(user, await toneClip(HZ[user], 8, undefined, 20));
  on.show(['ann', 'bob']);
  await on.until(areLive(2));
  await on.pass(3000);
  // In parts, most of which have no correction of drift: that is a jump of phase and no distortion.
  const sound = await lastSound(await on.recording(), 3, 'left');
  const parts = Array.from({ length: 15 }, (_, at) => sound.subarray(at * PART, (at + 1) * PART));
  const below = parts.map(distortionDb).sort((a, b) => a - b);
  expect(below[7]).toBeLessThan(-35);
});

test('who speaks is told every second, and once more when all are silent', async () => {
  const on = await startRoom();
  await eventually(() => speaking(on.events).length >= 4);
  const both = speaking(on.events).at(-1);
  expect(both?.levels).toEqual([
    { streamId: 'ann', userId: 'ann', volume: expect.toSatisfy((volume) => Math.abs(volume - 65) <= 2) },
    { streamId: 'bob', userId: 'bob', volume: expect.toSatisfy((volume) => Math.abs(volume - 65) <= 2) },
  ]);
  on.block('ann', { audio: true, video: false });
  await eventually(() => speaking(on.events).at(-1)?.levels.length === 1);
  on.block('bob', { audio: true, video: false });
  await eventually(() => speaking(on.events).at(-1)?.levels.length === 0);
  const told = speaking(on.events);
  await on.pass(2500);
  expect(speaking(on.events)).toHaveLength(told.length);
  const steps = told.slice(1).map((event, at) => event.at - (told[at]?.at ?? 0));
  for (const step of steps.slice(1)) expect(Math.abs(step - 1000)).toBeLessThan(400);
});

test('cells and volumes stand in the pictures, and what is wanted there changes with one encoder', async () => {
  const on = await startRoom();
  const uuid = '0123456789abcdef0123456789abcdef';
  on.change({
    sei: {
      layoutVolume: { payloadType: 100, intervalMs: 500, appData: 'app' },
      passThrough: { payloadType: 5, uuid, intervalMs: 1000, content: 'hello' },
    },
  });
  await on.pass(3500);
  on.show(['ann', 'bob'], { mode: 'floating', main: { userId: 'bob' } });
  on.block('ann', { audio: true, video: false });
  await on.pass(3000);
  on.change({ sei: { passThrough: { payloadType: 243, intervalMs: 200, content: 'bye', followIdr: true } } });
  await on.pass(2000);
  const tags = await on.received();
  const messages = seiMessages(tags);
  const told = messages.filter((message) => message.payloadType === 100);
  const layouts = told.map((message) => JSON.parse(String(message.payload)));
  const half = { y: 0, w: width / 2, h: height };
  expect(
    layouts.find((layout) => layout.regions.every((region: { volume: number }) => region.volume > 60)),
  ).toEqual({
    app_data: 'app',
    canvas: { w: width, h: height },
    regions: [
      { uid: 'ann', zorder: 0, volume: expect.any(Number), x: 0, ...half },
      { uid: 'bob', zorder: 0, volume: expect.any(Number), x: width / 2, ...half },
    ],
    ver: '1.0',
    ts: expect.toSatisfy((seconds) => Math.abs(seconds - Date.now() / 1000) < 60),
  });
  expect(layouts.at(-1)?.regions).toMatchObject([
    { uid: 'bob', zorder: 0, x: 0, y: 0, w: width, h: height, volume: expect.toSatisfy((now) => now > 60) },
    { uid: 'ann', zorder: 1, volume: 0 },
  ]);
  const steps = told.slice(1).map((message, at) => message.timestamp - (told[at]?.timestamp ?? 0));
  // They go with pictures: with the next one, where a busy machine left some out.
  const droppedMs = ((on.status()?.framesDropped ?? 0) * 1000) / SMALL_PROGRAMME.video.fps;
  for (const step of steps) expect(Math.abs(step - 500)).toBeLessThan(120 + droppedMs);

  const own = messages.filter(
    ({ payloadType, payload }) => payloadType === 5 && payload.subarray(0, 16).toString('hex') === uuid,
  );
  expect(own.length).toBeGreaterThanOrEqual(5);
  expect(new Set(own.map(({ payload }) => String(payload.subarray(16))))).toEqual(new Set(['hello']));
  // x264 tells of itself in front of its first picture.
  expect(messages[0]).toMatchObject({ payloadType: 5, isKey: true });
  expect(String(messages[0]?.payload)).toContain('x264');

  const bye = messages.filter((message) => message.payloadType === 243);
  expect(String(bye[0]?.payload)).toBe('bye');
  expect(bye[0]?.timestamp).toBeGreaterThan(told.at(-1)?.timestamp ?? 0);
  const since = bye[0]?.timestamp ?? 0;
  const keys = tags.filter((tag) => isKeyFrame(tag) && tag.timestamp >= since).map((tag) => tag.timestamp);
  expect(keys.length).toBeGreaterThan(0);
  expect(bye.map((message) => message.timestamp)).toEqual(expect.arrayContaining(keys));

  expect(await decodeErrors(await on.wholeRecording())).toBe('');
  expect(
    await decodeErrors(
      await on.wholeRecording(),
      [],
      ['-c', 'copy', '-bsf:v', 'h264_mp4toannexb,trace_headers'],
    ),
  ).toBe('');
  expect(on.status()?.encoderStarts).toBe(1);
});

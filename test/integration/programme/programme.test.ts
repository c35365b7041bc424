import { afterEach, beforeAll, expect, test } from 'vitest';
import { type FlvTag, TAG_AUDIO, TAG_VIDEO } from '../../../src/media/flv/tag.ts';
import { makeColourClip } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import {
  type Box,
  colourDistance,
  lastPicture,
  lastSound,
  meanColour,
  type Rgb,
  toneLevel,
  trackTimes,
} from '../../support/media-checks.ts';
import { type ProgrammeRig, SMALL_PROGRAMME, startProgrammeRig } from '../../support/programme-rig.ts';

const { width, height } = SMALL_PROGRAMME.video;
const RED: Rgb = [255, 0, 0];
const BLUE: Rgb = [0, 0, 255];
const WHITE: Rgb = [255, 255, 255];
const TONES = { red: 500, blue: 1100, white: 1700 } as const;
const TOLERANCE = 40;
/** A tone of FFmpeg's sine source is 1/8 of full scale. */
const AUDIBLE = 0.06;
const SILENT = 0.01;
const HALVES: readonly [Box, Box] = [
  { x: 0, y: 0, width: width / 2, height },
  { x: width / 2, y: 0, width: width / 2, height },
];

let clips: { readonly red: FlvTag[]; readonly blue: FlvTag[]; readonly white: FlvTag[] };
let rig: ProgrammeRig | null = null;

beforeAll(async () => {
  const [red, blue, white] = await Promise.all([
    makeColourClip({ color: 'red', toneHz: TONES.red }),
    makeColourClip({ color: 'blue', toneHz: TONES.blue, size: '320x240', fps: 25 }),
    makeColourClip({ color: 'white', toneHz: TONES.white, size: '360x640', fps: 15 }),
  ]);
  clips = { red, blue, white };
});

afterEach(async () => {
  await rig?.close();
  rig = null;
});

async function startRig(): Promise<ProgrammeRig> {
  rig = await startProgrammeRig();
  return rig;
}

async function colourAt(of: ProgrammeRig, box: Box): Promise<Rgb> {
  return meanColour(await lastPicture(await of.recording(), width, height), box);
}

async function expectColour(of: ProgrammeRig, box: Box, colour: Rgb): Promise<void> {
  await eventually(async () => {
    const seen = await colourAt(of, box);
    expect(colourDistance(seen, colour), `saw ${seen}, wanted ${colour}`).toBeLessThan(TOLERANCE);
    return true;
  });
}

type Tone = keyof typeof TONES;

/** The last half second has exactly these tones, sooner or later. */
async function expectTones(of: ProgrammeRig, wanted: readonly Tone[]): Promise<void> {
  await eventually(async () => {
    const sound = await lastSound(await of.recording(), 0.5);
    for (const tone of Object.keys(TONES) as Tone[]) {
      const level = toneLevel(sound, TONES[tone]);
      if (wanted.includes(tone)) expect(level, tone).toBeGreaterThan(AUDIBLE);
      else expect(level, tone).toBeLessThan(SILENT);
    }
    return true;
  });
}

function allLive(count: number) {
  return ({ inputs }: { inputs: readonly { state: string }[] }) =>
    inputs.length === count && inputs.every((input) => input.state === 'live');
}

async function expectContinuous(of: ProgrammeRig, largestVideoGapMs: number): Promise<void> {
  const tags = await of.received();
  for (const type of [TAG_VIDEO, TAG_AUDIO] as const) {
    const times = trackTimes(tags, type);
    expect(times.wentBack).toEqual([]);
    // On a machine too busy to encode in real time frames are dropped, and counted.
    const droppedMs = ((of.status()?.framesDropped ?? 0) * 1000) / SMALL_PROGRAMME.video.fps;
    if (type === TAG_VIDEO) expect(times.largestGapMs).toBeLessThanOrEqual(largestVideoGapMs + droppedMs);
  }
  expect(await of.nginx.publishSessions('live', 'mix')).toBe(1);
}

test('an empty room shows the background and is silent, and both tracks exist', async () => {
  const on = await startRig();
  await on.until((status) => status.state === 'running');
  await on.pass(1500);
  await expectColour(on, { x: 0, y: 0, width, height }, [0x10, 0x14, 0x18]);
  const sound = await lastSound(await on.recording(), 1);
  expect(sound.length).toBeGreaterThan(40_000);
  expect(Math.max(...sound.map(Math.abs))).toBeLessThan(SILENT);
});

test('users that join and leave change the picture and the sound and nothing else', async () => {
  const on = await startRig();
  on.source.play('red', clips.red);
  on.source.play('blue', clips.blue);
  on.source.play('white', clips.white);
  on.show(['red']);
  await on.until(allLive(1));
  on.show(['red', 'blue']);
  await on.until(allLive(2));
  await on.pass(2500);
  await expectColour(on, HALVES[0], RED);
  await expectColour(on, HALVES[1], BLUE);
  await expectTones(on, ['red', 'blue']);

  on.show(['red', 'blue', 'white']);
  await on.until(allLive(3));
  await on.pass(2500);
  const quarter = { width: width / 2, height: height / 2 };
  await expectColour(on, { x: 0, y: 0, ...quarter }, RED);
  await expectColour(on, { x: width / 2, y: 0, ...quarter }, BLUE);
  await expectColour(on, { x: 0, y: height / 2, ...quarter }, WHITE);

  on.show(['blue', 'white']);
  await on.until(allLive(2));
  await on.pass(2500);
  await expectColour(on, HALVES[0], BLUE);
  await expectColour(on, HALVES[1], WHITE);
  await expectTones(on, ['blue', 'white']);
  await expectContinuous(on, 100);
  expect(on.status()?.encoderStarts).toBe(1);
});

test('a publisher that stalls for five seconds is held, then replaced by the placeholder, and comes back', async () => {
  const on = await startRig();
  on.source.play('red', clips.red);
  const camera = on.source.play('blue', clips.blue);
  on.show(['red', 'blue']);
  await on.until(allLive(2));
  await on.pass(1500);
  camera.freeze();
  await on.until((status) => status.inputs[1]?.state === 'stalled');
  await expectColour(on, HALVES[1], BLUE);
  await on.until((status) => status.inputs[1]?.state === 'placeholder');
  await on.pass(1500);
  const gone = await colourAt(on, HALVES[1]);
  expect(colourDistance(gone, BLUE)).toBeGreaterThan(100);
  await expectTones(on, ['red']);
  camera.thaw();
  await on.until(allLive(2));
  await on.pass(2500);
  await expectColour(on, HALVES[1], BLUE);
  await expectTones(on, ['red', 'blue']);
  await expectContinuous(on, 100);
});

test('a publisher that is gone and comes back with times from zero is shown again', async () => {
  const on = await startRig();
  const first = on.source.play('red', clips.red);
  on.show(['red']);
  await on.until(allLive(1));
  await on.pass(1000);
  first.end();
  await on.until((status) => status.inputs[0]?.state === 'placeholder');
  on.source.play('red', clips.red);
  await on.until(allLive(1));
  await on.pass(2000);
  await expectColour(on, { x: 0, y: 0, width, height }, RED);
  await expectTones(on, ['red']);
  await expectContinuous(on, 100);
});

test('a decoder that is killed is replaced and the programme does not notice', async () => {
  const on = await startRig();
  on.source.play('red', clips.red);
  on.source.play('blue', clips.blue);
  on.show(['red', 'blue']);
  await on.until(allLive(2));
  await on.pass(1500);
  const before = on.children('scale=');
  expect(before).toHaveLength(2);
  process.kill(before[0] ?? 0, 'SIGKILL');
  await on.pass(3000);
  const after = on.children('scale=');
  expect(after).toHaveLength(2);
  expect(after).not.toContain(before[0]);
  await expectColour(on, HALVES[0], RED);
  await expectColour(on, HALVES[1], BLUE);
  await expectContinuous(on, 100);
});

test('an encoder that is killed is followed by another in the same session and on the same timeline', async () => {
  const on = await startRig();
  on.source.play('red', clips.red);
  on.show(['red']);
  await on.until(allLive(1));
  await on.pass(1500);
  const [encoder] = on.children('libx264');
  expect(encoder).toBeDefined();
  process.kill(encoder ?? 0, 'SIGKILL');
  await on.until((status) => status.encoderStarts === 2);
  await on.pass(2000);
  await expectColour(on, { x: 0, y: 0, width, height }, RED);
  await expectContinuous(on, 1000);
  // The sound has an encoder of its own.
  expect(trackTimes(await on.received(), TAG_AUDIO).largestGapMs).toBeLessThanOrEqual(22);
});

test('stopping ends every child, and the recorded programme is whole', async () => {
  const on = await startRig();
  on.source.play('red', clips.red);
  on.show(['red']);
  await on.until(allLive(1));
  const pids = on.children('ffmpeg');
  // Of decoding, of picture and of sound.
  expect(pids).toHaveLength(3);
  const exit = await on.child.stop();
  expect(exit).toEqual({ code: 0, signal: null, fenced: false });
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

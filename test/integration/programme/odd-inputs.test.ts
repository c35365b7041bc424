import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MixEvent } from '../../../src/domain/mix-event.ts';
import { isMedia, TAG_AUDIO, TAG_VIDEO } from '../../../src/media/flv/tag.ts';
import { makeColourClip } from '../../support/clip.ts';
import { makeEnhancedClip } from '../../support/enhanced.ts';
import { eventually } from '../../support/eventually.ts';
import type { SourceCamera } from '../../support/flv-source.ts';
import { type Box, lastPicture, lastSound, meanColour, toneLevel } from '../../support/media-checks.ts';
import { type Clip, cutOff, garbled, renamed, turning, withHole, without } from '../../support/odd-clips.ts';
import { type ProgrammeRig, SMALL_PROGRAMME, startProgrammeRig } from '../../support/programme-rig.ts';

const { width, height, fps } = SMALL_PROGRAMME.video;
/** Of the place in the grid. */
const TONES = [600, 900, 1300, 1900] as const;
/** A tone of FFmpeg's sine source is 1/8 of full scale. */
const AUDIBLE = 0.06;
const HOUR_MS = 3_600_000;
/** All that is odd happens this long after the camera's start. */
const TURN_MS = 1500;
const HOLE_MS = 10_000;
/** What lies behind it is looked at. */
const AFTER_MS = 2000;
/** Clips begin anew after 4 s: what is odd in them lies in every stretch of this length. */
const LOOP_SECONDS = 4.1;

interface ClipOptions {
  readonly seconds?: number;
  readonly size?: string;
  readonly fps?: number;
  readonly bFrames?: number;
  readonly audio?: { readonly sampleRate: number; readonly channels: number };
}

/** Clips of one tone. */
interface Studio {
  plain(options?: ClipOptions): Promise<Clip>;
  enhanced(codec: 'hvc1' | 'av01' | 'vp09', bFrames?: number): Promise<Clip>;
}

interface OddInput {
  readonly title: string;
  readonly make: (studio: Studio) => Promise<Clip>;
  readonly stamp?: (ms: number) => number;
  readonly sounds?: false;
  readonly looks?: false;
  /** Its sound must not suffer. */
  readonly steady?: true;
  /** What is told of it. */
  readonly tells?: Partial<Record<keyof MixEvent | 'what' | 'codec' | 'detail', unknown>>;
}

const wrapped = (ms: number): number => (ms + 2 ** 32) % 2 ** 32;
const changed = (what: string) => ({ type: 'input-changed', what });

/** Up to four are shown at a time. */
const GROUPS: readonly { readonly title: string; readonly cameras: readonly OddInput[] }[] = [
  {
    title: 'rates and tracks',
    cameras: [
      { title: 'of 5 frames a second', make: (s) => s.plain({ fps: 5 }), steady: true },
      { title: 'of 60 frames a second', make: (s) => s.plain({ fps: 60, size: '320x180' }), steady: true },
      { title: 'without sound', make: async (s) => without(await s.plain(), TAG_AUDIO), sounds: false },
      {
        title: 'without picture',
        make: async (s) => without(await s.plain(), TAG_VIDEO),
        looks: false,
        steady: true,
      },
    ],
  },
  {
    title: 'sizes',
    cameras: [
      { title: 'of 16x16', make: (s) => s.plain({ size: '16x16' }), steady: true },
      { title: 'of 3840x2160', make: (s) => s.plain({ size: '3840x2160', fps: 10 }) },
      {
        title: 'that grows from 16x16 to 1920x1080',
        make: async (s) =>
          turning(await s.plain({ size: '16x16' }), await s.plain({ size: '1920x1080' }), TURN_MS),
        tells: { ...changed('size'), detail: '16x16 -> 1920x1080' },
      },
      {
        title: 'that is turned from landscape to portrait',
        make: async (s) => turning(await s.plain(), await s.plain({ size: '360x640' }), TURN_MS),
        tells: { ...changed('size'), detail: '640x360 -> 360x640' },
      },
    ],
  },
  {
    title: 'timestamps',
    cameras: [
      {
        title: 'whose timestamps wrap at 2^32',
        make: (s) => s.plain(),
        stamp: (ms) => wrapped(ms - TURN_MS),
        steady: true,
        tells: changed('timestamps'),
      },
      {
        title: 'whose timestamps jump an hour ahead',
        make: (s) => s.plain(),
        stamp: (ms) => (ms < TURN_MS ? ms : ms + HOUR_MS),
        tells: changed('timestamps'),
      },
      {
        title: 'whose timestamps jump an hour back',
        make: (s) => s.plain(),
        stamp: (ms) => (ms < TURN_MS ? ms + HOUR_MS : ms),
        tells: changed('timestamps'),
      },
      {
        title: 'with a hole of 10 s',
        make: async (s) =>
          withHole(await s.plain({ seconds: 40, size: '320x180', fps: 10 }), TURN_MS, HOLE_MS),
        tells: changed('gap'),
      },
    ],
  },
  {
    title: 'damage',
    cameras: [
      {
        title: 'with a second of garbage for pictures',
        make: async (s) => garbled(await s.plain(), TAG_VIDEO, TURN_MS),
        steady: true,
        tells: { type: 'input-damaged' },
      },
      {
        title: 'with a second of pictures that end half way',
        make: async (s) => cutOff(await s.plain({ bFrames: 2 }), TAG_VIDEO, TURN_MS),
        steady: true,
        tells: { type: 'input-damaged' },
      },
      {
        title: 'with a second of garbage for sound',
        make: async (s) => garbled(await s.plain(), TAG_AUDIO, TURN_MS),
        tells: { type: 'input-damaged' },
      },
      {
        title: 'with B-frames, and mono at 44.1 kHz',
        make: (s) => s.plain({ bFrames: 3, audio: { sampleRate: 44_100, channels: 1 } }),
        steady: true,
      },
    ],
  },
  {
    title: 'codecs',
    cameras: [
      { title: 'in H.265 with B-frames', make: (s) => s.enhanced('hvc1', 3), steady: true },
      {
        title: 'that changes from H.264 to H.265',
        make: async (s) => turning(await s.plain(), await s.enhanced('hvc1'), TURN_MS),
        tells: { ...changed('codec'), detail: 'avc1 -> hvc1' },
      },
      {
        title: 'that changes from H.265 to H.264',
        make: async (s) => turning(await s.enhanced('hvc1'), await s.plain(), TURN_MS),
        tells: { ...changed('codec'), detail: 'hvc1 -> avc1' },
      },
      {
        title: 'in a codec that nobody knows: its sound is heard',
        make: async (s) => renamed(await s.enhanced('hvc1'), 'vvc9'),
        looks: false,
        steady: true,
        tells: { type: 'input-unsupported', codec: 'vvc9' },
      },
    ],
  },
  {
    title: 'more codecs',
    cameras: [
      { title: 'in AV1', make: (s) => s.enhanced('av01'), steady: true },
      { title: 'in VP9', make: (s) => s.enhanced('vp09'), steady: true },
    ],
  },
];

function studioOf(toneHz: number): Studio {
  const clip = { toneHz, seconds: 4 };
  return {
    plain: (options = {}) => makeColourClip({ ...clip, ...options, color: 'lime' }),
    enhanced: (codec, bFrames = 0) =>
      makeEnhancedClip({ ...clip, codec, bFrames, picture: 'color=c=lime:s=320x180:r=30' }),
  };
}

/** Part of 50 ms pieces in which the tone is heard. */
function heardPart(sound: Float32Array, toneHz: number): number {
  const pieces = Array.from({ length: Math.floor(sound.length / 2400) }, (_, at) =>
    toneLevel(sound.subarray(at * 2400, (at + 1) * 2400), toneHz),
  );
  return pieces.filter((level) => level > AUDIBLE / 2).length / pieces.length;
}

/** What nginx received from `fromMs` on: no hole, nothing out of order, all from one encoder. */
async function expectWhole(rig: ProgrammeRig, fromMs: number): Promise<void> {
  const tags = (await rig.received()).filter((tag) => tag.timestamp >= fromMs);
  const droppedMs = ((rig.status()?.framesDropped ?? 0) * 1000) / fps;
  for (const type of [TAG_VIDEO, TAG_AUDIO] as const) {
    const times = tags.filter((tag) => tag.type === type && isMedia(tag)).map((tag) => tag.timestamp);
    const steps = times.slice(1).map((ms, at) => ms - (times[at] ?? 0));
    expect(Math.min(...steps)).toBeGreaterThan(0);
    expect(Math.max(...steps)).toBeLessThanOrEqual(1000 / fps + 20 + droppedMs);
  }
  expect(rig.status()).toMatchObject({ encoderStarts: 1, publisherStarts: 1 });
}

let rig: ProgrammeRig;

beforeAll(async () => {
  rig = await startProgrammeRig();
  await rig.until(({ state }) => state === 'running');
});

afterAll(() => rig.close());

describe.each(GROUPS)('one programme shows, for their $title, cameras', ({ title: group, cameras }) => {
  const nameOf = (at: number): string => `${group.replaceAll(' ', '-')}-${at}`;
  const cellOf = (at: number): Box => {
    const rows = cameras.length > 2 ? 2 : 1;
    const cell = { width: width / 2, height: height / rows };
    return { ...cell, x: (at % 2) * cell.width, y: Math.floor(at / 2) * cell.height };
  };
  let playing: SourceCamera[] = [];
  let fromMs = 0;

  beforeAll(async () => {
    const clips = await Promise.all(cameras.map(({ make }, at) => make(studioOf(TONES[at] ?? 0))));
    fromMs = (await rig.received()).at(-1)?.timestamp ?? 0;
    playing = cameras.map(({ stamp }, at) => rig.source.play(nameOf(at), clips[at] ?? [], stamp));
    // Who has no picture keeps a cell: the grid stays as it is.
    rig.show(
      cameras.map((_, at) => nameOf(at)),
      { mode: 'grid', holdAudioOnly: true },
    );
    await rig.until(
      ({ inputs }) => inputs[0]?.userId === nameOf(0) && inputs.every((one) => one.state === 'live'),
    );
    const holes = cameras.some(({ tells }) => tells?.what === 'gap');
    await rig.pass(TURN_MS + AFTER_MS + (holes ? HOLE_MS : 0));
  });

  afterAll(() => {
    for (const camera of playing) camera.end();
  });

  test.each(cameras.map((camera, at) => ({ ...camera, at })))(
    '$title',
    async ({ at, looks, sounds, steady, tells }) => {
      const toneHz = TONES[at] ?? 0;
      await eventually(async () => {
        const [red, green] = meanColour(await lastPicture(await rig.recording(), width, height), cellOf(at));
        if (looks === false) expect(green - red).toBeLessThan(50);
        else expect(green - red).toBeGreaterThan(150);
        const level = toneLevel(await lastSound(await rig.recording(), 0.5), toneHz);
        if (sounds !== false) expect(level).toBeGreaterThan(AUDIBLE / 2);
        return true;
      });
      const heard = async () => heardPart(await lastSound(await rig.recording(), LOOP_SECONDS), toneHz);
      if (steady) await eventually(async () => (await heard()) > 0.8, 30_000, 500);
      const told = rig.events.filter((event) => 'streamId' in event && event.streamId === nameOf(at));
      if (tells) expect(told).toContainEqual(expect.objectContaining(tells));
      else expect(told).toEqual([]);
      await rig.until(({ inputs }) => inputs[at]?.state === 'live');
    },
  );

  test('and the encoder notices nothing', () => expectWhole(rig, fromMs));
});

test('of seventeen cameras sixteen are shown and heard, the last is neither', async () => {
  const fromMs = (await rig.received()).at(-1)?.timestamp ?? 0;
  const tiny = await studioOf(TONES[0]).plain({ size: '16x16' });
  const names = Array.from({ length: 17 }, (_, index) => `user${index}`);
  const silent = without(tiny, TAG_AUDIO);
  const cameras = names.map((name, index) => rig.source.play(name, index === 15 ? tiny : silent));
  rig.show(names);
  await rig.until(
    ({ inputs }) => inputs.length === 16 && inputs.every((input) => input.state === 'live'),
    40_000,
  );
  await rig.pass(1500);
  await eventually(async () => {
    const picture = await lastPicture(await rig.recording(), width, height);
    const cell = { width: width / 4, height: height / 4 };
    for (let at = 0; at < 16; at += 1) {
      const box = { ...cell, x: (at % 4) * cell.width, y: Math.floor(at / 4) * cell.height };
      const [red, green] = meanColour(picture, box);
      expect(green - red, `cell ${at}`).toBeGreaterThan(150);
    }
    const level = toneLevel(await lastSound(await rig.recording(), 0.5), TONES[0]);
    expect(level).toBeGreaterThan(AUDIBLE);
    return true;
  });
  for (const camera of cameras) camera.end();
  await expectWhole(rig, fromMs);
});

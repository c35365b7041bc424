import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FlvTag, isMedia, TAG_AUDIO, TAG_VIDEO } from '../../../src/media/flv/tag.ts';
import { makeColourClip } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import { lastPicture, lastSound, meanColour, toneLevel, trackTimes } from '../../support/media-checks.ts';
import { type ProgrammeRig, SMALL_PROGRAMME, startProgrammeRig } from '../../support/programme-rig.ts';

const { width, height } = SMALL_PROGRAMME.video;
const WHOLE = { x: 0, y: 0, width, height };
const TONE_HZ = 600;
const AUDIBLE = 0.06;
const HOUR_MS = 3_600_000;
/** All that is odd happens this long after the camera's start. */
const TURN_MS = 1500;

type Clip = readonly FlvTag[];

interface OddInput {
  readonly title: string;
  readonly make: (clips: { readonly green: Clip; readonly tiny: Clip; readonly large: Clip }) => Clip;
  readonly stamp?: (ms: number) => number;
  readonly sounds?: false;
  readonly looks?: false;
  /** Its sound must not suffer from its pictures. */
  readonly steady?: true;
}

/** Part of 50 ms pieces in which the tone is heard. */
function heardPart(sound: Float32Array): number {
  const pieces = Array.from({ length: Math.floor(sound.length / 2400) }, (_, at) =>
    toneLevel(sound.subarray(at * 2400, (at + 1) * 2400), TONE_HZ),
  );
  return pieces.filter((level) => level > AUDIBLE / 2).length / pieces.length;
}

const later = (clip: Clip, ms: number): FlvTag[] =>
  clip.map((tag) => ({ ...tag, timestamp: tag.timestamp + ms }));
const wrapped = (ms: number): number => (ms + 2 ** 32) % 2 ** 32;

/** Every coded picture of a second carries bytes that mean nothing. */
function garbled(clip: Clip): FlvTag[] {
  return clip.map((tag) => {
    const isHit = tag.type === TAG_VIDEO && isMedia(tag) && Math.abs(tag.timestamp - TURN_MS) < 500;
    if (!isHit) return tag;
    const noise = Buffer.from(tag.data.subarray(5)).map((byte, at) => (byte * 31 + at * 17 + 101) & 0xff);
    return { ...tag, data: Buffer.concat([tag.data.subarray(0, 5), noise]) };
  });
}

const ODD: readonly OddInput[] = [
  {
    title: 'without sound',
    make: ({ green }) => green.filter((tag) => tag.type !== TAG_AUDIO),
    sounds: false,
  },
  {
    title: 'without picture',
    make: ({ green }) => green.filter((tag) => tag.type !== TAG_VIDEO),
    looks: false,
  },
  { title: 'of 16x16', make: ({ tiny }) => tiny },
  {
    title: 'that changes its size from 16x16 to 1920x1080',
    make: ({ tiny, large }) => [...tiny.filter((tag) => tag.timestamp < TURN_MS), ...later(large, TURN_MS)],
  },
  {
    title: 'whose timestamps wrap at 2^32',
    make: ({ green }) => green,
    stamp: (ms) => wrapped(ms - TURN_MS),
  },
  {
    title: 'whose timestamps jump an hour ahead',
    make: ({ green }) => green,
    stamp: (ms) => (ms < TURN_MS ? ms : ms + HOUR_MS),
  },
  {
    title: 'whose timestamps jump an hour back',
    make: ({ green }) => green,
    stamp: (ms) => (ms < TURN_MS ? ms + HOUR_MS : ms),
  },
  { title: 'with a second of garbage for pictures', make: ({ green }) => garbled(green), steady: true },
];

/** What nginx received from `fromMs` on: no hole, nothing out of order. */
async function expectWhole(rig: ProgrammeRig, fromMs: number): Promise<void> {
  const tags = (await rig.received()).filter((tag) => tag.timestamp >= fromMs);
  for (const type of [TAG_VIDEO, TAG_AUDIO] as const) {
    const times = trackTimes(tags, type);
    const droppedMs = ((rig.status()?.framesDropped ?? 0) * 1000) / SMALL_PROGRAMME.video.fps;
    expect(times.wentBack).toEqual([]);
    expect(times.largestGapMs).toBeLessThanOrEqual(100 + droppedMs);
  }
  expect(rig.status()?.encoderStarts).toBe(1);
}

describe('one programme shows, one after the other, a camera', () => {
  let rig: ProgrammeRig;
  let clips: Parameters<OddInput['make']>[0];

  beforeAll(async () => {
    const clip = { color: 'lime', toneHz: TONE_HZ, seconds: 4 };
    const [green, tiny, large] = await Promise.all([
      makeColourClip(clip),
      makeColourClip({ ...clip, size: '16x16' }),
      makeColourClip({ ...clip, size: '1920x1080' }),
    ]);
    clips = { green, tiny, large };
    rig = await startProgrammeRig();
    await rig.until(({ state }) => state === 'running');
  });

  afterAll(() => rig.close());

  test.each(ODD)('$title', async ({ title, make, stamp, sounds, looks, steady }) => {
    const fromMs = (await rig.received()).at(-1)?.timestamp ?? 0;
    const name = title.replaceAll(/[^a-z0-9]/g, '');
    const camera = rig.source.play(name, make(clips), stamp);
    rig.show([name]);
    await rig.until(({ inputs }) => inputs[0]?.userId === name && inputs[0].state === 'live');
    await rig.pass(TURN_MS + 1500);
    await eventually(async () => {
      const [red, green] = meanColour(await lastPicture(await rig.recording(), width, height), WHOLE);
      if (looks !== false) expect(green - red).toBeGreaterThan(150);
      const level = toneLevel(await lastSound(await rig.recording(), 0.5), TONE_HZ);
      if (sounds !== false) expect(level).toBeGreaterThan(AUDIBLE);
      return true;
    });
    if (steady) expect(heardPart(await lastSound(await rig.recording(), 2.5))).toBeGreaterThan(0.8);
    expect(rig.status()?.inputs[0]?.state).toBe('live');
    camera.end();
    await expectWhole(rig, fromMs);
  });

  test('among seventeen: sixteen are shown and heard, the last is neither', async () => {
    const fromMs = (await rig.received()).at(-1)?.timestamp ?? 0;
    const names = Array.from({ length: 17 }, (_, index) => `user${index}`);
    const silent = clips.tiny.filter((tag) => tag.type !== TAG_AUDIO);
    const cameras = names.map((name, index) => rig.source.play(name, index === 15 ? clips.tiny : silent));
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
      const level = toneLevel(await lastSound(await rig.recording(), 0.5), TONE_HZ);
      expect(level).toBeGreaterThan(AUDIBLE);
      return true;
    });
    for (const camera of cameras) camera.end();
    await expectWhole(rig, fromMs);
  });
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeFlashClip, quantile, soundOffsets } from '../../support/av-sync.ts';
import { makeColourClip } from '../../support/clip.ts';
import { countCpuWait } from '../../support/cpu-wait.ts';
import { lastSound, toneLevel } from '../../support/media-checks.ts';
import { type ProgrammeRig, SMALL_PROGRAMME, startProgrammeRig } from '../../support/programme-rig.ts';

const { width, height } = SMALL_PROGRAMME.video;
const AUDIBLE = 0.06;
const PIECE = 2400;
/**
 * A busy machine takes a moment now and then, the more the longer the programme waits for a CPU; a delay too short for
 * the bursts takes one of each.
 */
const MOST_BREAKS = 2;
/** On a quiet machine it is below 20 ms. */
const TOLERANCE_MS = 80;

let rig: ProgrammeRig;

beforeAll(async () => {
  rig = await startProgrammeRig();
  await rig.until(({ state }) => state === 'running');
});

afterAll(() => rig.close());

/** Places, in s before the end, of 50 ms in which the tone is not heard. */
async function breaks(seconds: number, toneHz: number): Promise<number[]> {
  const sound = await lastSound(await rig.recording(), seconds);
  return Array.from({ length: Math.floor(sound.length / PIECE) }, (_, at) => at).flatMap((at) => {
    const level = toneLevel(sound.subarray(at * PIECE, (at + 1) * PIECE), toneHz);
    return level > AUDIBLE / 2 ? [] : [seconds - (at * PIECE) / 48_000];
  });
}

/** What the programme makes in the next seconds has each tone throughout. */
async function expectUnbroken(seconds: number, tones: readonly { name: string; toneHz: number }[]) {
  const cpuWait = countCpuWait(rig.child.pid);
  await rig.pass(seconds * 1000);
  const allowed = MOST_BREAKS + cpuWait() / 1000;
  for (const { name, toneHz } of tones)
    expect((await breaks(seconds, toneHz)).length, name).toBeLessThanOrEqual(allowed);
}

test('what comes in bursts is heard unbroken, and goes on so when it comes smoothly again', async () => {
  const bursty = [
    { name: 'burst-400', burstMs: 400, toneHz: 600 },
    { name: 'burst-1000', burstMs: 1000, toneHz: 1200 },
  ];
  const clips = await Promise.all(
    bursty.map(({ toneHz }) => makeColourClip({ color: 'blue', toneHz, seconds: 10 })),
  );
  const cameras = bursty.map(({ name }, at) => rig.source.play(name, clips[at] ?? []));
  for (const [at, { burstMs }] of bursty.entries()) cameras[at]?.pace(burstMs);
  rig.show(bursty.map(({ name }) => name));
  await rig.until(({ inputs }) => inputs.length === 2 && inputs.every((input) => input.state === 'live'));
  await rig.pass(6000);
  await expectUnbroken(8, bursty);
  for (const camera of cameras) camera.thaw();
  await expectUnbroken(15, bursty);
  for (const camera of cameras) camera.end();
});

test('picture and sound of what comes in bursts stay together, and so do those of a smooth source beside it', async () => {
  const fromMs = (await rig.received()).at(-1)?.timestamp ?? 0;
  const cases = [
    { name: 'flash-burst', toneHz: 1000, bFrames: 3, gopSeconds: 4 },
    { name: 'flash-smooth', toneHz: 2600 },
  ];
  const clips = await Promise.all(cases.map((camera) => makeFlashClip({ ...camera, seconds: 24 })));
  const cameras = cases.map(({ name }, at) => rig.source.play(name, clips[at] ?? []));
  cameras[0]?.pace(400);
  rig.show(cases.map(({ name }) => name));
  await rig.until(({ inputs }) => inputs.length === 2 && inputs.every((input) => input.state === 'live'));
  await rig.pass(16_000);
  for (const [at, { name, toneHz }] of cases.entries()) {
    const box = { x: at * (width / 2), y: 0, width: width / 2, height };
    const offsets = await soundOffsets(await rig.recording(), box, toneHz);
    expect(offsets.length, name).toBeGreaterThan(10);
    expect(quantile(offsets.map(Math.abs), 0.95), `${name} from ${fromMs}: ${offsets}`).toBeLessThan(
      TOLERANCE_MS,
    );
  }
  for (const camera of cameras) camera.end();
});

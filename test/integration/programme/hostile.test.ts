import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FlvTag, TAG_AUDIO, TAG_VIDEO } from '../../../src/media/flv/tag.ts';
import { makeColourClip } from '../../support/clip.ts';
import { makeEnhancedClip } from '../../support/enhanced.ts';
import { eventually } from '../../support/eventually.ts';
import type { SourceCamera } from '../../support/flv-source.ts';
import { lastPicture, lastSound, meanColour, toneLevel } from '../../support/media-checks.ts';
import { type ProgrammeRig, SMALL_PROGRAMME, startProgrammeRig } from '../../support/programme-rig.ts';

const { width, height, fps } = SMALL_PROGRAMME.video;
const TONE_HZ = 600;
const STORM_MS = 4000;
const EVERY_MS = 20;

let rig: ProgrammeRig;
let good: SourceCamera;
let plain: FlvTag[];
let enhanced: FlvTag[];

beforeAll(async () => {
  rig = await startProgrammeRig();
  plain = await makeColourClip({ color: 'lime', toneHz: TONE_HZ, seconds: 4 });
  enhanced = await makeEnhancedClip({
    ...{ codec: 'hvc1' as const, picture: 'color=c=red:s=320x180:r=30', toneHz: 900, seconds: 1 },
  });
  good = rig.source.play('ann', plain);
  rig.show(['ann']);
  await rig.until(({ state, inputs }) => state === 'running' && inputs[0]?.state === 'live');
});

afterAll(async () => {
  good.end();
  await rig.close();
});

const enhancedTag = (packetType: number, ...body: number[]): Buffer =>
  Buffer.from([0x90 | packetType, ...Buffer.from('hvc1', 'latin1'), ...body]);

/** Sequence headers that are none, frames cut short, packets of types that nobody knows, times out of this world. */
function nastyBodies(): Buffer[] {
  const header = enhanced.find((tag) => tag.type === TAG_VIDEO)?.data ?? Buffer.alloc(0);
  const lying = Buffer.from(header);
  lying.writeUInt16BE(0xffff, 5 + 24); // of the arrays' units
  const lyingLength = Buffer.from(header);
  lyingLength.writeUInt16BE(0xffff, 5 + 26);
  const large = Buffer.concat([header, Buffer.alloc(1024 * 1024, 7)]);
  const classic = plain.find((tag) => tag.type === TAG_VIDEO)?.data ?? Buffer.alloc(0);
  const noise = Buffer.from(header.map((byte, at) => (at < 6 ? byte : (byte * 31 + at * 17) & 0xff)));
  return [
    header,
    lying,
    lyingLength,
    noise,
    large,
    classic,
    classic.subarray(0, 7),
    Buffer.from([0x90]),
    Buffer.from([0x90, 0x68, 0x76]),
    enhancedTag(0),
    enhancedTag(1),
    enhancedTag(1, 0x7f, 0xff, 0xff, 0, 0, 0, 1, 0x26),
    enhancedTag(1, 0x80, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x26),
    enhancedTag(2),
    enhancedTag(4, 2, 0, 3, 1, 2, 3),
    enhancedTag(6, 0, 1, 2, 3),
    enhancedTag(15, 9, 9, 9),
    Buffer.from([0x90, ...Buffer.from('av01'), 0x81, 0xff, 0xff, 0xff, 0xff]),
    Buffer.from([0x90, ...Buffer.from('vp09'), 1, 2, 3]),
    Buffer.from([0x90, 0, 1, 2, 3, 4]),
    Buffer.from([0x17, 1, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    Buffer.from([0x17, 0, 0, 0, 0, 1, 2, 3, 4, 0xff, 0xff, 0xff]),
  ];
}

const nastySounds = [
  [0xaf, 0],
  [0xaf, 0, 0xff, 0xff],
  [0xaf, 1],
  [0x90, 0x6d],
  [0x94, 0x6d, 0x70, 0x34, 0x61, 1, 2, 3],
  [0x95, 0x6d, 0x70, 0x34, 0x61, 0, 1, 2],
  [0x90, 0x6d, 0x70, 0x34, 0x61, 0x11, 0x90],
  [0x91, 0x6d, 0x70, 0x34, 0x61, 0xde, 0xad],
].map((bytes) => Buffer.from(bytes));

/** One after the other, every 10 ms. */
function nastyClip(): FlvTag[] {
  const bodies = nastyBodies();
  const tags: FlvTag[] = [];
  for (let at = 0; at < 400; at += 1) {
    const [picture, sound] = [bodies[at % bodies.length], nastySounds[at % nastySounds.length]];
    const timestamp = at * 10;
    if (picture) tags.push({ type: TAG_VIDEO, timestamp, data: picture });
    if (sound) tags.push({ type: TAG_AUDIO, timestamp, data: sound });
  }
  return tags;
}

/** The good camera is seen and heard as ever, by the same encoder, and hardly a picture is missing. */
async function expectUnharmed(droppedBefore: number): Promise<void> {
  await rig.pass(1000);
  await eventually(async () => {
    const [red, green] = meanColour(await lastPicture(await rig.recording(), width, height), {
      ...{ x: 0, y: 0, width: width / 4, height: height / 4 },
    });
    expect(green - red).toBeGreaterThan(150);
    expect(toneLevel(await lastSound(await rig.recording(), 0.5), TONE_HZ)).toBeGreaterThan(0.03);
    return true;
  });
  const { framesDropped = 0, publisherStarts } = rig.status() ?? {};
  expect(publisherStarts).toBe(1);
  expect(framesDropped - droppedBefore).toBeLessThan(fps);
}

/** Decoders that lived at any time while it ran. */
async function decodersDuring(run: () => Promise<void>): Promise<{ seen: number; most: number }> {
  const seen = new Set<number>();
  let most = 0;
  const look = () => {
    const pids = rig.children('pipe:5');
    for (const pid of pids) seen.add(pid);
    most = Math.max(most, pids.length);
  };
  const timer = setInterval(look, 50);
  await run().finally(() => clearInterval(timer));
  return { seen: seen.size, most };
}

test('a stream in which nothing is as it says harms nobody else and costs few decoders', async () => {
  const dropped = rig.status()?.framesDropped ?? 0;
  const nasty = rig.source.play('eve', nastyClip());
  rig.show(['ann', 'eve']);
  const { seen, most } = await decodersDuring(() => delay(STORM_MS));
  expect(seen).toBeLessThan((STORM_MS / 500) * 2 + 4);
  expect(most).toBeLessThanOrEqual(6);
  const told = rig.events.filter((event) => 'streamId' in event && event.streamId === 'eve');
  expect(told.length).toBeGreaterThan(0);
  expect(told.length).toBeLessThan((STORM_MS / 1000 + 2) * 6);
  nasty.end();
  rig.show(['ann']);
  await rig.until(({ inputs }) => inputs.length === 1);
  await expectUnharmed(dropped);
});

test('changes fifty times a second leave the last one, few encoders, and the programme on the air', async () => {
  const before = rig.status();
  const from = performance.now();
  const { most } = await decodersDuring(async () => {
    for (let change = 0; change < STORM_MS / EVERY_MS; change += 1) {
      rig.change({
        video: { ...SMALL_PROGRAMME.video, bitrateKbps: 600 + change },
        background: `#0000${(change % 256).toString(16).padStart(2, '0')}`,
        layout: { mode: change % 2 ? 'grid' : 'floating' },
      });
      await delay(EVERY_MS);
    }
  });
  const starts = (rig.status()?.encoderStarts ?? 0) - (before?.encoderStarts ?? 0);
  expect(starts).toBeLessThanOrEqual((performance.now() - from) / 1000 + 2);
  expect(most).toBeLessThanOrEqual(2);
  rig.change({ video: { ...SMALL_PROGRAMME.video, bitrateKbps: 444 }, layout: { mode: 'grid' } });
  await eventually(() => rig.children('444k').length === 1 && rig.children('libx264').length === 1);
  await expectUnharmed(before?.framesDropped ?? 0);
});

import { pino } from 'pino';
import { afterEach, beforeAll, expect, test } from 'vitest';
import type { Watermark } from '../../../src/domain/programme.ts';
import { type FlvTag, isMedia, TAG_VIDEO } from '../../../src/media/flv/tag.ts';
import { createPictureLoader } from '../../../src/media/pictures/picture-loader.ts';
import type { PictureWish } from '../../../src/media/pictures/picture-store.ts';
import type { TextMask } from '../../../src/media/pictures/text-picture.ts';
import { composeText, measureStrip, placedAt, timestampText } from '../../../src/media/pictures/timestamp.ts';
import { makeColourClip } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import { lastPicture, type Picture } from '../../support/media-checks.ts';
import { allPictures } from '../../support/pictures.ts';
import { type ProgrammeRig, SMALL_PROGRAMME, startProgrammeRig } from '../../support/programme-rig.ts';

const { width, height } = SMALL_PROGRAMME.video;

let red: readonly FlvTag[];
let rig: ProgrammeRig | null = null;

beforeAll(async () => {
  red = await makeColourClip({ color: 'red', toneHz: 440, size: '320x180', fps: 15 });
});

afterEach(async () => {
  await rig?.close();
  rig = null;
});

/** A red user with the watermark above. */
async function onAir(watermark: Watermark): Promise<ProgrammeRig> {
  const on = await startProgrammeRig({
    ...SMALL_PROGRAMME,
    layout: { mode: 'grid' },
    watermarks: [watermark],
  });
  rig = on;
  on.source.play('ann', red);
  on.show(['ann']);
  await on.until(({ inputs }) => inputs[0]?.state === 'live');
  await eventually(() => on.recording());
  return on;
}

const log = pino({ level: 'silent' });
const signal = new AbortController().signal;

/** How a text of this look covers the pixels of its box. */
async function maskOf(wish: PictureWish): Promise<TextMask> {
  const {
    width: w,
    height: h,
    alpha,
  } = await createPictureLoader({ networks: [], log, nice: 0 }).load(wish, signal);
  return { width: w, height: h, data: alpha?.luma ?? new Uint8Array(w * h) };
}

/** Whether the picture is light where the text covers it and dark elsewhere, -1 to 1. */
function likeness({ rgb, width: pitch }: Picture, mask: TextMask, x: number, y: number): number {
  const [seen, wanted]: [number[], number[]] = [[], []];
  for (let row = 0; row < mask.height; row++) {
    for (let column = 0; column < mask.width; column++) {
      seen.push(rgb[((y + row) * pitch + x + column) * 3 + 1] ?? 0);
      wanted.push(mask.data[row * mask.width + column] ?? 0);
    }
  }
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [a, b] = [mean(seen), mean(wanted)];
  let [both, one, other] = [0, 0, 0];
  for (const [at, value] of seen.entries()) {
    const [p, q] = [value - a, (wanted[at] ?? 0) - b];
    both += p * q;
    one += p * p;
    other += q * q;
  }
  // Of one colour all over: nothing is shown.
  return one === 0 ? 0 : both / Math.sqrt(one * other);
}

test('text in several scripts is shown in its colour and box', async () => {
  const text = 'Hi {\\b1} Привет नमस्ते שלום 你好';
  const look = { text, fontSize: 30, color: '#00ff00' };
  const box = { x: 120, y: 40, width: 400, height: 80 };
  const on = await onAir({ type: 'text', ...look, ...box });
  const mask = await maskOf({ type: 'text', ...look, width: 400, height: 80 });
  await eventually(
    async () => {
      const picture = await lastPicture(await on.recording(), width, height);
      expect(likeness(picture, mask, box.x, box.y)).toBeGreaterThan(0.9);
      return true;
    },
    30_000,
    500,
  );
  expect(on.children('b1')).toEqual([]);
});

test('the time is shown, in its zone, and goes on second by second', async () => {
  const before = Date.now();
  const mark = { type: 'timestamp', place: 'bottom-right', timeZone: 5.75, fontSize: 32 } as const;
  const on = await onAir(mark);
  const after = Date.now();
  const { width: w, height: h, data } = await maskOf({ type: 'glyphs', fontSize: 32 });
  const strip = measureStrip({ width: w, height: h, data });
  const maskAt = (unixMs: number) => composeText(timestampText(unixMs, 5.75), strip);
  const box = placedAt('bottom-right', maskAt(before), { width, height });
  await eventually(
    async () => {
      const picture = await lastPicture(await on.recording(), width, height);
      return likeness(picture, maskAt(Date.now()), box.x, box.y) > 0.5;
    },
    30_000,
    300,
  );
  await on.pass(3500);
  const pictures = await allPictures(await on.recording(), width, height);
  // Read later, there are more of them.
  const tags = await on.received();
  const times = tags.filter((tag) => tag.type === TAG_VIDEO && isMedia(tag)).map((tag) => tag.timestamp);
  // Which second each of the last three seconds' pictures shows.
  const seconds = pictures.slice(-95).map((picture) => {
    const likely = Array.from(
      { length: Math.ceil((Date.now() - before) / 1000) + 4 },
      (_, at) => before + (at - 2) * 1000,
    );
    const found = likely.map((ms) => ({ ms, like: likeness(picture, maskAt(ms), box.x, box.y) }));
    const best = found.reduce((a, b) => (b.like > a.like ? b : a));
    expect(best.like).toBeGreaterThan(0.85);
    return Math.floor(best.ms / 1000);
  });
  for (const [at, second] of seconds.entries()) {
    const ms = times[pictures.length - seconds.length + at] ?? Number.NaN;
    // The programme was started some time between these moments; a picture is drawn within a tick of its time.
    expect(second).toBeGreaterThanOrEqual(Math.floor((before + ms - 40) / 1000));
    expect(second).toBeLessThanOrEqual(Math.floor((after + ms + 40) / 1000));
    expect(second - (seconds[at - 1] ?? second)).toBeLessThanOrEqual(1);
  }
  expect(new Set(seconds).size).toBeGreaterThanOrEqual(3);
  // No child is started for a second.
  expect(on.children('ass=')).toEqual([]);
});

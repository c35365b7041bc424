import { afterEach, beforeAll, expect, test } from 'vitest';
import { layOut } from '../../../src/domain/layout/layout.ts';
import type { CustomCell, LayoutSpec } from '../../../src/domain/layout/spec.ts';
import { type FlvTag, TAG_AUDIO, TAG_VIDEO } from '../../../src/media/flv/tag.ts';
import { makeColourClip, makeFlvBytes, parseFlv } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import {
  colourDistance,
  lastPicture,
  lastSound,
  meanColour,
  type Rgb,
  toneLevel,
  trackTimes,
} from '../../support/media-checks.ts';
import { allPictures, differences, type Patch, patch } from '../../support/pictures.ts';
import { type ProgrammeRig, SMALL_PROGRAMME, startProgrammeRig } from '../../support/programme-rig.ts';

const BACKGROUND: Rgb = [96, 32, 112];
const PROGRAMME = { ...SMALL_PROGRAMME, background: '#602070' };
const { width, height, fps } = PROGRAMME.video;

const COLOURS = {
  red: [255, 0, 0],
  blue: [0, 0, 255],
  white: [255, 255, 255],
  lime: [0, 255, 0],
  yellow: [255, 255, 0],
} as const satisfies Record<string, Rgb>;
const BLACK: Rgb = [0, 0, 0];
type User = keyof typeof COLOURS;
const USERS = Object.keys(COLOURS) as User[];
/** 16:9, 4:3 and 9:16. */
const SIZES = { red: '320x180', blue: '320x240', white: '180x320', lime: '320x180', yellow: '320x180' };

/** A tone of FFmpeg's sine source is 1/8 of full scale. */
const AUDIBLE = 0.06;

let clips: ReadonlyMap<User, readonly FlvTag[]>;
let rig: ProgrammeRig | null = null;

beforeAll(async () => {
  const made = USERS.map(async (color, index): Promise<[User, FlvTag[]]> => {
    const clip = { color, toneHz: 400 + 200 * index, size: SIZES[color], fps: 15 };
    return [color, await makeColourClip(clip)];
  });
  clips = new Map(await Promise.all(made));
});

afterEach(async () => {
  await rig?.close();
  rig = null;
});

async function onAir(
  users: readonly string[],
  layout: LayoutSpec,
  mixed: number = users.length,
): Promise<ProgrammeRig> {
  const on = await startProgrammeRig(PROGRAMME);
  rig = on;
  for (const user of users) on.source.play(user, clips.get(user.replace(/-.*/, '') as User) ?? []);
  on.show(users, layout);
  await on.until(({ inputs }) => inputs.length === mixed && inputs.every((input) => input.state === 'live'));
  await eventually(() => on.recording());
  return on;
}

async function expectPicture(on: ProgrammeRig, patches: readonly Patch[]): Promise<void> {
  await eventually(
    async () => {
      const picture = await lastPicture(await on.recording(), width, height);
      expect(differences(picture, patches, BACKGROUND).slice(0, 5)).toEqual([]);
      return true;
    },
    30_000,
    500,
  );
}

const { red, blue, white, lime, yellow } = COLOURS;

test('floating: the main user fills the canvas and the others stand on it from the bottom left', async () => {
  const on = await onAir(['red', 'blue', 'white', 'lime', 'yellow'], {
    mode: 'floating',
    main: { userId: 'blue' },
  });
  await expectPicture(on, [
    patch(blue, 0, 0, 640, 360),
    patch(red, 8, 272, 150, 84),
    patch(white, 166, 272, 150, 84),
    patch(lime, 324, 272, 150, 84),
    patch(yellow, 482, 272, 150, 84),
  ]);
  // The main user leaves: the first in the room takes the big place, the others close up.
  on.show(['red', 'white', 'lime']);
  await expectPicture(on, [
    patch(red, 0, 0, 640, 360),
    patch(white, 8, 272, 150, 84),
    patch(lime, 166, 272, 150, 84),
  ]);
});

test('share: the screen stands whole beside the column of cameras, its place stays empty without it', async () => {
  const on = await onAir(['red', 'white', 'blue', 'blue-screen'], {
    mode: 'share',
    main: { userId: 'blue' },
  });
  const column = [
    patch(red, 512, 0, 128, 90),
    patch(white, 512, 90, 128, 90),
    patch(blue, 512, 180, 128, 90),
  ];
  // 4:3 whole in 512x360.
  await expectPicture(on, [patch(BLACK, 0, 0, 512, 360), patch(blue, 16, 0, 480, 360), ...column]);
  on.show(['red', 'white'], { mode: 'share', main: { userId: 'blue' } });
  await expectPicture(on, column.slice(0, 2));
});

test('custom: cells for streams and by entry, over one another, in every render mode', async () => {
  const source = (userId: string) => ({ userId, stream: 'main' as const });
  const cells: CustomCell[] = [
    { x: 20, y: 20, width: 200, height: 100, zOrder: 3, renderMode: 'fit', source: source('blue') },
    { x: 0, y: 0, width: 320, height: 180, zOrder: 1 },
    { x: 400, y: 0, width: 200, height: 200, renderMode: 'fit-background', source: source('white') },
    { x: 400, y: 240, width: 40, height: 100, renderMode: 'stretch' },
    { x: 500, y: 240, width: 120, height: 100, source: source('gone') },
  ];
  const on = await onAir(['red', 'blue', 'white', 'lime', 'yellow'], { mode: 'custom', cells }, 4);
  await expectPicture(on, [
    patch(red, 0, 0, 320, 180),
    patch(BLACK, 20, 20, 200, 100),
    // 4:3 whole in 200x100
    patch(blue, 54, 20, 132, 100),
    // 9:16 whole in 200x200
    patch(white, 444, 0, 112, 200),
    patch(lime, 400, 240, 40, 100),
  ]);
  expect(on.status()?.inputs.map((input) => input.userId)).toEqual(['red', 'blue', 'white', 'lime']);
});

test('a user without video has no cell until the camera is switched on, unless told to hold it', async () => {
  const on = await onAir(['red'], { mode: 'grid' });
  const mute = parseFlv(await makeFlvBytes({ seconds: 4, toneHz: 1500, video: false }));
  const phone = on.source.play('blue', mute);
  on.show(['red', 'blue']);
  await on.until(({ inputs }) => inputs[1]?.state === 'live');
  await eventually(async () => {
    expect(toneLevel(await lastSound(await on.recording(), 0.5), 1500)).toBeGreaterThan(AUDIBLE);
    return true;
  });
  await expectPicture(on, [patch(red, 0, 0, 640, 360)]);
  on.show(['red', 'blue'], { mode: 'grid', holdAudioOnly: true });
  await eventually(async () => {
    const picture = await lastPicture(await on.recording(), width, height);
    expect(
      colourDistance(meanColour(picture, { x: 320, y: 0, width: 320, height: 100 }), red),
    ).toBeGreaterThan(100);
    return true;
  });
  on.show(['red', 'blue'], { mode: 'grid' });
  await expectPicture(on, [patch(red, 0, 0, 640, 360)]);
  phone.end();
  on.source.play('blue', clips.get('blue') ?? []);
  await expectPicture(on, [patch(red, 0, 0, 320, 360), patch(blue, 320, 0, 320, 360)]);
  expect(on.status()?.encoderStarts).toBe(1);
});

/** What the picture shows under a layout that crops all its cells, scaled down by two. */
function patchesOf(layout: LayoutSpec, users: readonly User[]): Patch[] {
  const inputs = users.map((userId) => ({
    streamId: userId,
    userId,
    stream: 'main' as const,
    audioOnly: false,
  }));
  return layOut(layout, inputs, { width, height })
    .toSorted((a, b) => a.zOrder - b.zOrder)
    .map((box) => patch(COLOURS[box.streamId as User], box.x / 2, box.y / 2, box.width / 2, box.height / 2));
}

test('ten changes of the layout under way: no frame shows half of one, nothing breaks off', async () => {
  const users: User[] = ['red', 'blue', 'white', 'lime'];
  const share = (userId: string, mainSide: 'left' | 'right'): LayoutSpec => ({
    ...{ mode: 'share', main: { userId }, mainSide, renderMode: 'crop' },
  });
  const cells = [
    { x: 40, y: 40, width: 400, height: 240 },
    { x: 240, y: 120, width: 360, height: 200 },
    { x: 0, y: 0, width: 120, height: 120, zOrder: 2 },
    { x: 460, y: 20, width: 160, height: 90 },
  ];
  const custom: LayoutSpec = { mode: 'custom', cells };
  const sequence: LayoutSpec[] = [
    { mode: 'grid' },
    { mode: 'floating' },
    share('red', 'left'),
    custom,
    { mode: 'grid' },
    { mode: 'floating', main: { userId: 'lime' } },
    share('blue', 'right'),
    { mode: 'floating', main: { userId: 'white' } },
    custom,
    share('white', 'left'),
    { mode: 'grid' },
  ];
  const on = await onAir(users, { mode: 'grid' });
  await expectPicture(on, patchesOf({ mode: 'grid' }, users).map(doubled));
  const before = trackTimes(await on.received(), TAG_VIDEO).count;
  for (const layout of sequence.slice(1)) {
    on.show(users, layout);
    await on.pass(1200);
  }
  const tags = await on.received();
  const video = trackTimes(tags, TAG_VIDEO);
  const droppedMs = ((on.status()?.framesDropped ?? 0) * 1000) / fps;
  expect(video.wentBack).toEqual([]);
  expect(trackTimes(tags, TAG_AUDIO).wentBack).toEqual([]);
  expect(video.largestGapMs).toBeLessThanOrEqual(100 + droppedMs);
  expect(on.status()).toMatchObject({ encoderStarts: 1, publisherStarts: 1 });
  expect(await on.nginx.publishSessions('live', 'mix')).toBe(1);

  const pictures = (await allPictures(await on.recording(), width / 2, height / 2)).slice(before);
  expect(pictures.length).toBeGreaterThan(200);
  const expected = sequence.map((layout) => patchesOf(layout, users));
  let shown = 0;
  for (const [index, picture] of pictures.entries()) {
    const wrong = (at: number): string[] => differences(picture, expected[at] ?? [], BACKGROUND);
    if (wrong(shown).length === 0) continue;
    const next = wrong(shown + 1);
    expect(next.slice(0, 5), `picture ${index}: neither layout ${shown} nor the next`).toEqual([]);
    shown += 1;
  }
  expect(shown).toBe(sequence.length - 1);
});

function doubled({ colour, ...box }: Patch): Patch {
  return patch(colour, box.x * 2, box.y * 2, box.width * 2, box.height * 2);
}

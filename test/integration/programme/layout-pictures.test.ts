import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CustomCell, LayoutSpec, RenderMode } from '../../../src/domain/layout/spec.ts';
import { DEFAULT_PROGRAMME, type ProgrammeSpec } from '../../../src/domain/programme.ts';
import type { FlvTag } from '../../../src/media/flv/tag.ts';
import { makeFlvBytes, parseFlv } from '../../support/clip.ts';
import { eventually } from '../../support/eventually.ts';
import type { Box, Picture, Rgb } from '../../support/media-checks.ts';
import { type OutputViewer, openViewer } from '../../support/output-viewer.ts';
import { differences, edgesAround, type Patch } from '../../support/pictures.ts';
import { startWatchedProgramme, type WatchedProgramme } from '../../support/watched-programme.ts';

const COUNTS = [1, 2, 3, 4, 5, 7, 9, 10, 16] as const;
const MOST = 16;
const BACKGROUND: Rgb = [96, 32, 112];
/** Neither a third nor a seventh of it is a whole pixel: what is rounded shows. */
const [WIDTH, HEIGHT] = [640, 360];
const PROGRAMME: ProgrammeSpec = {
  ...DEFAULT_PROGRAMME,
  video: { width: WIDTH, height: HEIGHT, fps: 10, bitrateKbps: 3000, gopSeconds: 2 },
  background: '#602070',
};

/** Far from each other and from the background. */
const COLOURS: readonly Rgb[] = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 0],
  [0, 255, 255],
  [255, 0, 255],
  [255, 255, 255],
  [0, 0, 0],
  [255, 128, 0],
  [0, 128, 255],
  [128, 255, 0],
  [0, 255, 128],
  [128, 128, 128],
  [255, 0, 128],
  [128, 64, 0],
  [255, 128, 128],
];

/**
 * Where the pictures stand, in parts of the canvas: the numbers that TRTC publishes for recordings.
 * Places go to the nearest even pixel, sizes down to an even one, so that neighbours never overlap.
 */
interface Part {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

function pixels({ x, y, w, h }: Part): Box {
  const place = (part: number, side: number) => Math.round((part * side) / 2) * 2;
  const size = (part: number, side: number) => Math.floor((part * side + 1e-6) / 2) * 2;
  return { x: place(x, WIDTH), y: place(y, HEIGHT), width: size(w, WIDTH), height: size(h, HEIGHT) };
}

const WHOLE: Part = { x: 0, y: 0, w: 1, h: 1 };
const each = (count: number, part: (index: number) => Part): Part[] =>
  Array.from({ length: count }, (_, index) => part(index));

/** Columns and rows by count. */
const GRID: Readonly<Record<number, readonly [number, number]>> = {
  ...{ 1: [1, 1], 2: [2, 1], 3: [2, 2], 4: [2, 2], 5: [3, 3] },
  ...{ 7: [3, 3], 9: [3, 3], 10: [4, 4], 16: [4, 4] },
};

function gridParts(count: number): Part[] {
  const [columns, rows] = GRID[count] ?? [0, 0];
  return each(count, (i) => ({
    x: (i % columns) / columns,
    y: Math.floor(i / columns) / rows,
    w: 1 / columns,
    h: 1 / rows,
  }));
}

/** Four in a row from the bottom left, 0.235 of the canvas each, with gaps of 0.012. */
function floatingParts(count: number): Part[] {
  const small = each(count - 1, (i) => ({
    x: [0.012, 0.259, 0.506, 0.753][i % 4] ?? 0,
    y: [0.753, 0.506, 0.259, 0.012][Math.floor(i / 4)] ?? 0,
    w: 0.235,
    h: 0.235,
  }));
  return [WHOLE, ...small];
}

/** By all pictures: width of the big one, width and height of a small one, small ones in a column. */
const SHARE: Readonly<Record<number, readonly [number, number, number, number]>> = {
  ...{ 1: [4 / 5, 1 / 5, 1 / 4, 4], 2: [4 / 5, 1 / 5, 1 / 4, 4], 3: [4 / 5, 1 / 5, 1 / 4, 4] },
  ...{ 4: [4 / 5, 1 / 5, 1 / 4, 4], 5: [4 / 5, 1 / 5, 1 / 4, 4], 7: [6 / 7, 1 / 7, 1 / 6, 6] },
  ...{ 9: [8 / 9, 1 / 9, 1 / 8, 8], 10: [4 / 5, 1 / 10, 1 / 8, 8], 16: [4 / 5, 1 / 10, 1 / 8, 8] },
};

/** The big picture on the left and the column beside it, or everything the other way round. */
function shareParts(count: number, side: 'left' | 'right'): Part[] {
  const [big, w, h, inColumn] = SHARE[count] ?? [0, 0, 0, 1];
  const small = each(count - 1, (i) => ({
    x: (side === 'left' ? big : 0) + Math.floor(i / inColumn) * w,
    y: (i % inColumn) * h,
    w,
    h,
  }));
  return [{ x: side === 'left' ? 0 : 1 - big, y: 0, w: big, h: 1 }, ...small];
}

/** Sixteen boxes that overlap like tiles of a roof, the earlier above. */
const CELLS: readonly CustomCell[] = Array.from({ length: MOST }, (_, index) => ({
  x: 6 + (index % 4) * 150,
  y: 4 + Math.floor(index / 4) * 84,
  width: 168,
  height: 94,
  zOrder: MOST - index,
}));

interface Case {
  readonly name: string;
  readonly layout: LayoutSpec;
  /** In the order of the users, the later above. */
  readonly boxes: (count: number) => readonly Box[];
  readonly isUnderneath?: true;
}

const main = { userId: 'user0' };
const CASES: readonly Case[] = [
  { name: 'grid', layout: { mode: 'grid' }, boxes: (count) => gridParts(count).map(pixels) },
  {
    name: 'floating',
    layout: { mode: 'floating', main },
    boxes: (count) => floatingParts(count).map(pixels),
  },
  {
    name: 'share with the big picture on the left',
    layout: { mode: 'share', main, renderMode: 'crop' },
    boxes: (count) => shareParts(count, 'left').map(pixels),
  },
  {
    name: 'share with the big picture on the right',
    layout: { mode: 'share', main, mainSide: 'right', renderMode: 'crop' },
    boxes: (count) => shareParts(count, 'right').map(pixels),
  },
  {
    name: 'custom',
    layout: { mode: 'custom', cells: CELLS },
    boxes: (count) => CELLS.slice(0, count).map(({ x, y, width, height }) => ({ x, y, width, height })),
    isUnderneath: true,
  },
];

const hex = (colour: Rgb) => `0x${colour.map((value) => value.toString(16).padStart(2, '0')).join('')}`;

async function makeSilentClip(picture: string, fps: number): Promise<FlvTag[]> {
  return parseFlv(await makeFlvBytes({ picture, fps, gop: fps, seconds: 2, audio: false, quality: 10 }));
}

/** A programme with what its viewers see at the moment. */
interface OnAir {
  readonly programme: WatchedProgramme;
  picture(): Picture;
  close(): Promise<void>;
}

async function goOnAir(): Promise<OnAir> {
  let latest: Buffer = Buffer.alloc(0);
  const viewer: OutputViewer = openViewer({
    ...{ width: WIDTH, height: HEIGHT, format: 'rgb24' },
    onPicture(picture) {
      latest = Buffer.from(picture);
    },
  });
  const programme = await startWatchedProgramme(PROGRAMME, (tag) => viewer.push(tag));
  return {
    programme,
    picture: () => ({ width: WIDTH, height: HEIGHT, rgb: latest }),
    async close() {
      await programme.close();
      await viewer.close();
    },
  };
}

let clips: readonly (readonly FlvTag[])[];
const shapes = new Map<string, readonly FlvTag[]>();

beforeAll(async () => {
  clips = await Promise.all(COLOURS.map((rgb) => makeSilentClip(`color=c=${hex(rgb)}:s=160x90:r=5`, 5)));
}, 60_000);

describe.each(CASES)('$name', ({ layout, boxes, isUnderneath }) => {
  let air: OnAir;

  beforeAll(async () => {
    air = await goOnAir();
    for (const [index, clip] of clips.entries()) air.programme.source.play(`user${index}`, clip);
  });

  afterAll(() => air?.close());

  test.each(COUNTS)('%i users', async (count) => {
    air.programme.show(
      Array.from({ length: count }, (_, index) => `user${index}`),
      layout,
    );
    const patches: Patch[] = boxes(count).map((box, index) => ({
      ...box,
      colour: COLOURS[index] ?? BACKGROUND,
    }));
    const bottomUp = isUnderneath ? patches.toReversed() : patches;
    await eventually(
      () => {
        const picture = air.picture();
        expect(differences(picture, bottomUp, BACKGROUND).slice(0, 5)).toEqual([]);
        expect(edgesAround(picture, bottomUp, BACKGROUND)).toEqual([]);
        return true;
      },
      30_000,
      100,
    );
  });
});

/** Pictures with a lime middle, half as wide and half as high, in red. */
const SOURCES = { '4:3': [320, 240], '16:9': [320, 180], '9:16': [180, 320] } as const;
type Shape = keyof typeof SOURCES;
const SIDE = 160;
const RED: Rgb = [255, 0, 0];
const LIME: Rgb = [0, 255, 0];
const BLACK: Rgb = [0, 0, 0];

/** In a square of 160: sizes of the picture (null: it fills the square) and of its middle, both in the centre. */
const SHOWN: readonly {
  readonly mode: RenderMode;
  readonly source: Shape;
  readonly picture: readonly [number, number] | null;
  readonly middle: readonly [number, number];
  readonly margin?: Rgb;
}[] = [
  { mode: 'crop', source: '4:3', picture: null, middle: [107, 80] },
  { mode: 'crop', source: '16:9', picture: null, middle: [142, 80] },
  { mode: 'crop', source: '9:16', picture: null, middle: [80, 142] },
  { mode: 'fit', source: '4:3', picture: [160, 120], middle: [80, 60], margin: BLACK },
  { mode: 'fit', source: '16:9', picture: [160, 90], middle: [80, 45], margin: BLACK },
  { mode: 'fit', source: '9:16', picture: [90, 160], middle: [45, 80], margin: BLACK },
  { mode: 'fit-background', source: '4:3', picture: [160, 120], middle: [80, 60], margin: BACKGROUND },
  { mode: 'fit-background', source: '16:9', picture: [160, 90], middle: [80, 45], margin: BACKGROUND },
  { mode: 'fit-background', source: '9:16', picture: [90, 160], middle: [45, 80], margin: BACKGROUND },
  { mode: 'stretch', source: '4:3', picture: null, middle: [80, 80] },
  { mode: 'stretch', source: '16:9', picture: null, middle: [80, 80] },
  { mode: 'stretch', source: '9:16', picture: null, middle: [80, 80] },
];

function centred(cell: Box, [width, height]: readonly [number, number], colour: Rgb): Patch {
  return {
    x: cell.x + (cell.width - width) / 2,
    y: cell.y + (cell.height - height) / 2,
    ...{ width, height, colour },
  };
}

describe('a source is fitted into a square cell', () => {
  let air: OnAir;

  const cellAt = (index: number): Box => ({
    x: (index % 4) * SIDE,
    y: Math.floor(index / 4) * (SIDE + 20),
    ...{ width: SIDE, height: SIDE },
  });

  beforeAll(async () => {
    for (const [name, [width, height]] of Object.entries(SOURCES)) {
      const middle = 'drawbox=x=iw/4:y=ih/4:w=iw/2:h=ih/2:c=lime:t=fill';
      shapes.set(name, await makeSilentClip(`color=c=red:s=${width}x${height}:r=5,${middle}`, 5));
    }
    air = await goOnAir();
  });

  afterAll(() => air?.close());

  test.each([
    { modes: 'crop and fit', shown: SHOWN.slice(0, 6) },
    { modes: 'fit-background and stretch', shown: SHOWN.slice(6) },
  ])('$modes', async ({ shown }) => {
    const users = shown.map(({ source, mode }) => `${mode}${source.replace(':', 'x')}`);
    for (const [index, { source }] of shown.entries())
      air.programme.source.play(users[index] ?? '', shapes.get(source) ?? []);
    const cells = shown.map(({ mode }, index) => ({ ...cellAt(index), renderMode: mode }));
    air.programme.show(users, { mode: 'custom', cells });
    const patches = shown.flatMap(({ picture, middle, margin }, index) => {
      const cell = cellAt(index);
      return [
        ...(margin ? [centred(cell, [SIDE, SIDE], margin)] : []),
        centred(cell, picture ?? [SIDE, SIDE], RED),
        centred(cell, middle, LIME),
      ];
    });
    await eventually(
      () => {
        const picture = air.picture();
        expect(differences(picture, patches, BACKGROUND).slice(0, 5)).toEqual([]);
        expect(edgesAround(picture, patches, BACKGROUND)).toEqual([]);
        return true;
      },
      30_000,
      100,
    );
  });
});

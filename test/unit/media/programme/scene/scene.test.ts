import { beforeEach, expect, test } from 'vitest';
import type { CustomCell, LayoutSpec } from '../../../../../src/domain/layout/spec.ts';
import { DEFAULT_PROGRAMME, type ProgrammeSpec } from '../../../../../src/domain/programme.ts';
import { type Frame, frameBytes, nextFrameId } from '../../../../../src/media/canvas/frame-pool.ts';
import type { Picture } from '../../../../../src/media/canvas/picture.ts';
import type { PictureWish } from '../../../../../src/media/pictures/picture-store.ts';
import type { CellSize } from '../../../../../src/media/programme/input/decoder-slot.ts';
import type { ProgrammeInput } from '../../../../../src/media/programme/input/input.ts';
import { createScene, type Scene, type SceneCanvas } from '../../../../../src/media/programme/scene/scene.ts';

const BACKGROUND = 17;
const BLACK = 16;
const NOTHING = () => undefined;

function frame(width: number, height: number, luma: number): Frame {
  return { width, height, data: Buffer.alloc(frameBytes(width, height), luma), id: nextFrameId(), ptsMs: 0 };
}

/** An input that shows what it is told to. */
class PlainInput implements ProgrammeInput {
  readonly ref;
  readonly pids: readonly number[] = [];
  picture: Frame | null = null;
  ready = true;
  audioOnly = false;
  blocked = { audio: false, video: false };
  prepared: (CellSize | null)[] = [];
  commits = 0;

  constructor(userId: string, picture: Frame) {
    this.ref = { streamId: userId, userId, stream: 'main' as const };
    this.picture = picture;
  }

  push = NOTHING;
  restart = NOTHING;
  isAudioOnly = () => this.audioOnly;
  prepare(size: CellSize | null): void {
    this.prepared.push(size);
  }
  isReady = () => this.ready;
  commit(): void {
    this.commits += 1;
  }
  pictureAt = () => this.picture;
  mixInto = NOTHING;
  audio = { gain: 1, takeVolume: () => 0 };
  status(): never {
    throw new Error('not asked for here');
  }
  close = async () => undefined;
}

/** Pictures by their URL, there when they are set. */
class PlainPictures {
  wishes: readonly PictureWish[] = [];
  readonly there = new Map<string, Picture>();
  readonly failed = new Set<string>();

  open(wishes: readonly PictureWish[]) {
    this.wishes = wishes;
    return wishes.map((wish) => {
      const name = wish.type === 'url' ? wish.url : wish.type;
      const [there, failed] = [this.there, this.failed];
      return {
        get picture() {
          return there.get(name) ?? null;
        },
        get isSettled() {
          return there.has(name) || failed.has(name);
        },
      };
    });
  }
}

/** What is asked of the scene, with nobody blocked. */
function wanted(layout: LayoutSpec, inputs: readonly PlainInput[], part: Partial<ProgrammeSpec> = {}) {
  const programme = { ...DEFAULT_PROGRAMME, background: '#010101', ...part, layout };
  return { programme, inputs: inputs.map((input) => ({ input, blocked: input.blocked })) };
}

let pictures: PlainPictures;
let scene: Scene;
let canvas: SceneCanvas;

beforeEach(() => {
  pictures = new PlainPictures();
  scene = createScene({
    canvas: { width: 8, height: 4 },
    pictures,
    unixMs: (nowMs) => nowMs,
  });
  canvas = scene.createCanvas();
});

/** Luma of the canvas after it was drawn, a text of digits per row. */
function luma(nowMs = 0): string[] {
  scene.draw(canvas, nowMs);
  return [0, 1, 2, 3].map((row) => canvas.data.subarray(row * 8, row * 8 + 8).join(' '));
}

function show(cells: readonly CustomCell[], ...inputs: PlainInput[]): void {
  scene.want(wanted({ mode: 'custom', cells }, inputs), 0);
  scene.advance(0);
}

const LEFT = { x: 0, y: 0, width: 4, height: 4 };
const INSET = { x: 2, y: 2, width: 4, height: 2 };

test('cells lie over one another by z-order, then by their place in the list', () => {
  const [low, high] = [new PlainInput('low', frame(4, 4, 5)), new PlainInput('high', frame(4, 2, 7))];
  show([LEFT, INSET], low, high);
  expect(luma()).toEqual([
    '5 5 5 5 17 17 17 17',
    '5 5 5 5 17 17 17 17',
    '5 5 7 7 7 7 17 17',
    '5 5 7 7 7 7 17 17',
  ]);
  show([{ ...LEFT, zOrder: 1 }, INSET], low, high);
  expect(luma()).toEqual([
    '5 5 5 5 17 17 17 17',
    '5 5 5 5 17 17 17 17',
    '5 5 5 5 7 7 17 17',
    '5 5 5 5 7 7 17 17',
  ]);
});

test('a new picture below is covered again by what lies above, and what did not change is not drawn', () => {
  const [low, high] = [new PlainInput('low', frame(4, 4, 5)), new PlainInput('high', frame(4, 2, 7))];
  show([LEFT, INSET], low, high);
  luma();
  low.picture = frame(4, 4, 6);
  expect(luma()[2]).toBe('6 6 7 7 7 7 17 17');
  canvas.data.fill(9, 0, 32);
  expect(luma()[2]).toBe('9 9 9 9 9 9 9 9');
  high.picture = frame(4, 2, 8);
  expect(luma()[2]).toBe('9 9 8 8 8 8 9 9');
});

test.each([
  ['fit', BLACK],
  ['fit-background', BACKGROUND],
] as const)(
  '%s leaves a margin of its colour, also when the picture becomes smaller',
  (renderMode, margin) => {
    const user = new PlainInput('ann', frame(8, 2, 5));
    show([{ x: 0, y: 0, width: 8, height: 4, renderMode }], user);
    const row = (value: number) => Array(8).fill(value).join(' ');
    // A margin of whole chroma pixels: the picture stands at the top.
    expect(luma()).toEqual([row(5), row(5), row(margin), row(margin)]);
    user.picture = frame(2, 4, 6);
    const narrow = [margin, margin, 6, 6, margin, margin, margin, margin].join(' ');
    expect(luma()).toEqual([narrow, narrow, narrow, narrow]);
  },
);

test('a change waits for all inputs, half a second at most, and then comes whole', () => {
  const [ann, bob] = [new PlainInput('ann', frame(8, 4, 5)), new PlainInput('bob', frame(4, 4, 6))];
  scene.want(wanted({ mode: 'grid' }, [ann]), 0);
  expect(scene.advance(0)).toBe(true);
  bob.ready = false;
  scene.want(wanted({ mode: 'grid' }, [ann, bob]), 100);
  expect(ann.prepared.at(-1)).toEqual({ width: 4, height: 4, renderMode: 'crop' });
  expect(scene.advance(590)).toBe(false);
  expect(luma()[0]).toBe('5 5 5 5 5 5 5 5');
  expect(scene.advance(600)).toBe(true);
  expect([ann.commits, bob.commits]).toEqual([2, 1]);
  expect(luma()[0]).toBe('5 5 5 5 6 6 6 6');
});

test('changes in quick succession do not put the first one off', () => {
  const ann = new PlainInput('ann', frame(8, 4, 5));
  ann.ready = false;
  scene.want(wanted({ mode: 'grid' }, [ann]), 0);
  scene.want(wanted({ mode: 'floating' }, [ann]), 400);
  expect(scene.advance(500)).toBe(true);
  expect(scene.advance(900)).toBe(false);
});

test('a camera that is switched off or on gives its cell back or gets one', () => {
  const [ann, bob] = [new PlainInput('ann', frame(8, 4, 5)), new PlainInput('bob', frame(4, 4, 6))];
  scene.want(wanted({ mode: 'grid' }, [ann, bob]), 0);
  scene.advance(0);
  expect(luma()[0]).toBe('5 5 5 5 6 6 6 6');
  bob.audioOnly = true;
  expect(scene.advance(1)).toBe(true);
  expect(bob.prepared.at(-1)).toBeNull();
  expect(luma()[0]).toBe('5 5 5 5 5 5 5 5');
  bob.audioOnly = false;
  expect(scene.advance(2)).toBe(true);
  expect(luma()[0]).toBe('5 5 5 5 6 6 6 6');
});

/** A picture of one colour, opaque or with this alpha everywhere; its colours are multiplied by it. */
function drawing(width: number, height: number, luma: number, alpha = 255): Picture {
  const covers = (pixels: number) => new Uint8Array(pixels).fill(alpha);
  const planes =
    alpha === 255 ? null : { luma: covers(width * height), chroma: covers((width * height) / 4) };
  return { ...frame(width, height, luma), alpha: planes };
}

const CUSTOM: LayoutSpec = { mode: 'custom', cells: [LEFT] };
const MARK = { type: 'picture', url: 'mark', x: 2, y: 2, width: 4, height: 2 } as const;

test('the background colour changes with the change that names it', () => {
  scene.want(wanted(CUSTOM, []), 0);
  // From the first moment on.
  expect(luma()[0]).toBe('17 17 17 17 17 17 17 17');
  scene.advance(0);
  const ann = new PlainInput('ann', frame(4, 4, 5));
  ann.ready = false;
  scene.want(wanted(CUSTOM, [ann], { background: '#ffffff' }), 0);
  expect(scene.advance(0)).toBe(false);
  expect(luma()[0]).toBe('17 17 17 17 17 17 17 17');
  ann.ready = true;
  expect(scene.advance(1)).toBe(true);
  expect(luma()[0]).toBe('5 5 5 5 235 235 235 235');
});

test('a background picture lies over the colour, under the cells', () => {
  pictures.there.set('back', drawing(8, 4, 30));
  const ann = new PlainInput('ann', frame(4, 4, 5));
  scene.want(wanted(CUSTOM, [ann], { backgroundPicture: { url: 'back' } }), 0);
  scene.advance(0);
  expect(luma()[0]).toBe('5 5 5 5 30 30 30 30');
  expect(pictures.wishes).toEqual([{ type: 'url', url: 'back', renderMode: 'stretch', width: 8, height: 4 }]);
});

test('a watermark lies above a cell of its z-order, under a higher one, and lets it shine through', () => {
  // Half of 16 + 40 over what lies below.
  pictures.there.set('mark', drawing(4, 2, 36, 128));
  const ann = new PlainInput('ann', frame(4, 4, 96));
  scene.want(wanted(CUSTOM, [ann], { watermarks: [MARK] }), 0);
  scene.advance(0);
  expect(luma()[2]).toBe('96 96 76 76 36 36 17 17');
  // What is translucent is laid over a new picture once.
  ann.picture = frame(4, 4, 116);
  expect(luma()[2]).toBe('116 116 86 86 36 36 17 17');
  expect(luma()[2]).toBe('116 116 86 86 36 36 17 17');
  const above: LayoutSpec = { mode: 'custom', cells: [{ ...LEFT, zOrder: 1 }] };
  scene.want(wanted(above, [ann], { watermarks: [MARK] }), 0);
  scene.advance(0);
  expect(luma()[2]).toBe('116 116 116 116 36 36 17 17');
});

test('a change waits for its pictures, half a second at most, and each appears when it is there', () => {
  const ann = new PlainInput('ann', frame(4, 4, 5));
  show([LEFT], ann);
  scene.want(wanted(CUSTOM, [ann], { watermarks: [MARK] }), 0);
  expect(scene.advance(400)).toBe(false);
  expect(scene.advance(500)).toBe(true);
  expect(luma()[2]).toBe('5 5 5 5 17 17 17 17');
  pictures.there.set('mark', drawing(4, 2, 7));
  expect(luma()[2]).toBe('5 5 7 7 7 7 17 17');
  scene.want(wanted(CUSTOM, [ann], { watermarks: [MARK] }), 600);
  expect(scene.advance(600)).toBe(true);
  // Nor for one that cannot be had.
  pictures.failed.add('other');
  scene.want(wanted(CUSTOM, [ann], { watermarks: [{ ...MARK, url: 'other' }] }), 600);
  expect(scene.advance(600)).toBe(true);
  expect(luma()[2]).toBe('5 5 5 5 17 17 17 17');
});

test('who has no picture is stood for by the placeholder of the cell, else the common one, else a drawn figure', () => {
  const [ann, bob] = [new PlainInput('ann', frame(4, 4, 5)), new PlainInput('bob', frame(4, 4, 6))];
  const cells = [
    { ...LEFT, placeholder: 'own' },
    { ...LEFT, x: 4 },
  ];
  const layout: LayoutSpec = { mode: 'custom', cells };
  pictures.there.set('own', drawing(4, 4, 20)).set('common', drawing(4, 4, 30));
  scene.want(wanted(layout, [ann, bob], { placeholder: 'common' }), 0);
  scene.advance(0);
  expect(luma()[0]).toBe('5 5 5 5 6 6 6 6');
  ann.picture = null;
  bob.picture = null;
  expect(luma()[0]).toBe('20 20 20 20 30 30 30 30');
  pictures.there.delete('common');
  expect(luma()[0]).toMatch(/^20 20 20 20 (44|92)/);
  bob.picture = frame(4, 4, 6);
  expect(luma()[0]).toBe('20 20 20 20 6 6 6 6');
});

test('a camera that is off keeps its cell where it may, and shows the placeholder', () => {
  const ann = new PlainInput('ann', frame(8, 4, 5));
  pictures.there.set('common', drawing(8, 4, 30));
  ann.audioOnly = true;
  ann.picture = null;
  scene.want(wanted({ mode: 'grid', holdAudioOnly: true }, [ann], { placeholder: 'common' }), 0);
  scene.advance(0);
  expect(luma()[0]).toBe('30 30 30 30 30 30 30 30');
});

test('of a user whose video is blocked nothing is decoded or shown', () => {
  const ann = new PlainInput('ann', frame(8, 4, 5));
  pictures.there.set('common', drawing(8, 4, 30));
  ann.blocked = { audio: false, video: true };
  scene.want(wanted({ mode: 'grid' }, [ann], { placeholder: 'common' }), 0);
  scene.advance(0);
  expect(ann.prepared).toEqual([null]);
  expect(luma()[0]).toBe('30 30 30 30 30 30 30 30');
});

test('a cell whose user is away shows its placeholder, or is empty', () => {
  const bob = { userId: 'bob', stream: 'main' } as const;
  const cells = [
    { ...LEFT, source: bob, placeholder: 'own' },
    { ...LEFT, x: 4, source: { ...bob, userId: 'cid' } },
  ];
  pictures.there.set('own', drawing(4, 4, 20));
  scene.want(wanted({ mode: 'custom', cells }, []), 0);
  scene.advance(0);
  expect(luma()[0]).toBe('20 20 20 20 17 17 17 17');
});

test('opacity mixes a cell and its margin with what lies below', () => {
  const [low, high] = [new PlainInput('low', frame(8, 4, 100)), new PlainInput('high', frame(4, 2, 200))];
  const cells: CustomCell[] = [
    { ...LEFT, width: 8 },
    { ...LEFT, width: 8, opacity: 0.5, zOrder: 1, renderMode: 'fit' },
  ];
  // 4x2 in 8x4 is scaled; 2x4 leaves black margins.
  show(cells, low, high);
  expect(luma()[0]).toBe('150 150 150 150 150 150 150 150');
  high.picture = frame(2, 4, 200);
  expect(luma()[0]).toBe('58 58 150 150 58 58 58 58');
  low.picture = frame(8, 4, 50);
  expect(luma()[0]).toBe('33 33 125 125 33 33 33 33');
  show(
    cells.map((cell) => ({ ...cell, opacity: cell.zOrder ? 0 : 1 })),
    low,
    high,
  );
  expect(luma()[0]).toBe('50 50 50 50 50 50 50 50');
});

test('the part of the source that a cell shows is asked of the input', () => {
  const ann = new PlainInput('ann', frame(4, 4, 5));
  const crop = { x: 10, y: 20, width: 30, height: 40 };
  show([{ ...LEFT, crop }], ann);
  expect(ann.prepared).toEqual([{ width: 4, height: 4, renderMode: 'crop', crop }]);
});

test('a time is drawn anew when its second is over, and not before', () => {
  const glyph = { width: 24, height: 2, data: Buffer.alloc(frameBytes(24, 2)), id: 99, ptsMs: 0 };
  const covers = Uint8Array.from({ length: 48 }, (_, at) => (at % 2 === 0 ? 255 : 0));
  pictures.there.set('glyphs', { ...glyph, alpha: { luma: covers, chroma: new Uint8Array(12) } });
  const mark = { type: 'timestamp', place: 'top-left', timeZone: 0, color: '#ffffff' } as const;
  scene.want(wanted({ mode: 'grid' }, [], { watermarks: [mark] }), 0);
  scene.advance(0);
  expect(pictures.wishes).toEqual([{ type: 'glyphs', fontSize: 4 }]);
  expect(luma(10_000)[0]).toContain('235');
  canvas.data.fill(9, 0, 32);
  expect(luma(10_999)[0]).toBe('9 9 9 9 9 9 9 9');
  expect(luma(11_000)[0]).toContain('235');
});

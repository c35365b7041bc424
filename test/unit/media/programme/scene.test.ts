import { beforeEach, expect, test } from 'vitest';
import type { CustomCell, LayoutSpec } from '../../../../src/domain/layout/spec.ts';
import { DEFAULT_PROGRAMME, type ProgrammeSpec } from '../../../../src/domain/programme.ts';
import type { Picture } from '../../../../src/media/pictures/picture.ts';
import type { PictureWish } from '../../../../src/media/pictures/picture-store.ts';
import type { CellSize } from '../../../../src/media/programme/decoder-slot.ts';
import { type Frame, frameBytes, nextFrameId } from '../../../../src/media/programme/frame-pool.ts';
import type { ProgrammeInput } from '../../../../src/media/programme/input.ts';
import { createScene, type Scene, type SceneCanvas } from '../../../../src/media/programme/scene.ts';

const BACKGROUND = 1;
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
  const programme = { ...DEFAULT_PROGRAMME, ...part, layout };
  return { programme, inputs: inputs.map((input) => ({ input, blocked: input.blocked })) };
}

let pictures: PlainPictures;
let scene: Scene;
let canvas: SceneCanvas;

beforeEach(() => {
  pictures = new PlainPictures();
  scene = createScene({
    canvas: { width: 8, height: 4 },
    background: { y: BACKGROUND, u: 128, v: 128 },
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
  expect(luma()).toEqual(['5 5 5 5 1 1 1 1', '5 5 5 5 1 1 1 1', '5 5 7 7 7 7 1 1', '5 5 7 7 7 7 1 1']);
  show([{ ...LEFT, zOrder: 1 }, INSET], low, high);
  expect(luma()).toEqual(['5 5 5 5 1 1 1 1', '5 5 5 5 1 1 1 1', '5 5 5 5 7 7 1 1', '5 5 5 5 7 7 1 1']);
});

test('a new picture below is covered again by what lies above, and what did not change is not drawn', () => {
  const [low, high] = [new PlainInput('low', frame(4, 4, 5)), new PlainInput('high', frame(4, 2, 7))];
  show([LEFT, INSET], low, high);
  luma();
  low.picture = frame(4, 4, 6);
  expect(luma()[2]).toBe('6 6 7 7 7 7 1 1');
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

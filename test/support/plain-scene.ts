import type { CustomCell, LayoutSpec } from '../../src/domain/layout/spec.ts';
import { DEFAULT_PROGRAMME, type ProgrammeSpec } from '../../src/domain/programme.ts';
import { type Frame, frameBytes, nextFrameId } from '../../src/media/canvas/frame-pool.ts';
import type { Picture } from '../../src/media/canvas/picture.ts';
import type { PictureWish } from '../../src/media/pictures/picture-store.ts';
import type { CellSize } from '../../src/media/programme/input/decoder-slot.ts';
import type { ProgrammeInput } from '../../src/media/programme/input/input.ts';
import { createScene } from '../../src/media/programme/scene/scene.ts';

const NOTHING = () => undefined;

/** A picture of one luma everywhere. */
export function frame(width: number, height: number, luma: number): Frame {
  return { width, height, data: Buffer.alloc(frameBytes(width, height), luma), id: nextFrameId(), ptsMs: 0 };
}

/** An input that shows what it is told to. */
export class PlainInput implements ProgrammeInput {
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
export function wanted(layout: LayoutSpec, inputs: readonly PlainInput[], part: Partial<ProgrammeSpec> = {}) {
  const programme = { ...DEFAULT_PROGRAMME, background: '#010101', ...part, layout };
  return { programme, inputs: inputs.map((input) => ({ input, blocked: input.blocked })) };
}

/** A scene on a canvas of 8x4, and what it is asked and looked at with. */
export function standScene() {
  const pictures = new PlainPictures();
  const scene = createScene({ canvas: { width: 8, height: 4 }, pictures, unixMs: (nowMs) => nowMs });
  const canvas = scene.createCanvas();
  return {
    pictures,
    scene,
    canvas,
    /** Luma of the canvas after it was drawn, a text of numbers per row. */
    luma(nowMs = 0): string[] {
      scene.draw(canvas, nowMs);
      return [0, 1, 2, 3].map((row) => canvas.data.subarray(row * 8, row * 8 + 8).join(' '));
    },
    show(cells: readonly CustomCell[], ...inputs: PlainInput[]): void {
      scene.want(wanted({ mode: 'custom', cells }, inputs), 0);
      scene.advance(0);
    },
  };
}

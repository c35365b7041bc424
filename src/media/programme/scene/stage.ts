import type { ProgrammeSpec, VideoSpec } from '../../../domain/programme.ts';
import { createCanvasPool } from '../../canvas/canvas-pool.ts';
import { frameBytes } from '../../canvas/frame-pool.ts';
import type { PictureStore } from '../../pictures/picture-store.ts';
import { createScene, type SceneCanvas } from './scene.ts';
import type { CellPiece, SceneWish } from './stack.ts';

/** Where the pictures of one size and rate are made; without video, only sound is asked of the inputs. */
export interface Stage {
  readonly video: VideoSpec | null;
  want(wish: SceneWish, nowMs: number): void;
  /** Applies a change that is due; true when it did. */
  advance(nowMs: number): boolean;
  /** A canvas with the picture of this time; null: the encoder has as many as it may be behind. */
  draw(nowMs: number): SceneCanvas | null;
  giveBack(canvas: SceneCanvas): void;
  /** Those of the pictures drawn now, from the lowest to the highest; the same array until they change. */
  readonly cells: readonly CellPiece[];
}

export function createStage(
  programme: Pick<ProgrammeSpec, 'video'>,
  gallery: Pick<PictureStore, 'open'>,
): Stage {
  return programme.video ? pictureStage(programme.video, gallery) : soundStage();
}

function pictureStage(video: VideoSpec, gallery: Pick<PictureStore, 'open'>): Stage {
  const { width, height, fps } = video;
  const scene = createScene({
    canvas: { width, height },
    pictures: gallery,
  });
  const canvases = createCanvasPool(scene.createCanvas, { fps, frameBytes: frameBytes(width, height) });
  return {
    video,
    want: scene.want,
    advance: scene.advance,
    draw(nowMs) {
      const canvas = canvases.take();
      if (canvas) scene.draw(canvas, nowMs);
      return canvas;
    },
    giveBack: canvases.giveBack,
    get cells() {
      return scene.cells;
    },
  };
}

function soundStage(): Stage {
  let changed = false;
  return {
    video: null,
    want({ inputs }) {
      changed = true;
      for (const { input } of inputs) {
        input.prepare(null);
        input.commit();
      }
    },
    advance() {
      const applied = changed;
      changed = false;
      return applied;
    },
    draw: () => null,
    giveBack: () => undefined,
    cells: [],
  };
}

import type { CanvasSize, LayoutBox } from '../../../domain/layout/box.ts';
import { type Canvas, createCanvas } from '../../canvas/canvas.ts';
import { damage, type Layer, planDraws } from '../../canvas/layers.ts';
import type { PictureSlot, PictureStore, PictureWish } from '../../pictures/picture-store.ts';
import type { CellSize } from '../input/decoder-slot.ts';
import { createComposer } from './composer.ts';
import { type CellPiece, groundPiece, type Piece, type SceneWish, stackUp } from './stack.ts';

/** A canvas that remembers what stands on it, so that only what changed is drawn. */
export interface SceneCanvas extends Canvas {
  scene: number;
  layers: readonly Layer[];
}

export interface SceneOptions {
  readonly canvas: CanvasSize;
  readonly pictures: Pick<PictureStore, 'open'>;
  /** Unix ms at this time of the programme's clock; by default as the machine says. */
  readonly unixMs?: (nowMs: number) => number;
}

/** What stands where. A change is prepared beside what is shown and applied at one tick. */
export interface Scene {
  createCanvas(): SceneCanvas;
  /** Applied when all inputs and pictures are ready, or after half a second. */
  want(wish: SceneWish, nowMs: number): void;
  /** Applies a change that is due; true when it did. */
  advance(nowMs: number): boolean;
  draw(canvas: SceneCanvas, nowMs: number): void;
  /** Those that draw() draws, from the lowest to the highest; the same array until they change. */
  readonly cells: readonly CellPiece[];
}

interface Shown {
  readonly version: number;
  readonly wish: SceneWish | null;
  readonly pieces: readonly Piece[];
  readonly cells: readonly CellPiece[];
  readonly slots: readonly PictureSlot[];
}

const SWITCH_DEADLINE_MS = 500;
const BLACK = { background: '#000000' };

function audioOnlyOf(wish: SceneWish | null, nowMs: number): string {
  return (wish?.inputs ?? []).map(({ input }) => (input.isAudioOnly(nowMs) ? 'a' : 'v')).join('');
}

function machineTime(nowMs: number): number {
  return Date.now() + nowMs - performance.now();
}

function cellSize({ width, height, renderMode, crop }: LayoutBox): CellSize {
  return { width, height, renderMode, ...(crop ? { crop } : {}) };
}

/** The inputs with their places; one whose video is blocked is not decoded. */
function prepareInputs({ inputs }: SceneWish, cells: readonly CellPiece[]): void {
  for (const present of inputs) {
    const box = cells.find((cell) => cell.present === present)?.box;
    if (!box || present.blocked.video) present.input.prepare(null);
    else present.input.prepare(cellSize(box));
  }
}

export function createScene(options: SceneOptions): Scene {
  const { canvas: size, pictures, unixMs = machineTime } = options;
  const composer = createComposer({ canvas: size, unixMs });
  const whole = { x: 0, y: 0, width: size.width, height: size.height };
  let shown: Shown = { version: 1, wish: null, pieces: [groundPiece(BLACK)], cells: [], slots: [] };
  let next: { readonly shown: Shown; readonly deadlineMs: number } | null = null;
  let wish: SceneWish | null = null;
  let audioOnly = '';
  let lastVersion = 1;

  /** Pieces name their pictures one by one; the store hears of them all at once. */
  function arrange(wanted: SceneWish, nowMs: number): Shown {
    const wishes: PictureWish[] = [];
    let slots: readonly PictureSlot[] = [];
    const ask = (picture: PictureWish): PictureSlot => {
      const at = wishes.push(picture) - 1;
      return {
        get picture() {
          return slots[at]?.picture ?? null;
        },
        get isSettled() {
          return slots[at]?.isSettled ?? true;
        },
      };
    };
    const pieces = stackUp(wanted, size, nowMs, ask);
    slots = pictures.open(wishes);
    lastVersion += 1;
    const cells = pieces.filter((piece) => piece.type === 'cell');
    return { version: lastVersion, wish: wanted, pieces, cells, slots };
  }

  function prepare(wanted: SceneWish, nowMs: number): void {
    audioOnly = audioOnlyOf(wanted, nowMs);
    const arranged = arrange(wanted, nowMs);
    prepareInputs(wanted, arranged.cells);
    // Changes in quick succession must not put the first one off for ever.
    next = { shown: arranged, deadlineMs: next?.deadlineMs ?? nowMs + SWITCH_DEADLINE_MS };
  }

  function isReady({ wish: arranged, slots }: Shown, nowMs: number): boolean {
    const inputs = arranged?.inputs ?? [];
    return inputs.every(({ input }) => input.isReady(nowMs)) && slots.every((slot) => slot.isSettled);
  }

  return {
    get cells() {
      return shown.cells;
    },
    createCanvas: () => ({ ...createCanvas(size.width, size.height), scene: 0, layers: [] }),
    want(wanted, nowMs) {
      wish = wanted;
      // Until the first arrangement is ready.
      if (!shown.wish) shown = { ...shown, pieces: [groundPiece(wanted.programme)] };
      prepare(wanted, nowMs);
    },
    advance(nowMs) {
      // A camera switched on or off may change who has a cell.
      if (wish && audioOnly !== audioOnlyOf(wish, nowMs)) prepare(wish, nowMs);
      if (!next) return false;
      if (!isReady(next.shown, nowMs) && nowMs < next.deadlineMs) return false;
      shown = next.shown;
      next = null;
      for (const { input } of shown.wish?.inputs ?? []) input.commit();
      return true;
    },
    draw(canvas, nowMs) {
      const layers = composer.layers(shown.pieces, nowMs);
      const before = canvas.scene === shown.version ? canvas.layers : null;
      for (const { layer, clip } of planDraws(layers, damage(whole, before, layers))) {
        layers[layer]?.draw(canvas, clip);
      }
      canvas.scene = shown.version;
      canvas.layers = layers.map(({ key, box, opaque, stamp }) => ({ key, box, opaque, stamp }));
    },
  };
}

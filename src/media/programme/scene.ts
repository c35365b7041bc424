import type { CanvasSize, LayoutBox } from '../../domain/layout/box.ts';
import { layOut } from '../../domain/layout/layout.ts';
import type { LayoutSpec } from '../../domain/layout/spec.ts';
import {
  type Canvas,
  createCanvas,
  drawFrame,
  fillBox,
  fillCanvas,
  overlaps,
  type YuvColor,
} from './canvas.ts';
import type { Frame } from './frame-pool.ts';
import type { ProgrammeInput } from './input.ts';
import { pictureBox } from './picture-box.ts';
import { createPlaceholders } from './placeholder.ts';

/** A canvas that remembers what stands on it, so that only what changed is drawn. */
export interface SceneCanvas extends Canvas {
  scene: number;
  readonly drawn: Map<string, Pick<Frame, 'id' | 'width' | 'height'>>;
}

export interface SceneOptions {
  readonly canvas: CanvasSize;
  readonly background: YuvColor;
}

/** What should be shown: inputs in order of entry. */
export interface SceneWish {
  readonly layout: LayoutSpec;
  readonly inputs: readonly ProgrammeInput[];
  /** 16 when left out. */
  readonly maxInputs?: number | undefined;
}

/** Which input stands where. A change is prepared beside what is shown and applied at one tick. */
export interface Scene {
  createCanvas(): SceneCanvas;
  /** Applied when all inputs are ready, or after half a second. */
  want(wish: SceneWish, nowMs: number): void;
  /** Applies a change that is due; true when it did. */
  advance(nowMs: number): boolean;
  draw(canvas: SceneCanvas, nowMs: number): void;
}

interface Cell {
  readonly box: LayoutBox;
  readonly input: ProgrammeInput;
  /** Places in the list of the cells that this one covers a part of. */
  readonly covers: readonly number[];
}

interface Shown {
  readonly version: number;
  readonly inputs: readonly ProgrammeInput[];
  readonly cells: readonly Cell[];
}

const SWITCH_DEADLINE_MS = 500;
const BLACK: YuvColor = { y: 16, u: 128, v: 128 };

/** From the lowest to the highest. */
function stack(boxes: readonly LayoutBox[], inputs: readonly ProgrammeInput[]): Cell[] {
  const byId = new Map(inputs.map((input) => [input.ref.streamId, input]));
  const placed = boxes
    .flatMap((box) => {
      const input = byId.get(box.streamId);
      return input ? [{ box, input }] : [];
    })
    .sort((a, b) => a.box.zOrder - b.box.zOrder);
  return placed.map((cell, at) => ({
    ...cell,
    covers: placed.slice(0, at).flatMap((lower, index) => (overlaps(lower.box, cell.box) ? [index] : [])),
  }));
}

function audioOnlyOf(inputs: readonly ProgrammeInput[], nowMs: number): string {
  return inputs.map((input) => (input.isAudioOnly(nowMs) ? 'a' : 'v')).join('');
}

export function createScene({ canvas: size, background }: SceneOptions): Scene {
  const placeholders = createPlaceholders();
  let shown: Shown = { version: 1, inputs: [], cells: [] };
  let next: { readonly shown: Shown; readonly deadlineMs: number } | null = null;
  let wish: SceneWish = { layout: { mode: 'grid' }, inputs: [] };
  let audioOnly = '';
  let lastVersion = 1;

  function arrange({ layout, inputs, maxInputs }: SceneWish, nowMs: number): Shown {
    const candidates = inputs.map((input) => ({ ...input.ref, audioOnly: input.isAudioOnly(nowMs) }));
    lastVersion += 1;
    return {
      version: lastVersion,
      inputs,
      cells: stack(layOut(layout, candidates, size, maxInputs), inputs),
    };
  }

  function prepare(nowMs: number): void {
    audioOnly = audioOnlyOf(wish.inputs, nowMs);
    const arranged = arrange(wish, nowMs);
    const boxes = new Map(arranged.cells.map((cell) => [cell.input, cell.box]));
    for (const input of wish.inputs) {
      const box = boxes.get(input);
      input.prepare(box ? { width: box.width, height: box.height, renderMode: box.renderMode } : null);
    }
    // Changes in quick succession must not put the first one off for ever.
    next = { shown: arranged, deadlineMs: next?.deadlineMs ?? nowMs + SWITCH_DEADLINE_MS };
  }

  function drawPicture(canvas: SceneCanvas, picture: Frame, cell: LayoutBox, withMargin: boolean): void {
    const box = pictureBox(picture, cell, cell.renderMode);
    const hasMargin = box.width < cell.width || box.height < cell.height;
    if (hasMargin && withMargin) fillBox(canvas, cell, cell.renderMode === 'fit' ? BLACK : background);
    drawFrame(canvas, picture, box, cell.renderMode !== 'crop');
  }

  return {
    createCanvas: () => ({ ...createCanvas(size.width, size.height), scene: 0, drawn: new Map() }),
    want(wanted, nowMs) {
      wish = wanted;
      prepare(nowMs);
    },
    advance(nowMs) {
      // A camera switched on or off may change who has a cell.
      if (audioOnly !== audioOnlyOf(wish.inputs, nowMs)) prepare(nowMs);
      if (!next) return false;
      const ready = next.shown.inputs.every((input) => input.isReady(nowMs));
      if (!ready && nowMs < next.deadlineMs) return false;
      shown = next.shown;
      next = null;
      for (const input of shown.inputs) input.commit();
      return true;
    },
    draw(canvas, nowMs) {
      if (canvas.scene !== shown.version) {
        fillCanvas(canvas, background);
        canvas.drawn.clear();
        canvas.scene = shown.version;
      }
      const redrawn = new Set<number>();
      for (const [at, { box, input, covers }] of shown.cells.entries()) {
        const picture = input.pictureAt(nowMs) ?? placeholders.get(box.width, box.height);
        const known = canvas.drawn.get(box.streamId);
        const isCovered = covers.some((lower) => redrawn.has(lower));
        if (known?.id === picture.id && !isCovered) continue;
        const sameSize = known?.width === picture.width && known.height === picture.height;
        drawPicture(canvas, picture, box, isCovered || !sameSize);
        canvas.drawn.set(box.streamId, { id: picture.id, width: picture.width, height: picture.height });
        redrawn.add(at);
      }
    },
  };
}

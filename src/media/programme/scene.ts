import { type CanvasSize, type LayoutBox, layOut } from '../../domain/layout.ts';
import type { LayoutSpec } from '../../domain/task.ts';
import { type Canvas, createCanvas, drawFrame, fillCanvas, overlaps, type YuvColor } from './canvas.ts';
import type { ProgrammeInput } from './input.ts';
import { createPlaceholders } from './placeholder.ts';

/** A canvas that remembers what stands on it, so that only what changed is drawn. */
export interface SceneCanvas extends Canvas {
  scene: number;
  readonly drawn: Map<string, number>;
}

export interface SceneOptions {
  readonly canvas: CanvasSize;
  readonly layout: LayoutSpec;
  readonly background: YuvColor;
}

/** Which input stands where. A change is prepared beside what is shown and applied at one tick. */
export interface Scene {
  createCanvas(): SceneCanvas;
  /** Wanted inputs in order of entry; applied when all are ready or after half a second. */
  want(inputs: readonly ProgrammeInput[], nowMs: number): void;
  /** Applies a change that is due; true when it did. */
  advance(nowMs: number): boolean;
  draw(canvas: SceneCanvas, nowMs: number): void;
}

interface Cell {
  readonly box: LayoutBox;
  readonly input: ProgrammeInput;
}

interface Shown {
  readonly version: number;
  readonly inputs: readonly ProgrammeInput[];
  readonly cells: readonly Cell[];
  readonly overlapping: boolean;
}

const SWITCH_DEADLINE_MS = 500;

export function createScene({ canvas: size, layout, background }: SceneOptions): Scene {
  const placeholders = createPlaceholders();
  let shown: Shown = { version: 1, inputs: [], cells: [], overlapping: false };
  let next: { readonly shown: Shown; readonly deadlineMs: number } | null = null;
  let lastVersion = 1;

  function arrange(inputs: readonly ProgrammeInput[]): Shown {
    const byId = new Map(inputs.map((input) => [input.ref.streamId, input]));
    const cells = layOut(layout, [...byId.keys()], size)
      .flatMap((box) => {
        const input = byId.get(box.inputId);
        return input ? [{ box, input }] : [];
      })
      .sort((a, b) => a.box.zOrder - b.box.zOrder);
    lastVersion += 1;
    return {
      version: lastVersion,
      inputs,
      cells,
      overlapping: cells.some((a, at) => cells.slice(at + 1).some((b) => overlaps(a.box, b.box))),
    };
  }

  function drawCell(canvas: SceneCanvas, { box, input }: Cell, nowMs: number): void {
    const picture = input.pictureAt(nowMs) ?? placeholders.get(box.width, box.height);
    if (!shown.overlapping && canvas.drawn.get(box.inputId) === picture.id) return;
    drawFrame(canvas, picture, box);
    canvas.drawn.set(box.inputId, picture.id);
  }

  return {
    createCanvas: () => ({ ...createCanvas(size.width, size.height), scene: 0, drawn: new Map() }),
    want(inputs, nowMs) {
      const arranged = arrange(inputs);
      const boxes = new Map(arranged.cells.map((cell) => [cell.input, cell.box]));
      for (const input of inputs) {
        const box = boxes.get(input);
        input.prepare(box ? { width: box.width, height: box.height } : null);
      }
      // Changes in quick succession must not put the first one off for ever.
      next = { shown: arranged, deadlineMs: next?.deadlineMs ?? nowMs + SWITCH_DEADLINE_MS };
    },
    advance(nowMs) {
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
      for (const cell of shown.cells) drawCell(canvas, cell, nowMs);
    },
  };
}

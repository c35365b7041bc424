import { type StreamKind, sameUser } from '../ids.ts';
import { sameRoomUser } from '../room-user.ts';
import {
  type Box,
  type CanvasSize,
  DEFAULT_MAX_INPUTS,
  evenBox,
  type LayoutBox,
  type LayoutInput,
  type RoomStream,
} from './box.ts';
import { floatingBoxes } from './floating.ts';
import { gridBoxes } from './grid.ts';
import { shareBoxes } from './share.ts';
import type {
  CustomCell,
  CustomLayout,
  FloatingLayout,
  GridLayout,
  LayoutSpec,
  MainUser,
  RenderMode,
  ShareLayout,
} from './spec.ts';

/** The stream of the main user where none is named. */
const PREFERRED = { floating: 'main', share: 'aux' } as const;

type Dynamic = GridLayout | FloatingLayout | ShareLayout;

/** The big picture's input, null while it is not there. */
function findMain<T extends RoomStream>(
  shown: readonly T[],
  main: MainUser | undefined,
  preferred: StreamKind,
): T | null {
  if (main === undefined) return null;
  const streams = shown.filter((input) => sameUser(input.userId, main.userId));
  if (main.stream !== undefined) return streams.find((input) => input.stream === main.stream) ?? null;
  return streams.find((input) => input.stream === preferred) ?? streams[0] ?? null;
}

function placed(
  input: LayoutInput | undefined,
  box: Box | undefined,
  zOrder: number,
  renderMode: RenderMode = 'crop',
): LayoutBox[] {
  return input && box && box.width > 0 && box.height > 0
    ? [{ streamId: input.streamId, ...box, zOrder, renderMode }]
    : [];
}

function layOutGrid(layout: GridLayout, shown: readonly LayoutInput[], canvas: CanvasSize): LayoutBox[] {
  const boxes = gridBoxes(shown.length, canvas);
  return shown.flatMap((input, at) => placed(input, boxes[at], 0, layout.renderMode));
}

function layOutFloating(
  layout: FloatingLayout,
  shown: readonly LayoutInput[],
  canvas: CanvasSize,
): LayoutBox[] {
  const big = findMain(shown, layout.main, PREFERRED.floating) ?? shown[0];
  const others = shown.filter((input) => input !== big);
  const boxes = floatingBoxes(others.length, canvas);
  return [
    ...placed(big, evenBox(0, 0, canvas.width, canvas.height), 0, layout.renderMode),
    ...others.flatMap((input, at) => placed(input, boxes[at], 1, layout.renderMode)),
  ];
}

function layOutShare(layout: ShareLayout, shown: readonly LayoutInput[], canvas: CanvasSize): LayoutBox[] {
  const big = findMain(shown, layout.main, PREFERRED.share);
  const others = shown.filter((input) => input !== big);
  const boxes = shareBoxes(others.length, layout.mainSide ?? 'left', canvas);
  return [
    // A screen is shown whole: its edges are content.
    ...placed(big ?? undefined, boxes.big, 0, layout.renderMode ?? 'fit'),
    ...others.flatMap((input, at) => placed(input, boxes.small[at], 0, layout.renderMode)),
  ];
}

function isFor({ source }: CustomCell, input: RoomStream): boolean {
  return source !== undefined && source.stream === input.stream && sameRoomUser(source, input);
}

/** The input of each cell: the one it names, else the next of the own room by entry that no cell names. */
function fillCells<T extends RoomStream>({ cells }: CustomLayout, inputs: readonly T[]): (T | undefined)[] {
  const free = ownRoomOf(inputs).filter((input) => !cells.some((cell) => isFor(cell, input)));
  return cells.map((cell) => (cell.source ? inputs.find((one) => isFor(cell, one)) : free.shift()));
}

/** A cell whose user is away shows its placeholder; one for anybody only a placeholder of its own. */
function layOutCell(
  cell: CustomCell,
  input: LayoutInput | undefined,
  common: string | undefined,
): LayoutBox | null {
  const { zOrder = 0, renderMode = 'crop', crop, opacity, placeholder } = cell;
  const box = evenBox(cell.x, cell.y, cell.width, cell.height);
  const isShown = input !== undefined || (placeholder ?? (cell.source && common)) !== undefined;
  if (!isShown || box.width === 0 || box.height === 0) return null;
  return {
    ...{ streamId: input?.streamId ?? null, ...box, zOrder, renderMode },
    ...(crop === undefined ? {} : { crop }),
    ...(opacity === undefined ? {} : { opacity }),
    ...(placeholder === undefined ? {} : { placeholder }),
  };
}

function layOutCustom(
  layout: CustomLayout,
  inputs: readonly LayoutInput[],
  common: string | undefined,
): LayoutBox[] {
  const filled = fillCells(layout, inputs);
  return layout.cells.map((cell, at) => layOutCell(cell, filled[at], common)).filter((box) => box !== null);
}

/** Users of other rooms stand in cells that name them, and nowhere else. */
function ownRoomOf<T extends RoomStream>(streams: readonly T[]): T[] {
  return streams.filter((stream) => stream.room === undefined);
}

function hasCell(layout: Dynamic, input: LayoutInput): boolean {
  return layout.holdAudioOnly === true || !input.audioOnly;
}

/**
 * The streams that are mixed at all, seen or only heard: so many by entry and the main user, or those with a
 * custom cell.
 */
export function mixedStreams<T extends RoomStream>(
  layout: LayoutSpec,
  streams: readonly T[],
  maxInputs = DEFAULT_MAX_INPUTS,
): T[] {
  if (layout.mode === 'custom') {
    const filled = new Set(fillCells(layout, streams));
    return streams.filter((stream) => filled.has(stream));
  }
  const own = ownRoomOf(streams);
  const main = layout.mode === 'grid' ? null : findMain(own, layout.main, PREFERRED[layout.mode]);
  const first = own.slice(0, maxInputs);
  return main === null || first.includes(main) ? first : [...first.slice(0, maxInputs - 1), main];
}

function layOutDynamic(layout: Dynamic, shown: readonly LayoutInput[], canvas: CanvasSize): LayoutBox[] {
  switch (layout.mode) {
    case 'grid':
      return layOutGrid(layout, shown, canvas);
    case 'floating':
      return layOutFloating(layout, shown, canvas);
    case 'share':
      return layOutShare(layout, shown, canvas);
  }
}

function withPlaceholder(boxes: readonly LayoutBox[], placeholder: string | undefined): readonly LayoutBox[] {
  return placeholder === undefined ? boxes : boxes.map((box) => ({ placeholder, ...box }));
}

export interface LayOutOptions {
  /** 16 by default. */
  readonly maxInputs?: number | undefined;
  /** For cells that name no placeholder of their own. */
  readonly placeholder?: string | undefined;
}

/** Cells of the inputs, which come in order of entry; who leaves frees a cell and the later close up. */
export function layOut(
  layout: LayoutSpec,
  inputs: readonly LayoutInput[],
  canvas: CanvasSize,
  { maxInputs = DEFAULT_MAX_INPUTS, placeholder }: LayOutOptions = {},
): readonly LayoutBox[] {
  if (layout.mode === 'custom')
    return withPlaceholder(layOutCustom(layout, inputs, placeholder), placeholder);
  const shown = ownRoomOf(inputs)
    .filter((input) => hasCell(layout, input))
    .slice(0, maxInputs);
  return withPlaceholder(layOutDynamic(layout, shown, canvas), placeholder);
}

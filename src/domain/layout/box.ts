import type { StreamKind } from '../ids.ts';
import type { RoomUser } from '../room-user.ts';
import type { RenderMode, SourceCrop } from './spec.ts';

export interface CanvasSize {
  readonly width: number;
  readonly height: number;
}

/** Even pixels. */
export interface Box extends CanvasSize {
  readonly x: number;
  readonly y: number;
}

/** A stream of the task's room or of another; a user's camera and screen are two. */
export interface RoomStream extends RoomUser {
  readonly streamId: string;
  readonly stream: StreamKind;
}

/** One stream that may stand on the canvas. */
export interface LayoutInput extends RoomStream {
  /** It has no video; false while nothing is known of it. */
  readonly audioOnly: boolean;
}

/** One cell of the canvas; a higher zOrder lies above, of equal ones the later. */
export interface LayoutBox extends Box {
  /** null: nobody stands there, and it shows its placeholder. */
  readonly streamId: string | null;
  readonly zOrder: number;
  readonly renderMode: RenderMode;
  /** As of the cell. */
  readonly crop?: SourceCrop;
  readonly opacity?: number;
  /** Picture URL shown while there is no picture of the stream. */
  readonly placeholder?: string;
}

/** TRTC mixes so many into a relay, and into a recording where that asks for them. */
export const DEFAULT_MAX_INPUTS = 16;
export const MOST_INPUTS = 25;

/** Nearest even pixel. Sizes are rounded down, so that neighbours meet but never overlap. */
export function evenPlace(value: number): number {
  return Math.round(value / 2) * 2;
}

export function evenSize(value: number): number {
  return Math.floor(value / 2) * 2;
}

/** The box of these exact places and sizes on even pixels. */
export function evenBox(x: number, y: number, width: number, height: number): Box {
  return { x: evenPlace(x), y: evenPlace(y), width: evenSize(width), height: evenSize(height) };
}

import type { StreamKind } from '../ids.ts';
import type { RoomUser } from '../room-user.ts';

/** How a picture is fitted into its cell; `fit` has black margins, `fit-background` the background's. */
export const RENDER_MODES = ['crop', 'fit', 'fit-background', 'stretch'] as const;
export type RenderMode = (typeof RENDER_MODES)[number];

export interface StreamChoice extends RoomUser {
  readonly stream: StreamKind;
}

/** The user of the big picture; without a stream: the screen before the camera when sharing, else the camera. */
export interface MainUser {
  readonly userId: string;
  readonly stream?: StreamKind;
}

interface DynamicLayout {
  readonly renderMode?: RenderMode;
  /** Users without video keep a cell; by default they are only heard. */
  readonly holdAudioOnly?: boolean;
}

export interface GridLayout extends DynamicLayout {
  readonly mode: 'grid';
}

/** A picture over the whole canvas and small ones on it, from the bottom left. */
export interface FloatingLayout extends DynamicLayout {
  readonly mode: 'floating';
  /** By default the first in the room. */
  readonly main?: MainUser;
}

/** A big picture and a column of small ones beside it. */
export interface ShareLayout extends DynamicLayout {
  readonly mode: 'share';
  /** Without one, and while it is away, the big place shows the background. */
  readonly main?: MainUser;
  /** Side of the big picture; left by default. */
  readonly mainSide?: 'left' | 'right';
}

/** A part of the source's picture in its own pixels; what lies beyond the picture is left out. */
export interface SourceCrop {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Pixels of the canvas; a higher zOrder lies above, of equal ones the later. */
export interface CustomCell {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly zOrder?: number;
  readonly renderMode?: RenderMode;
  /** The one stream it is for; by default the next in order of entry that has no cell of its own. */
  readonly source?: StreamChoice;
  readonly crop?: SourceCrop;
  /** Picture URL shown while there is no picture of the source. */
  readonly placeholder?: string;
  /** 0 to 1, opaque by default. */
  readonly opacity?: number;
}

/** Cells as given; who has none is neither seen nor heard. */
export interface CustomLayout {
  readonly mode: 'custom';
  readonly cells: readonly CustomCell[];
}

export type LayoutSpec = GridLayout | FloatingLayout | ShareLayout | CustomLayout;

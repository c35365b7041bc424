import type { RoomId, StreamKind } from './ids.ts';

export interface VideoSpec {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly bitrateKbps: number;
  readonly gopSeconds: number;
}

/** The programme's sound is 48 kHz stereo AAC-LC. */
export interface AudioSpec {
  readonly bitrateKbps: number;
}

/** How a picture is fitted into its cell; `fit` has black margins, `fit-background` the background's. */
export const RENDER_MODES = ['crop', 'fit', 'fit-background', 'stretch'] as const;
export type RenderMode = (typeof RENDER_MODES)[number];

export interface StreamChoice {
  readonly userId: string;
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
}

/** Cells as given; who has none is neither seen nor heard. */
export interface CustomLayout {
  readonly mode: 'custom';
  readonly cells: readonly CustomCell[];
}

export type LayoutSpec = GridLayout | FloatingLayout | ShareLayout | CustomLayout;

/** What a mix makes; two tasks of a room that ask for the same share one encode. */
export interface ProgrammeSpec {
  readonly video: VideoSpec;
  readonly audio: AudioSpec;
  readonly layout: LayoutSpec;
  /** `#rrggbb` */
  readonly background: string;
}

export const DEFAULT_PROGRAMME: ProgrammeSpec = {
  video: { width: 1280, height: 720, fps: 30, bitrateKbps: 2500, gopSeconds: 2 },
  audio: { bitrateKbps: 128 },
  layout: { mode: 'grid' },
  background: '#101418',
};

/** A push destination. `sealedUrl` is encrypted (identity/seal.ts); `shownUrl` hides the stream key. */
export interface PushTarget {
  readonly id: string;
  readonly sealedUrl: string;
  readonly shownUrl: string;
}

/** What a task reads: a mix of its room, or one user's stream as it is. */
export type TaskSource =
  | { readonly type: 'mix'; readonly mixTaskId: string; readonly programme: ProgrammeSpec }
  | { readonly type: 'single'; readonly userId: string; readonly stream: StreamKind };

export type EndReason = 'stopped' | 'idle' | 'finished';

interface TaskBase {
  readonly taskId: string;
  readonly appId: number;
  readonly room: RoomId;
  readonly createdAt: number;
  readonly source: TaskSource;
  /** The hub stream this task copies. */
  readonly streamId: string;
  /** Seconds without any publisher of its source after which the task ends by itself. */
  readonly maxIdleSeconds: number;
  /** Grows with every change of the task. */
  readonly revision: number;
  readonly endedAt: number | null;
  readonly endReason: EndReason | null;
}

/** A relay: push the room's mix, or one stream, to its targets. The mix is published as user `agentUserId`. */
export interface RelayTask extends TaskBase {
  readonly kind: 'relay';
  readonly agentUserId: string;
  readonly targets: readonly PushTarget[];
  /** Per target id, grows by "retry now". */
  readonly retryNonce: Readonly<Record<string, number>>;
}

export type RecordFormat = 'mp4';

export interface RecordTask extends TaskBase {
  readonly kind: 'record';
  readonly agentUserId: string;
  readonly formats: readonly RecordFormat[];
  /** Unix ms; null begins at once. */
  readonly startAt: number | null;
  /** Ends by itself this long after startAt (or createdAt); null records until stopped or idle. */
  readonly durationMs: number | null;
}

export type Task = RelayTask | RecordTask;

/** One finished file of a recording. */
export interface RecordedFile {
  readonly path: string;
  /** Empty for a mix. */
  readonly userId: string;
  readonly durationMs: number;
  readonly bytes: number;
  readonly verdict: RecordingVerdict;
}

export interface RecordingVerdict {
  readonly playable: boolean;
  readonly gaps: number;
  readonly secondsLost: number;
}

/** What is known of a recording's outcome, in Redis beside its task. */
export interface RecordingResult {
  readonly taskId: string;
  readonly state: 'finalising' | 'ready' | 'failed';
  readonly onAirMs: number;
  readonly files: readonly RecordedFile[];
  readonly error: string | null;
}

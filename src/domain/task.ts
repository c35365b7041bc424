import type { RoomId, StreamKind } from './ids.ts';
import type { ProgrammeSpec } from './programme.ts';
import type { PlatformName } from './push/platform.ts';
import type { RetryPolicy } from './push/retry-policy.ts';

/** A push destination. `sealedUrl` is encrypted (identity/seal.ts); `shownUrl` hides the stream key. */
export interface PushTarget {
  readonly id: string;
  readonly sealedUrl: string;
  readonly shownUrl: string;
  /** As named by who asked for it: decides which limits the stream is held against. */
  readonly platform?: PlatformName;
  /** Packets of this many ms go out as one write, 0 to 350; the worker's default without it. */
  readonly mergeMs?: number;
  /** Resolved when the target was made: of the target, else of its app, else the default. */
  readonly retry?: RetryPolicy;
  /** Kept off the air until somebody resumes it. */
  readonly paused?: boolean;
}

/** What a task reads: a mix of its room, or one user's stream as it is. */
export type TaskSource =
  | { readonly type: 'mix'; readonly mixTaskId: string; readonly programme: ProgrammeSpec }
  | { readonly type: 'single'; readonly userId: string; readonly stream: StreamKind };

export type EndReason = 'stopped' | 'idle' | 'finished';

/** Says that nobody asked for a task: the app's settings did. */
export interface AutoMark {
  /** What the task is for; never two running tasks with one key. */
  readonly key: string;
  /** Unix ms: createdAt of the room that it was started for. */
  readonly since: number;
}

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
  /** Of the last change whose caller numbers them; they come in growing order. */
  readonly sequenceNumber?: number;
  readonly endedAt: number | null;
  readonly endReason: EndReason | null;
  readonly auto?: AutoMark;
}

/** A relay: push the room's mix, or one stream, to its targets. The mix is published as user `agentUserId`. */
export interface RelayTask extends TaskBase {
  readonly kind: 'relay';
  readonly agentUserId: string;
  readonly targets: readonly PushTarget[];
  /** Sessions stay open for so long while the stream behind them is away; the default without it. */
  readonly graceSeconds?: number;
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

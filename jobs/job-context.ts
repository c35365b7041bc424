import type { Logger } from 'pino';
import type { CallbackEvent } from '../src/domain/callback/callback.ts';
import type { RoomId } from '../src/domain/ids.ts';
import type { JobOutcome, JobRef, JobStatus } from '../src/domain/job.ts';
import type { GatewayFacts, RoomFacts } from '../src/domain/room.ts';
import type { Secret } from '../src/domain/secret.ts';
import type { RecordingResult, Task } from '../src/domain/task.ts';
import type { JobEvent } from '../src/domain/task-event.ts';

/** Why a job's signal is aborted: no longer wanted, a higher epoch runs it, or this worker is going down. */
export type StopReason = 'stopped' | 'fenced' | 'drain';

/** A stream as it is found: by its room's facts. */
export interface HubStream {
  readonly appId: number;
  readonly room: RoomId;
  readonly streamId: string;
}

/** What jobs may know of the facts. While Redis is away every read answers with the last known value. */
export interface JobFacts {
  getTask(taskId: string): Promise<Task | null>;
  getRoom(appId: number, room: RoomId): Promise<RoomFacts | null>;
  /** Home gateway of a room, or any live gateway when the room does not exist; null when there is none. */
  locateRoom(appId: number, room: RoomId): Promise<GatewayFacts | null>;
  /** Gateway that holds a stream: its user's, else (a mix, or nobody of the room) the room's home. */
  locateStream(stream: HubStream): Promise<GatewayFacts | null>;
  /** Calls the listener soon after facts of that room may have changed; returns the way to stop. */
  watchRoom(appId: number, room: RoomId, listener: () => void): () => void;
  saveRecording(result: RecordingResult): Promise<void>;
  /** Asks the watcher for a job that no task wants by itself (finalise), to be run on this worker's data dir. */
  requestJob(job: JobRef): Promise<void>;
}

/** All a job handler gets. It resolves with its outcome, and throws only what it cannot handle. */
export interface JobContext {
  readonly job: JobRef;
  /** Goes into every internal ticket: the hub ends lower epochs. */
  readonly epoch: number;
  readonly clusterSecret: Secret;
  readonly dataDir: string;
  readonly log: Logger;
  readonly facts: JobFacts;
  /** Aborted with a StopReason as its reason. Handlers then close cleanly within 5 s. */
  readonly signal: AbortSignal;
  /** What a run that did not come to its end (its worker died or hangs) said last. */
  readonly leftBehind: JobStatus | null;
  /** Latest status wins; written at most twice a second. */
  report(status: JobStatus): void;
  /** The last status: it stays for the run that goes on with the job, as `leftBehind`. */
  leave(status: JobStatus): void;
  /** Tells whoever watches the task; kept for a while unless it is who speaks. */
  emit(event: JobEvent): void;
  /** Puts it into the outbox of the app's callbacks; waits while Redis is away. */
  tellApp(event: CallbackEvent): void;
  /** The task's facts may have changed. Returns the way to stop listening. */
  onUpdate(listener: () => void): () => void;
}

export type JobHandler = (context: JobContext) => Promise<JobOutcome>;

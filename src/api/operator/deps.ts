import type { Apps } from '../../config/app.ts';
import type { LiveApps } from '../../config/live-apps.ts';
import type { RoomId } from '../../domain/ids.ts';
import type { StoredJobStatus } from '../../domain/job.ts';
import type { MixEvent } from '../../domain/mix-event.ts';
import type { Blocked, RoomFacts } from '../../domain/room.ts';
import type { Secret } from '../../domain/secret.ts';
import type { RecordingResult } from '../../domain/task.ts';
import type { PushEvent, TaskEvent } from '../../domain/task-event.ts';
import type { WorkerFacts } from '../../domain/worker.ts';
import type { UserPlace } from '../../rooms/registry-types.ts';
import type { JobFailure } from '../../tasks/job-status.ts';
import type { TaskStore } from '../../tasks/task-store.ts';

/** What the operator API needs of the tasks in Redis (tasks/task-store.ts). */
export type OperatorTasks = Pick<
  TaskStore,
  'list' | 'listRunning' | 'get' | 'createRelay' | 'createRecord' | 'update' | 'stop'
>;

export interface OperatorDeps {
  /** With the settings that count now; `change` throws `bad-app-id`, `bad-request`, `redis-away`. */
  readonly apps: Apps & Pick<LiveApps, 'change'>;
  readonly tasks: OperatorTasks;
  readonly rooms: {
    list(): Promise<readonly RoomFacts[]>;
    /** Throws `not-found`, `redis-away`. */
    setBlocked(user: UserPlace, blocked: Blocked): Promise<void>;
    /** Throws `not-found`, `redis-away`. */
    dismiss(appId: number, room: RoomId): Promise<void>;
    /** Answers those who were in the room; throws `not-found` when there is no such room, `redis-away`. */
    removeUsers(appId: number, room: RoomId, userIds: readonly string[]): Promise<readonly string[]>;
  };
  /** All statuses by job key. */
  readonly statuses: { all(): Promise<ReadonlyMap<string, StoredJobStatus>> };
  /** Why the last runs of jobs failed, by job key. */
  readonly failures: { all(): Promise<ReadonlyMap<string, JobFailure>> };
  /** Those that live. */
  readonly workers: { list(): Promise<readonly WorkerFacts[]> };
  readonly recordings: { get(taskId: string): Promise<RecordingResult | null> };
  readonly events: {
    /** The last events of a mix, by its own task. */
    ofMix(mixTaskId: string): Promise<readonly MixEvent[]>;
    /** The last events of a relay's targets. */
    ofPush(taskId: string): Promise<readonly PushEvent[]>;
    /** Calls the listener with what any job notices; returns the way to stop. */
    hear(listener: (event: TaskEvent) => void): () => void;
  };
  /** Tries a push URL up to the accepted stream, for some seconds at most; never throws. */
  readonly checkDestination: (url: Secret) => Promise<{
    readonly ok: boolean;
    readonly steps: readonly { readonly step: string; readonly ok: boolean; readonly ms: number }[];
    readonly error: { readonly code: string; readonly message: string; readonly advice: string } | null;
  }>;
  readonly clusterSecret: Secret;
  /** Without trailing slash: `http://host:port`, `rtmp://host:port`. Known once the ports are open. */
  readonly publicUrls: () => { readonly http: string; readonly rtmp: string };
  /** Of the gateway that has the stream; null: none is known to. Throws `redis-away`. */
  readonly findHome: (stream: {
    readonly appId: number;
    readonly room: RoomId;
    readonly streamId: string;
  }) => Promise<{ readonly http: string; readonly rtmp: string } | null>;
  /** Unix ms. */
  readonly now: () => number;
}

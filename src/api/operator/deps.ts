import type { Apps } from '../../config/app.ts';
import type { JobRef, StoredJobStatus } from '../../domain/job.ts';
import type { RoomFacts } from '../../domain/room.ts';
import type { Secret } from '../../domain/secret.ts';
import type { RecordingResult, Task } from '../../domain/task.ts';

/** The tasks in Redis, as far as the operator API needs them. */
export interface OperatorTasks {
  list(): Promise<readonly Task[]>;
  get(taskId: string): Promise<Task | null>;
  create(task: Task): Promise<void>;
  /** Applies the change to the task as stored now; null when there is no such task. */
  update(taskId: string, change: (task: Task) => Task): Promise<Task | null>;
  /** Ends the task because its caller said so; answers the task, or null when there is none. */
  stop(taskId: string): Promise<Task | null>;
}

export interface OperatorDeps {
  readonly apps: Apps;
  readonly tasks: OperatorTasks;
  readonly rooms: { list(): Promise<readonly RoomFacts[]> };
  readonly statuses: { get(job: JobRef): Promise<StoredJobStatus | null> };
  readonly recordings: { get(taskId: string): Promise<RecordingResult | null> };
  readonly clusterSecret: Secret;
  /** Without trailing slash: `http://host:port`, `rtmp://host:port`. */
  readonly publicUrls: { readonly http: string; readonly rtmp: string };
  /** Unix ms. */
  readonly now: () => number;
}

import { type JobKind, type JobRef, type JobStatus, jobKey, type StoredJobStatus } from '../../domain/job.ts';
import type { JobFailure } from '../../tasks/job-status.ts';

type StatusOf<K extends JobKind> = Extract<JobStatus, { readonly kind: K }>;

function isOfKind<K extends JobKind>(status: JobStatus, kind: K): status is StatusOf<K> {
  return status.kind === kind;
}

/** The status of one job among all of them; null when no worker reports one. */
export function statusOf<K extends JobKind>(
  statuses: ReadonlyMap<string, StoredJobStatus>,
  kind: K,
  id: string,
): StatusOf<K> | null {
  const status = statuses.get(jobKey({ kind, id }))?.status;
  return status !== undefined && isOfKind(status, kind) ? status : null;
}

/** What the operator API knows of the jobs of a task. */
export interface KnownJobs {
  readonly statuses: ReadonlyMap<string, StoredJobStatus>;
  readonly failures: ReadonlyMap<string, JobFailure>;
}

/** Why the first of these jobs does not run; null when all do, or none has failed. */
export function errorOf({ statuses, failures }: KnownJobs, jobs: readonly JobRef[]): string | null {
  const failure = jobs.map(jobKey).flatMap((key) => {
    const found = failures.get(key);
    // A later run that reports has got over it.
    return found && (statuses.get(key)?.epoch ?? 0) <= found.epoch ? [found] : [];
  })[0];
  return failure?.message ?? null;
}

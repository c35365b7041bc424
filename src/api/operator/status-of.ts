import { type JobKind, type JobStatus, jobKey, type StoredJobStatus } from '../../domain/job.ts';

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

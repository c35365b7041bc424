import type { StoredJobStatus } from '../../domain/job.ts';
import type { Task } from '../../domain/task.ts';
import type { OperatorDeps } from './deps.ts';
import { mixView } from './mix-view.ts';
import { programmeJson } from './programme-json.ts';
import { statusOf } from './status-of.ts';

/** What is shown of one task beside what lists show. */
export async function shownOf(
  task: Task,
  statuses: ReadonlyMap<string, StoredJobStatus>,
  events: OperatorDeps['events'],
) {
  const { source } = task;
  const sequenceNumber = task.sequenceNumber ?? null;
  if (source.type !== 'mix') return { programme: null, sequenceNumber, mix: null };
  const { mixTaskId, programme } = source;
  const last = await events.ofMix(mixTaskId);
  const mix = mixView(statusOf(statuses, 'mix', mixTaskId), last);
  return { programme: programmeJson(programme), sequenceNumber, mix };
}

import type { TargetStatus } from '../src/domain/job.ts';
import type { PushEvent } from '../src/domain/task-event.ts';
import type { TargetChange } from '../src/media/push/target-spec.ts';

export interface PushEventsDeps {
  readonly emit: (event: PushEvent) => void;
  /** Unix ms. */
  readonly now: () => number;
}

/** What a push tells of its targets as it happens. */
export interface PushEvents {
  changed(change: TargetChange): void;
  /** Call it with each status: what of the stream begins or ceases to break a limit is told. */
  look(targets: readonly TargetStatus[]): void;
}

/** A stream that is at a limit crosses it all the time. */
const WARNINGS_EVERY_MS = 10_000;

export function createPushEvents({ emit, now }: PushEventsDeps): PushEvents {
  const told = new Map<string, { readonly warnings: string; readonly at: number }>();

  function tellWarnings({ targetId, url, warnings }: TargetStatus): void {
    const before = told.get(targetId);
    const at = now();
    const text = JSON.stringify(warnings);
    if (text === (before?.warnings ?? '[]')) return;
    if (before !== undefined && at - before.at < WARNINGS_EVERY_MS) return;
    told.set(targetId, { warnings: text, at });
    emit({ type: 'push-warning', targetId, url, warnings, at });
  }

  return {
    changed({ targetId, url, from, to, attempt, nextRetryAt, error }) {
      const why = error && { code: error.code, message: error.message };
      emit({ type: 'push-state', targetId, url, from, to, error: why, attempt, nextRetryAt, at: now() });
    },
    look(targets) {
      const ids = new Set(targets.map(({ targetId }) => targetId));
      for (const id of told.keys()) if (!ids.has(id)) told.delete(id);
      for (const target of targets) tellWarnings(target);
    },
  };
}

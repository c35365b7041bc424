import type { RoomId } from './ids.ts';
import type { TargetState, TargetStatus } from './job.ts';
import type { MixEvent } from './mix-event.ts';

/** What a push notices of one of its targets; `url` has its key hidden. */
type PushEventBody = { readonly targetId: string; readonly url: string } & (
  | {
      readonly type: 'push-state';
      readonly from: TargetState;
      readonly to: TargetState;
      /** Why, when something went wrong. */
      readonly error: Omit<NonNullable<TargetStatus['lastError']>, 'at'> | null;
      readonly attempt: number;
      /** Unix ms. */
      readonly nextRetryAt: number | null;
    }
  /** What of the stream breaks a known limit of the platform, as of now; empty when nothing does any more. */
  | { readonly type: 'push-warning'; readonly warnings: readonly string[] }
);

export type PushEvent = PushEventBody & {
  /** Unix ms. */
  readonly at: number;
};

/** What a job tells of its work. */
export type JobEvent = MixEvent | PushEvent;

/** An event with whose it is. */
export interface TaskEvent {
  readonly appId: number;
  readonly room: RoomId;
  /** A relay's, or a mix's own task, which others may share. */
  readonly taskId: string;
  readonly event: JobEvent;
}

export function isPushEvent(event: JobEvent): event is PushEvent {
  return event.type === 'push-state' || event.type === 'push-warning';
}

/** What an event is about: where events must give way, those about the same come first. One line. */
export function subjectOf(event: JobEvent): string {
  switch (event.type) {
    case 'input-changed':
      return `${event.type} ${event.streamId} ${event.what}`;
    case 'input-unsupported':
    case 'input-damaged':
      return `${event.type} ${event.streamId}`;
    case 'push-state':
    case 'push-warning':
      return `${event.type} ${event.targetId}`;
    case 'overloaded':
    case 'recovered':
      return 'load';
    case 'picture-failed':
    case 'encoder-fallback':
    case 'speaking':
      return event.type;
  }
}

/** Which of a full row of events, oldest first, gives way: the oldest about what the most of them are about. */
export function givesWay(subjects: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const subject of subjects) counts.set(subject, (counts.get(subject) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return subjects.findIndex((subject) => counts.get(subject) === most);
}

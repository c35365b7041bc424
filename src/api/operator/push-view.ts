import type { z } from 'zod';
import type { PushEvent } from '../../domain/task-event.ts';
import type { pushEventAnswer } from './event-schemas.ts';

/** An event of a push as callers see it. */
export function pushEventView(event: PushEvent): z.input<typeof pushEventAnswer> {
  return event.type === 'push-warning' ? { ...event, warnings: [...event.warnings] } : event;
}

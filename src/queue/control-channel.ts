import type { Redis } from 'ioredis';
import { type JobRef, jobKey } from '../domain/job.ts';
import type { Announcements } from './announcements.ts';
import { reach } from './redis.ts';

/** `stop`: end the run cleanly. `update`: the task's facts may have changed. */
export type ControlMessage = 'stop' | 'update';

function channelOf(job: JobRef): string {
  return `roomcast:control:${jobKey(job)}`;
}

/** Tells whoever runs the job; nobody may be listening. Throws `redis-away`. */
export async function sendControl(redis: Redis, job: JobRef, message: ControlMessage): Promise<void> {
  await reach(() => redis.publish(channelOf(job), message));
}

/** Listens for messages to one job; returns the way to stop. */
export function onControl(
  announcements: Announcements,
  job: JobRef,
  listener: (message: ControlMessage) => void,
): () => void {
  return announcements.on(channelOf(job), (message) => {
    if (message === 'stop' || message === 'update') listener(message);
  });
}

import { sharedInterval } from '../src/media/push/shared-interval.ts';

/** Calls the listener once a second: what all jobs of the process read and write in that turn goes to Redis together. */
export function everySecond(listener: () => void): () => void {
  return sharedInterval(listener, 1000);
}

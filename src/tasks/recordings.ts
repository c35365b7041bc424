import type { Redis } from 'ioredis';
import type { RecordingResult } from '../domain/task.ts';
import { reach } from '../queue/redis.ts';

const RECORDINGS = 'roomcast:recordings';

/** What became of recordings, beside their tasks; calls throw `redis-away`. */
export interface Recordings {
  get(taskId: string): Promise<RecordingResult | null>;
  save(result: RecordingResult): Promise<void>;
}

export function createRecordings(redis: Redis): Recordings {
  return {
    async get(taskId) {
      const text = await reach(() => redis.hget(RECORDINGS, taskId));
      return text === null ? null : (JSON.parse(text) as RecordingResult);
    },
    async save(result) {
      await reach(() => redis.hset(RECORDINGS, result.taskId, JSON.stringify(result)));
    },
  };
}

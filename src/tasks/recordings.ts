import type { Redis } from 'ioredis';
import { mergeParts, type RecordingParts } from '../domain/recording-parts.ts';
import type { RecordingResult } from '../domain/task.ts';
import { reach } from '../queue/redis.ts';

const RECORDINGS = 'roomcast:recordings';
const MAX_COLLISIONS = 20;

/** Writes only over what was read ('' for nothing). KEYS: recordings. ARGV: field, as read, new. */
const SWAP = `
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1`;

/** What became of recordings, beside their tasks; calls throw `redis-away`. */
export interface Recordings {
  get(taskId: string): Promise<RecordingResult | null>;
  /** What became of the part that lies at `place`: a recording that moved to another worker has several. */
  save(place: string, result: RecordingResult): Promise<void>;
}

export function createRecordings(redis: Redis): Recordings {
  const parse = (text: string | null): RecordingParts =>
    text === null ? {} : (JSON.parse(text) as RecordingParts);

  async function save(place: string, result: RecordingResult): Promise<void> {
    for (let attempt = 0; attempt < MAX_COLLISIONS; attempt += 1) {
      const before = await redis.hget(RECORDINGS, result.taskId);
      const parts = parse(before);
      // A failure does not know what the run before it knew: that something was recorded.
      const onAirMs = Math.max(parts[place]?.onAirMs ?? 0, result.onAirMs);
      const after = JSON.stringify({ ...parts, [place]: { ...result, onAirMs } });
      if ((await redis.eval(SWAP, 1, RECORDINGS, result.taskId, before ?? '', after)) === 1) return;
    }
    throw new Error(`recording ${result.taskId} is written by others without end`);
  }

  return {
    get: async (taskId) => mergeParts(parse(await reach(() => redis.hget(RECORDINGS, taskId)))),
    save: (place, result) => reach(() => save(place, result)),
  };
}

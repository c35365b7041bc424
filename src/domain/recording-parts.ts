import type { RecordingResult } from './task.ts';

/** What is known of a recording, by the data dir its parts lie in, in the order they were begun. */
export type RecordingParts = Readonly<Record<string, RecordingResult>>;

function stateOf(parts: readonly RecordingResult[]): RecordingResult['state'] {
  if (parts.some((part) => part.state === 'finalising')) return 'finalising';
  return parts.some((part) => part.state === 'ready') ? 'ready' : 'failed';
}

/** One result of all parts: it is `ready` when no part is still to be finished, and one has files. */
export function mergeParts(byPlace: RecordingParts): RecordingResult | null {
  const parts = Object.values(byPlace);
  const [first] = parts;
  if (first === undefined || parts.length === 1) return first ?? null;
  const state = stateOf(parts);
  // A worker that was never given a frame has nothing to say beside one that was.
  const telling =
    state === 'failed' ? parts : parts.filter((part) => part.state === 'ready' || part.onAirMs > 0);
  const errors = telling.map((part) => part.error).filter((error) => error !== null);
  return {
    taskId: first.taskId,
    state,
    onAirMs: parts.reduce((sum, part) => sum + part.onAirMs, 0),
    files: parts.flatMap((part) => part.files),
    error: errors.length === 0 ? null : [...new Set(errors)].join('; '),
  };
}

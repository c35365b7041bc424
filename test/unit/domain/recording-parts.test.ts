import { describe, expect, it } from 'vitest';
import { mergeParts } from '../../../src/domain/recording-parts.ts';
import type { RecordedFile, RecordingResult } from '../../../src/domain/task.ts';

const file = (path: string): RecordedFile => ({
  path,
  userId: '',
  durationMs: 1000,
  bytes: 10,
  verdict: { playable: true, gaps: 0, secondsLost: 0 },
});

function part(state: RecordingResult['state'], more: Partial<RecordingResult> = {}): RecordingResult {
  return { taskId: 't', state, onAirMs: 0, files: [], error: null, ...more };
}

const ready = part('ready', { onAirMs: 1000, files: [file('/a/1.mp4')] });

describe('the result of a recording in parts', () => {
  it('is nothing without a part, and a single part as it is', () => {
    expect(mergeParts({})).toBeNull();
    expect(mergeParts({ a: ready })).toBe(ready);
  });

  it('has the files of all parts in the order they were begun, and their time together', () => {
    const second = part('ready', { onAirMs: 500, files: [file('/b/1.mp4'), file('/b/2.mp4')] });
    const merged = mergeParts({ z: ready, a: second });
    expect(merged).toMatchObject({ state: 'ready', onAirMs: 1500, error: null });
    expect(merged?.files.map((one) => one.path)).toEqual(['/a/1.mp4', '/b/1.mp4', '/b/2.mp4']);
  });

  it('is not ready while a part is still to be finished', () => {
    expect(mergeParts({ a: ready, b: part('finalising') })?.state).toBe('finalising');
  });

  it('is ready without a word of a part that was never on the air', () => {
    const empty = part('failed', { error: 'nothing was recorded' });
    expect(mergeParts({ a: ready, b: empty })).toMatchObject({ state: 'ready', error: null });
  });

  it('says what is wrong with a part that was on the air', () => {
    const broken = part('failed', { onAirMs: 700, error: 'the disk is full' });
    expect(mergeParts({ a: ready, b: broken })).toMatchObject({ state: 'ready', error: 'the disk is full' });
  });

  it('has failed when all parts have', () => {
    const empty = part('failed', { error: 'nothing was recorded' });
    expect(mergeParts({ a: empty, b: empty })).toMatchObject({
      state: 'failed',
      error: 'nothing was recorded',
    });
  });
});

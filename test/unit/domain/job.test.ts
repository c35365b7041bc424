import { expect, it } from 'vitest';
import { type JobRef, jobKey, parseJobKey } from '../../../src/domain/job.ts';

it.each<[JobRef, string]>([
  [{ kind: 'mix', id: 'abc' }, 'mix-abc'],
  [{ kind: 'hls', id: '1_room-1~20_ann_main' }, 'hls-1_room-1~20_ann_main'],
  [{ kind: 'finalise', id: 'abc', place: '0f' }, 'finalise-abc.0f'],
])('a job and its key say the same: %o', (job, key) => {
  expect(jobKey(job)).toBe(key);
  expect(parseJobKey(key)).toEqual(job);
});

it('a key of an unknown kind names no job', () => {
  expect(parseJobKey('upload-abc')).toBeNull();
});

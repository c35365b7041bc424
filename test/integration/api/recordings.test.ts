import { describe, expect, it } from 'vitest';
import { createStatusWriter, saveFailure } from '../../../src/tasks/job-status.ts';
import { createRecordings } from '../../../src/tasks/recordings.ts';
import { ask, redis, startRelay, tasks, useOperatorApi } from '../../support/operator-rig.ts';

useOperatorApi();

describe('recordings', () => {
  it('share the mix of a relay, and one can be scheduled', async () => {
    const relayId = await startRelay();
    const startAt = Date.now() + 60_000;
    const { status, json } = await ask('POST', '/recordings', { room: 7, startAt, durationMs: 90_000 });
    expect(status).toBe(201);
    expect(await tasks.get(json.taskId)).toMatchObject({
      kind: 'record',
      source: { type: 'mix', mixTaskId: relayId },
      startAt,
      durationMs: 90_000,
    });
    const listed = await ask('GET', '/recordings');
    expect(listed.json).toEqual([
      { taskId: json.taskId, room: 7, state: 'scheduled', auto: false, files: [] },
    ]);
    expect((await ask('GET', '/relays')).json).toHaveLength(1);
  });

  it('say why they do not run, until a later run does', async () => {
    const { json } = await ask('POST', '/recordings', { room: '8', single: { userId: 'Ann' } });
    const job = { kind: 'record', id: json.taskId } as const;
    const error = async () => (await ask('GET', `/recordings/${json.taskId}`)).json.error;
    await saveFailure(redis, job, { code: 'disk', message: 'the disk is full', at: 1, epoch: 5 });
    expect(await error()).toBe('the disk is full');
    const writer = createStatusWriter({ redis, job, workerId: 'w', epoch: 6 });
    writer.report({ kind: 'record', state: 'waiting', startedAt: null, mediaMs: 0, bytes: 0, gaps: 0 });
    await writer.rewrite();
    expect(await error()).toBeNull();
    await writer.close();
  });

  it('show their files when they are ready', async () => {
    const { json } = await ask('POST', '/recordings', { room: '7', single: { userId: 'Ann' } });
    const file = {
      path: '/data/a.mp4',
      userId: 'Ann',
      durationMs: 1000,
      bytes: 5,
      verdict: { playable: true, gaps: 0, secondsLost: 0 },
    };
    const result = {
      taskId: json.taskId,
      state: 'ready',
      onAirMs: 1000,
      files: [file],
      error: null,
    } as const;
    await createRecordings(redis).save('here', result);
    expect((await ask('DELETE', `/recordings/${json.taskId}`)).status).toBe(200);
    expect((await ask('GET', `/recordings/${json.taskId}`)).json).toEqual({
      taskId: json.taskId,
      room: '7',
      state: 'ready',
      auto: false,
      files: [file],
      programme: null,
      sequenceNumber: null,
      mix: null,
      onAirMs: 1000,
      error: null,
    });
  });

  it.each<[string, object]>([
    ['a start in the past', { startAt: 1000 }],
    ['a length of a millisecond', { durationMs: 1 }],
    ['a format of a later version', { formats: ['hls'] }],
    ['a user of digits only', { single: { userId: '123' } }],
  ])('refuse %s and store nothing', async (_what, body) => {
    expect((await ask('POST', '/recordings', { room: 7, ...body })).status).toBe(400);
    expect(await tasks.list()).toEqual([]);
  });

  it('are not relays', async () => {
    const { json } = await ask('POST', '/recordings', { room: 7 });
    expect((await ask('DELETE', `/relays/${json.taskId}`)).status).toBe(404);
    expect(await tasks.get(json.taskId)).toMatchObject({ endedAt: null });
  });
});

import { describe, expect, it } from 'vitest';
import { DEFAULT_PROGRAMME } from '../../../src/domain/programme.ts';
import type { WorkerFacts } from '../../../src/domain/worker.ts';
import { unseal } from '../../../src/identity/seal.ts';
import { createStatusWriter, saveFailure } from '../../../src/tasks/job-status.ts';
import {
  APP_ID,
  ask,
  clusterSecret,
  KEY,
  redis,
  SHOWN,
  startRelay,
  TO,
  tasks,
  useOperatorApi,
} from '../../support/operator-rig.ts';
import { roomFacts, userFacts } from '../../support/room-facts.ts';

useOperatorApi();

describe('starting a relay', () => {
  it('stores the task with its key sealed, and shows it with its key hidden', async () => {
    const { status, json } = await ask('POST', '/relays', { room: 7, targets: [TO] });
    expect(status).toBe(201);
    const agent = `mix_${json.taskId.slice(0, 8)}`;
    expect(json.streamId).toBe(`${APP_ID}_7_${agent}_main`);
    const listed = await ask('GET', '/relays');
    const target = {
      url: SHOWN,
      state: 'idle',
      attempt: 0,
      nextRetryAt: null,
      lastError: null,
      bytes: 0,
      id: expect.stringMatching(/^[0-9a-f]{10}$/),
      kbps: 0,
      takenBy: null,
      lagMs: 0,
      droppedFrames: 0,
      reconnects: 0,
      onAirMs: 0,
      warnings: [],
    };
    expect(listed.json).toEqual([
      {
        taskId: json.taskId,
        room: 7,
        state: 'waiting',
        streamId: json.streamId,
        auto: false,
        targets: [target],
      },
    ]);
    expect((await ask('GET', `/relays/${json.taskId}`)).json).toEqual({
      ...listed.json[0],
      error: null,
      programme: DEFAULT_PROGRAMME,
      sequenceNumber: null,
      mix: { state: 'waiting', inputs: [], encoder: null, overloaded: null, process: null, events: [] },
      push: { events: [] },
    });
    const mix = { kind: 'mix', id: json.taskId } as const;
    await saveFailure(redis, mix, { code: 'tool-missing', message: 'there is no ffmpeg', at: 1, epoch: 5 });
    expect((await ask('GET', `/relays/${json.taskId}`)).json.error).toBe('there is no ffmpeg');
    const stored = JSON.stringify(await redis.hgetall('roomcast:tasks'));
    expect(stored).not.toContain(KEY);
    const task = await tasks.get(json.taskId);
    const sealed = task?.kind === 'relay' ? (task.targets[0]?.sealedUrl ?? '') : '';
    expect(unseal(clusterSecret, sealed).reveal()).toBe(TO);
  });

  it('keeps its sessions without a stream for 10 s, or for as long as it is told', async () => {
    const [usual, short] = [await startRelay({ room: 7 }), await startRelay({ room: 8, graceSeconds: 0 })];
    const stored = await Promise.all([usual, short].map((taskId) => tasks.get(taskId)));
    expect(stored).toMatchObject([{ graceSeconds: 10 }, { graceSeconds: 0 }]);
  });

  it('keeps integer room 7 and string room "7" apart', async () => {
    await startRelay({ room: 7 });
    await startRelay({ room: '7' });
    const { json } = await ask('GET', '/relays');
    expect(json.map((relay: { room: unknown }) => relay.room)).toEqual([7, '7']);
    expect(json[0].streamId).not.toBe(json[1].streamId);
  });

  it.each<[string, object]>([
    ['room 0', { room: 0 }],
    ['room 4294967296', { room: 4_294_967_296 }],
    ['a room of 65 characters', { room: 'x'.repeat(65) }],
    ['a room with a slash', { room: 'a/b' }],
    ['no target', { targets: [] }],
    ['201 targets', { targets: Array.from({ length: 201 }, (_, n) => `${TO}${n}`) }],
    ['a URL that is none', { targets: ['http://127.0.0.1/live/x'] }],
    ['the same URL twice', { targets: [TO, TO] }],
    ['an odd width', { video: { width: 641 } }],
    ['a height of 1922', { video: { height: 1922 } }],
    ['61 frames a second', { video: { fps: 61 } }],
    ['9 kbps', { video: { bitrateKbps: 9 } }],
    ['a grace of 601 s', { graceSeconds: 601 }],
    ['an unknown field', { colour: 'red' }],
    ['an unknown app', { sdkAppId: 5 }],
    ['an agent of digits only', { agentUserId: '123' }],
    ['a copy with a layout', { single: { userId: 'ann' }, layout: 'grid' }],
    ['a copy with watermarks', { single: { userId: 'ann' }, watermarks: [] }],
    ['17 inputs', { maxInputs: 17 }],
    ['a picture from a file', { placeholder: 'file:///etc/passwd' }],
  ])('refuses %s in one sentence and stores nothing', async (_what, body) => {
    const { status, json, text } = await ask('POST', '/relays', { room: 7, targets: [TO], ...body });
    expect([400, 409]).toContain(status);
    expect(json.error.message.split('\n')).toHaveLength(1);
    expect(text).not.toContain(KEY);
    expect(await tasks.list()).toEqual([]);
  });

  it('refuses an agent that somebody in the room is', async () => {
    const room = { kind: 'number', value: 7 } as const;
    const facts = roomFacts({ appId: APP_ID, room }, [userFacts('ann')]);
    await redis.hset('roomcast:rooms', `${APP_ID}/7`, JSON.stringify(facts));
    const { status, json } = await ask('POST', '/relays', { room: 7, targets: [TO], agentUserId: 'Ann' });
    expect(status).toBe(409);
    expect(json.error.code).toBe('conflict');
  });
});

describe('HE-AAC', () => {
  const asked = { room: 7, targets: [TO], audio: { bitrateKbps: 48, codec: 'he-aac' } };
  const facts = (workerId: string, encoders: string[]) => {
    const told: WorkerFacts = {
      ...{ workerId, machine: 'm', cores: 2, spareCores: 2, promisedCores: 0, mixes: 0 },
      ...{ encoders, ffmpegVersion: '7', at: Date.now() },
    };
    return redis.set(`roomcast:worker-facts:${workerId}`, JSON.stringify(told));
  };

  it('is refused while the FFmpeg of no worker has it, and taken when one does', async () => {
    await facts('w1', ['libx264', 'aac']);
    const { status, json } = await ask('POST', '/relays', asked);
    expect(status).toBe(400);
    expect(json.error.message).toMatch(/no worker has an FFmpeg that encodes he-aac/);
    expect(await tasks.list()).toEqual([]);
    await facts('w2', ['libx264', 'aac', 'libfdk_aac']);
    expect((await ask('POST', '/relays', asked)).status).toBe(201);
  });
});

describe('a running relay', () => {
  it('shows its mix: inputs with state, size and volume, and what is overloaded', async () => {
    const taskId = await startRelay();
    const writer = createStatusWriter({ redis, job: { kind: 'mix', id: taskId }, workerId: 'w', epoch: 1 });
    const input = {
      streamId: '7_7_ann_main',
      userId: 'ann',
      stream: 'main',
      state: 'live',
      width: 1280,
      height: 720,
      hasAudio: true,
      volume: 42,
    } as const;
    const overloaded = { since: 5, droppedShare: 0.25, behindMs: 900, lateTicks: 12 };
    writer.report({
      kind: 'mix',
      state: 'running',
      pid: 77,
      inputs: [input],
      framesOut: 100,
      framesDropped: 25,
      lateTicks: 12,
      overloaded,
      encoderStarts: 1,
      publisherStarts: 1,
      cpuSeconds: 3.5,
      rssBytes: 1e8,
    });
    await writer.rewrite();
    expect((await ask('GET', `/relays/${taskId}`)).json.mix).toEqual({
      state: 'running',
      inputs: [input],
      encoder: { starts: 1, framesOut: 100, framesDropped: 25, lateTicks: 12 },
      overloaded,
      process: { pid: 77, cpuSeconds: 3.5, rssBytes: 1e8 },
      events: [],
    });
    await writer.close();
  });

  it('shows what its workers report', async () => {
    const taskId = await startRelay();
    const writer = createStatusWriter({ redis, job: { kind: 'push', id: taskId }, workerId: 'w', epoch: 1 });
    const task = await tasks.get(taskId);
    const targetId = task?.kind === 'relay' ? (task.targets[0]?.id ?? '') : '';
    const lastError = { code: 'connection-refused', message: 'nobody listens there', at: 5 };
    writer.report({
      kind: 'push',
      source: 'waiting',
      targets: [
        {
          targetId,
          url: SHOWN,
          state: 'backing-off',
          attempt: 4,
          nextRetryAt: 77,
          lastError,
          bytes: 12,
          lagMs: 0,
          droppedFrames: 0,
          connectedAt: null,
          sessions: 0,
          kbps: 0,
          takenBy: null,
          onAirMs: 0,
          warnings: [],
        },
      ],
    });
    await writer.rewrite();
    const { json } = await ask('GET', `/relays/${taskId}`);
    expect(json.targets).toMatchObject([
      { url: SHOWN, state: 'backing-off', attempt: 4, nextRetryAt: 77, lastError, bytes: 12 },
    ]);
    await writer.close();
  });

  it('gains and loses targets while the others keep their identity', async () => {
    const taskId = await startRelay();
    const before = await tasks.get(taskId);
    const added = await ask('PATCH', `/relays/${taskId}`, { add: [`${TO}2`] });
    expect(added).toMatchObject({ status: 200, json: { taskId } });
    const after = await tasks.get(taskId);
    if (before?.kind !== 'relay' || after?.kind !== 'relay') throw new Error('not stored');
    expect(after.targets[0]).toEqual(before.targets[0]);
    expect(after.targets).toHaveLength(2);
    expect(after.revision).toBeGreaterThan(before.revision);
    expect((await ask('PATCH', `/relays/${taskId}`, { remove: [TO] })).status).toBe(200);
    const left = await tasks.get(taskId);
    expect(left?.kind === 'relay' && left.targets).toEqual([after.targets[1]]);
  });

  it.each<[string, object, number]>([
    ['nothing', {}, 400],
    ['a target it has', { add: [TO] }, 409],
    ['a target it does not have', { remove: [`${TO}-other`] }, 404],
    ['its last target', { remove: [TO] }, 400],
    ['a layout that does not exist', { layout: 'circle' }, 400],
    ['a main user of the grid', { main: 'ann' }, 400],
    [
      'a custom layout larger than the canvas',
      { layout: { mode: 'custom', cells: [{ x: 1000, y: 0, width: 640, height: 360 }] } },
      400,
    ],
    ['a layout and a target it has', { layout: 'floating', add: [TO] }, 409],
  ])('is not changed by %s', async (_what, body, expected) => {
    const taskId = await startRelay();
    const before = await tasks.get(taskId);
    expect((await ask('PATCH', `/relays/${taskId}`, body)).status).toBe(expected);
    expect(await tasks.get(taskId)).toEqual(before);
  });

  it('changes its layout and main user, and keeps its targets', async () => {
    const taskId = await startRelay({ layout: 'floating', main: 'ann' });
    const layoutOf = async () => {
      const task = await tasks.get(taskId);
      return task?.source.type === 'mix' ? task.source.programme.layout : null;
    };
    expect(await layoutOf()).toEqual({ mode: 'floating', main: { userId: 'ann' } });
    expect((await ask('PATCH', `/relays/${taskId}`, { layout: 'share' })).status).toBe(200);
    expect(await layoutOf()).toEqual({ mode: 'share', main: { userId: 'ann' } });
    expect((await ask('PATCH', `/relays/${taskId}`, { main: 'bob' })).status).toBe(200);
    expect(await layoutOf()).toEqual({ mode: 'share', main: { userId: 'bob' } });
    const cell = { x: 0, y: 0, width: 640, height: 360, source: { userId: 'ann' } };
    const custom = { mode: 'custom', cells: [cell] };
    expect((await ask('PATCH', `/relays/${taskId}`, { layout: custom })).status).toBe(200);
    expect(await layoutOf()).toEqual({
      mode: 'custom',
      cells: [{ ...cell, source: { userId: 'ann', stream: 'main' } }],
    });
    expect(await tasks.get(taskId)).toMatchObject({ kind: 'relay', targets: [{ shownUrl: SHOWN }] });
  });

  it('that copies one stream has no layout', async () => {
    const taskId = await startRelay({ single: { userId: 'ann' } });
    expect((await ask('PATCH', `/relays/${taskId}`, { layout: 'grid' })).status).toBe(400);
  });

  it('is told to connect a target now, by its whole URL or as it is shown', async () => {
    const taskId = await startRelay();
    expect((await ask('POST', `/relays/${taskId}/retry`, { url: TO })).status).toBe(200);
    expect((await ask('POST', `/relays/${taskId}/retry`, { url: SHOWN })).status).toBe(200);
    const task = await tasks.get(taskId);
    const relay = task?.kind === 'relay' ? task : null;
    expect(relay?.retryNonce).toEqual({ [relay?.targets[0]?.id ?? '']: 2 });
  });

  it('wants the whole URL where two are shown alike', async () => {
    const taskId = await startRelay({ targets: [TO, `${TO}2`] });
    expect((await ask('POST', `/relays/${taskId}/retry`, { url: SHOWN })).status).toBe(409);
    expect((await ask('POST', `/relays/${taskId}/retry`, { url: TO })).status).toBe(200);
  });

  it('stops once; later changes are refused, and it stays in the list for an hour', async () => {
    const taskId = await startRelay();
    expect(await ask('DELETE', `/relays/${taskId}`)).toMatchObject({ status: 200, json: { taskId } });
    expect(await ask('DELETE', `/relays/${taskId}`)).toMatchObject({ status: 200, json: { taskId } });
    expect(await tasks.get(taskId)).toMatchObject({ endReason: 'stopped' });
    expect((await ask('PATCH', `/relays/${taskId}`, { add: [`${TO}2`] })).status).toBe(409);
    expect((await ask('GET', '/relays')).json).toMatchObject([{ taskId, state: 'ended' }]);
  });

  it.each(['GET', 'DELETE'] as const)('%s of an unknown one is 404', async (method) => {
    expect((await ask(method, '/relays/nosuchtask')).status).toBe(404);
  });
});

import { describe, expect, it } from 'vitest';
import { newRecordTask, newRelayTask, type TaskRequest } from '../../../src/domain/new-task.ts';
import { DEFAULT_PROGRAMME } from '../../../src/domain/programme.ts';

const target = (id: string) => ({ id, sealedUrl: 'v1.x', shownUrl: 'rtmp://a/live/****' });
const mixed = { type: 'mix', programme: DEFAULT_PROGRAMME, agentUserId: null } as const;

const request = (change: Partial<TaskRequest> = {}): TaskRequest => ({
  taskId: 'abcdefghijklmnop',
  appId: 1_400_000_001,
  room: { kind: 'number', value: 1001 },
  nowMs: 5000,
  maxIdleSeconds: 30,
  source: mixed,
  activeTasks: [],
  roomUsers: [],
  ...change,
});

describe('a new relay', () => {
  it('mixes its room as a user named after the task', () => {
    expect(newRelayTask(request(), [target('t1')])).toEqual({
      kind: 'relay',
      taskId: 'abcdefghijklmnop',
      appId: 1_400_000_001,
      room: { kind: 'number', value: 1001 },
      createdAt: 5000,
      source: { type: 'mix', mixTaskId: 'abcdefghijklmnop', programme: DEFAULT_PROGRAMME },
      streamId: '1400000001_1001_mix_abcdefgh_main',
      agentUserId: 'mix_abcdefgh',
      maxIdleSeconds: 30,
      revision: 1,
      endedAt: null,
      endReason: null,
      targets: [target('t1')],
      retryNonce: {},
    });
  });

  it('has the stream of the one user it copies', () => {
    const source = { type: 'single', userId: 'Ann', stream: 'aux' } as const;
    expect(newRelayTask(request({ source }), [])).toMatchObject({
      source,
      streamId: '1400000001_1001_ann_aux',
    });
  });

  it('cannot have the agent of a user in the room, in any case of letters', () => {
    const source = { ...mixed, agentUserId: 'ANN' };
    const ask = () => newRelayTask(request({ source, roomUsers: ['Ann'] }), []);
    expect(ask).toThrow(expect.objectContaining({ code: 'conflict' }));
  });

  it('cannot have the agent of another programme in the room', () => {
    const other = newRelayTask(request({ source: { ...mixed, agentUserId: 'host' } }), []);
    const programme = { ...DEFAULT_PROGRAMME, background: '#000000' };
    const source = { type: 'mix', programme, agentUserId: 'host' } as const;
    const ask = () => newRelayTask(request({ taskId: 'zzzzzzzzzzzz', source, activeTasks: [other] }), []);
    expect(ask).toThrow(expect.objectContaining({ code: 'conflict' }));
  });
});

describe('sharing one encode', () => {
  const running = newRelayTask(request(), [target('t1')]);
  const second = (change: Partial<TaskRequest>) =>
    newRecordTask(request({ taskId: 'qrstuvwxyzabcdef', activeTasks: [running], ...change }), {
      formats: ['mp4'],
      startAt: null,
      durationMs: null,
    });

  it('is done by two tasks of a room that ask for the same programme', () => {
    expect(second({})).toMatchObject({
      kind: 'record',
      source: { mixTaskId: running.taskId },
      streamId: running.streamId,
      agentUserId: running.agentUserId,
    });
  });

  it.each<[string, Partial<TaskRequest>]>([
    ['another room', { room: { kind: 'string', value: '1001' } }],
    ['an agent of its own', { source: { ...mixed, agentUserId: 'host' } }],
    [
      'another frame rate',
      {
        source: {
          ...mixed,
          programme: { ...DEFAULT_PROGRAMME, video: { ...DEFAULT_PROGRAMME.video, fps: 25 } },
        },
      },
    ],
  ])('is not done for %s', (_what, change) => {
    expect(second(change).source).toMatchObject({ mixTaskId: 'qrstuvwxyzabcdef' });
  });
});

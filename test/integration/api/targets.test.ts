import { describe, expect, it } from 'vitest';
import { DEFAULT_RETRY } from '../../../src/domain/push/retry-policy.ts';
import type { PushTarget, RelayTask } from '../../../src/domain/task.ts';
import { unseal } from '../../../src/identity/seal.ts';
import {
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

useOperatorApi();

async function stored(taskId: string): Promise<RelayTask> {
  const task = await tasks.get(taskId);
  if (task?.kind !== 'relay') throw new Error('not stored');
  return task;
}

const urlOf = (target: PushTarget | undefined) => unseal(clusterSecret, target?.sealedUrl ?? '').reveal();
const YOUTUBE = 'rtmps://a.rtmps.youtube.com:443/live2';

describe('a target', () => {
  it('is a URL, a platform with its key, or an object; its key is nowhere in clear', async () => {
    const retry = { refused: { attempts: null } };
    const targets = [
      TO,
      `youtube:${KEY}`,
      { url: `twitch:${TO}2`, mergeMs: 0, retry, paused: true },
      { url: `${TO}3`, platform: 'facebook' },
      `rtmp://Ann.9:${KEY}@127.0.0.1/live/${KEY}`,
    ];
    const taskId = await startRelay({ targets });
    const task = await stored(taskId);
    expect(task.targets.map(urlOf)).toEqual([TO, `${YOUTUBE}/${KEY}`, `${TO}2`, `${TO}3`, targets[4]]);
    expect(task.targets.map((target) => target.platform)).toEqual([
      undefined,
      'youtube',
      'twitch',
      'facebook',
      undefined,
    ]);
    expect(task.targets[0]).toMatchObject({ retry: DEFAULT_RETRY });
    expect(task.targets[2]).toMatchObject({
      mergeMs: 0,
      paused: true,
      retry: { ...DEFAULT_RETRY, refused: { ...DEFAULT_RETRY.refused, attempts: null } },
    });
    const shown = await ask('GET', `/relays/${taskId}`);
    expect(shown.json.targets.map((target: { state: string }) => target.state)).toEqual([
      'idle',
      'idle',
      'paused',
      'idle',
      'idle',
    ]);
    const seen = JSON.stringify([shown.text, await redis.hgetall('roomcast:tasks')]);
    expect(seen).not.toContain(KEY);
    expect(shown.text).not.toContain('Ann.9');
  });

  it.each<[string, unknown]>([
    ['a platform that does not exist', `vimeo:${KEY}`],
    ['a platform that gives whole URLs only', `tiktok:${KEY}`],
    ['a platform of no table', { url: TO, platform: 'vimeo' }],
    ['a merge window of 351 ms', { url: TO, mergeMs: 351 }],
    ['retries that never pause', { url: TO, retry: { network: { firstSeconds: 0 } } }],
    ['a longest pause below the first', { url: TO, retry: { network: { firstSeconds: 9, maxSeconds: 2 } } }],
    ['an unknown field', { url: TO, colour: 'red' }],
    ['no URL', { mergeMs: 1 }],
    ['a number', 5],
    ['a URL with a bad port', `rtmp://ann:${KEY}@127.0.0.1:99999/live/${KEY}`],
  ])('is refused with %s, in one sentence that shows no key', async (_what, target) => {
    const { status, json, text } = await ask('POST', '/relays', { room: 7, targets: [target] });
    expect(status).toBe(400);
    expect(json.error.message.split('\n')).toHaveLength(1);
    expect(text).not.toContain(KEY);
    expect(await tasks.list()).toEqual([]);
  });
});

describe('the programme of a relay', () => {
  it('that breaks limits of platforms is warned about at the start and at each change', async () => {
    const body = {
      room: 7,
      targets: [TO, `youtube:${KEY}`, `twitch:${KEY}`],
      video: { bitrateKbps: 8000, gopSeconds: 3 },
    };
    const { json, status } = await ask('POST', '/relays', body);
    expect(status).toBe(201);
    expect(json.warnings).toEqual([
      {
        url: 'rtmps://ingest.global-contribute.live-video.net:443/app/****',
        message: 'set the key frame interval to 2 s or less: it is 3 s',
      },
      {
        url: 'rtmps://ingest.global-contribute.live-video.net:443/app/****',
        message: 'lower the video bitrate to 6000 kbps or less: it is 8000 kbps',
      },
    ]);
    const eased = await ask('PATCH', `/relays/${json.taskId}`, { video: { bitrateKbps: 5000 } });
    expect(eased.json.warnings).toHaveLength(1);
    const kept = await ask('PATCH', `/relays/${json.taskId}`, { video: { gopSeconds: 2 } });
    expect(kept.json).toEqual({ taskId: json.taskId });
  });

  it('of a copied stream is not known before it is on the air', async () => {
    const { json } = await ask('POST', '/relays', {
      room: 7,
      targets: [`twitch:${KEY}`],
      single: { userId: 'ann' },
    });
    expect(Object.keys(json)).toEqual(['taskId', 'streamId']);
  });
});

describe('a change of targets', () => {
  it('adds, removes, replaces and changes at once; the rest is the very same', async () => {
    const targets = [TO, { url: `${TO}2`, mergeMs: 40, paused: true }, `${TO}3`, `${TO}4`];
    const taskId = await startRelay({ targets });
    const before = await stored(taskId);
    const [first, second, third, fourth] = before.targets;
    const { status } = await ask('PATCH', `/relays/${taskId}`, {
      add: [`${TO}5`],
      remove: [`${TO}3`],
      replace: [{ from: second?.id, to: `youtube:${KEY}` }],
      change: [{ target: fourth?.id, mergeMs: 0 }],
    });
    expect(status).toBe(200);
    const after = await stored(taskId);
    expect(after.revision).toBe(before.revision + 1);
    expect(after.targets.map(urlOf)).toEqual([TO, `${YOUTUBE}/${KEY}`, `${TO}4`, `${TO}5`]);
    expect(after.targets[0]).toEqual(first);
    expect(after.targets[1]).toMatchObject({ platform: 'youtube', mergeMs: 40, paused: true });
    expect(after.targets[1]?.id).not.toBe(second?.id);
    expect(after.targets[2]).toEqual({ ...fourth, mergeMs: 0 });
    expect(after.targets.map((target) => target.id)).not.toContain(third?.id);
  });

  it.each<[string, (id: string) => object, number]>([
    [
      'two replacements of one target',
      (id) => ({
        replace: [
          { from: id, to: `${TO}8` },
          { from: TO, to: `${TO}9` },
        ],
      }),
      400,
    ],
    ['a target removed and replaced', (id) => ({ remove: [TO], replace: [{ from: id, to: `${TO}8` }] }), 400],
    ['a replacement by a target it has', () => ({ replace: [{ from: TO, to: `${TO}2` }] }), 409],
    ['a replacement of one it does not have', () => ({ replace: [{ from: `${TO}7`, to: `${TO}8` }] }), 404],
    [
      'a bad replacement beside a good addition',
      () => ({ add: [`${TO}6`], replace: [{ from: TO, to: 'x' }] }),
      400,
    ],
    ['more targets than 200', () => ({ add: Array.from({ length: 199 }, (_, n) => `${TO}-${n}`) }), 429],
    ['a merge window of a second', (id) => ({ change: [{ target: id, mergeMs: 1000 }] }), 400],
  ])('is not made by %s', async (_what, body, expected) => {
    const taskId = await startRelay({ targets: [TO, `${TO}2`] });
    const before = await stored(taskId);
    const answer = await ask('PATCH', `/relays/${taskId}`, body(before.targets[0]?.id ?? ''));
    expect(answer.status, answer.text).toBe(expected);
    expect(answer.text).not.toContain(KEY);
    expect(await stored(taskId)).toEqual(before);
  });

  it('names a target by its id, where two are shown alike', async () => {
    const taskId = await startRelay({ targets: [TO, `${TO}2`] });
    const [, second] = (await stored(taskId)).targets;
    expect((await ask('PATCH', `/relays/${taskId}`, { remove: [SHOWN] })).status).toBe(409);
    expect((await ask('PATCH', `/relays/${taskId}`, { remove: [second?.id] })).status).toBe(200);
    expect((await stored(taskId)).targets.map(urlOf)).toEqual([TO]);
  });

  it('holds 200 targets', async () => {
    const targets = Array.from({ length: 200 }, (_, n) => `${TO}-${n}`);
    const taskId = await startRelay({ targets });
    expect((await ask('GET', `/relays/${taskId}`)).json.targets).toHaveLength(200);
  });
});

describe('a pause', () => {
  const states = async (taskId: string) =>
    (await ask('GET', `/relays/${taskId}`)).json.targets.map((target: { state: string }) => target.state);

  it('is kept in the task until it is resumed', async () => {
    const taskId = await startRelay({ targets: [TO, `${TO}2`] });
    const before = await stored(taskId);
    expect((await ask('POST', `/relays/${taskId}/pause`, { url: TO })).json).toEqual({ taskId });
    expect(await states(taskId)).toEqual(['paused', 'idle']);
    expect((await stored(taskId)).targets).toEqual([
      { ...before.targets[0], paused: true },
      before.targets[1],
    ]);
    expect((await ask('POST', `/relays/${taskId}/resume`, { url: before.targets[0]?.id })).status).toBe(200);
    expect((await stored(taskId)).targets).toEqual(before.targets);
  });

  it('keeps a target from being retried', async () => {
    const taskId = await startRelay({ targets: [TO, `${TO}2`] });
    await ask('POST', `/relays/${taskId}/pause`, { url: TO });
    const { status, json } = await ask('POST', `/relays/${taskId}/retry`, { url: TO });
    expect(status).toBe(409);
    expect(json.error.message).toMatch(/paused: resume it/);
    expect((await ask('POST', `/relays/${taskId}/retry`, {})).json).toEqual({ taskId });
    const task = await stored(taskId);
    expect(task.retryNonce).toEqual({ [task.targets[1]?.id ?? '']: 1 });
  });

  it.each(['pause', 'resume'])('cannot %s a target that is not there, or without one', async (verb) => {
    const taskId = await startRelay();
    expect((await ask('POST', `/relays/${taskId}/${verb}`, { url: `${TO}9` })).status).toBe(404);
    expect((await ask('POST', `/relays/${taskId}/${verb}`, {})).status).toBe(400);
    expect((await ask('POST', `/relays/nosuchtask/${verb}`, { url: TO })).status).toBe(404);
  });
});

describe('a push URL where a task is named', () => {
  it.each([
    ['GET', '/relays/ID'],
    ['DELETE', '/relays/ID'],
    ['GET', '/recordings/ID'],
    ['PATCH', '/recordings/ID'],
    ['DELETE', '/recordings/ID'],
    ['GET', '/events?task=ID'],
  ] as const)('is not shown by %s %s', async (method, route) => {
    for (const name of [TO, `youtube:${KEY}`]) {
      const body = method === 'PATCH' ? { layout: { mode: 'grid' } } : undefined;
      const { status, text } = await ask(method, route.replace('ID', encodeURIComponent(name)), body);
      expect(status).toBe(404);
      expect(text).not.toContain(KEY);
    }
  });
});

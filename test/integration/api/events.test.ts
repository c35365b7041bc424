import { once } from 'node:events';
import { connect } from 'node:net';
import pino from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import type { MixEvent } from '../../../src/domain/mix-event.ts';
import type { JobEvent, PushEvent, TaskEvent } from '../../../src/domain/task-event.ts';
import { createEventSender, type EventSender } from '../../../src/tasks/task-events.ts';
import { eventually } from '../../support/eventually.ts';
import {
  APP_ID,
  app,
  ask,
  redis,
  SHOWN,
  startRelay,
  TOKEN,
  useOperatorApi,
} from '../../support/operator-rig.ts';

useOperatorApi();

const ROOM = { kind: 'number', value: 7 } as const;
const log = pino({ level: 'silent' });
const undo: (() => unknown)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0)) await step();
});

function sender(): EventSender {
  const made = createEventSender({ redis, log });
  undo.push(() => made.close());
  return made;
}

const damaged = (at: number): MixEvent => ({
  type: 'input-damaged',
  streamId: '7_7_ann_main',
  detail: 'bad packets',
  at,
});
const told = (taskId: string, event: JobEvent, change: Partial<TaskEvent> = {}): TaskEvent => ({
  appId: APP_ID,
  room: ROOM,
  taskId,
  event,
  ...change,
});
const moved = (targetId: string, at: number): PushEvent => ({
  type: 'push-state',
  targetId,
  url: SHOWN,
  from: 'connecting',
  to: 'backing-off',
  error: { code: 'connection-refused', message: 'the server refuses connections' },
  attempt: 3,
  nextRetryAt: at + 4000,
  at,
});
const speaking: MixEvent = {
  type: 'speaking',
  levels: [{ streamId: '7_7_ann_main', userId: 'ann', volume: 60 }],
  at: 9,
};

async function origin(): Promise<string> {
  const [address] = app.addresses();
  if (typeof address === 'object') return `http://127.0.0.1:${address.port}`;
  return app.listen({ host: '127.0.0.1', port: 0 });
}

interface Heard {
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects is its type
  readonly events: readonly any[];
  readonly type: string | null;
  readonly ended: boolean;
}

/** Follows the event stream from the moment on that it is heard. */
async function follow(query = ''): Promise<() => Heard> {
  const abort = new AbortController();
  undo.push(() => abort.abort());
  const response = await fetch(`${await origin()}/api/v1/events${query}`, {
    headers: { authorization: `Bearer ${TOKEN}` },
    signal: abort.signal,
  });
  expect(response.status).toBe(200);
  let [text, ended] = ['', false];
  const decoder = new TextDecoder();
  void (async () => {
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk as Uint8Array);
  })()
    .catch(() => undefined)
    .finally(() => {
      ended = true;
    });
  await eventually(() => text !== '');
  const data = () => [...text.matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1] ?? ''));
  return () => ({ text, events: data(), type: response.headers.get('content-type'), ended });
}

describe('the last events of a relay', () => {
  it('are those of its mix, the last hundred, without who spoke', async () => {
    const taskId = await startRelay();
    const sharing = await startRelay({ targets: ['rtmp://127.0.0.1:1999/live/other'] });
    const events = sender();
    for (let at = 1; at <= 105; at += 1) events.send(told(taskId, damaged(at)));
    events.send(told(taskId, speaking));
    events.send(told('another-task', damaged(999)));
    for (const shown of [taskId, sharing]) {
      const last = await eventually(async () => {
        const { json } = await ask('GET', `/relays/${shown}`);
        return json.mix.events.at(-1)?.at === 105 && json.mix.events;
      });
      expect(last).toHaveLength(100);
      expect(last[0]).toEqual(damaged(6));
    }
    expect(await redis.pttl(`roomcast:events:mix-${taskId}`)).toBeGreaterThan(0);
  });
});

describe('what relay show has of a relay with targets', () => {
  it("is its own targets' last hundred events, a relay that shares its mix has others", async () => {
    const taskId = await startRelay();
    const sharing = await startRelay({ targets: ['rtmp://127.0.0.1:1999/live/other'] });
    const events = sender();
    const warning: PushEvent = {
      type: 'push-warning',
      targetId: 'a',
      url: SHOWN,
      warnings: ['too slow'],
      at: 1,
    };
    events.send(told(taskId, warning));
    events.send(told(sharing, moved('b', 2)));
    const shown = (id: string) => ask('GET', `/relays/${id}`).then(({ json }) => json.push.events);
    await eventually(async () => (await shown(sharing)).length === 1);
    expect(await shown(taskId)).toEqual([warning]);
    expect(await shown(sharing)).toEqual([moved('b', 2)]);
  });

  it('keeps what a quiet target told, however much a noisy one tells', async () => {
    const taskId = await startRelay();
    const events = sender();
    events.send(told(taskId, moved('quiet', 1)));
    for (let at = 2; at <= 300; at += 1) events.send(told(taskId, moved('noisy', at)));
    events.send(told(taskId, moved('late', 301)));
    const last = await eventually(async () => {
      const { json } = await ask('GET', `/relays/${taskId}`);
      return json.push.events.at(-1)?.targetId === 'late' && json.push.events;
    }, 20_000);
    expect(last).toHaveLength(100);
    expect(last[0]).toEqual(moved('quiet', 1));
    expect(last[1]).toEqual(moved('noisy', 203));
  });
});

describe('the event stream', () => {
  it('tells what mixes notice as it happens, who speaks among it', async () => {
    const heard = await follow();
    const events = sender();
    events.send(told('t1', damaged(1)));
    events.send(told('t1', speaking));
    await eventually(() => heard().events.length === 2);
    expect(heard().type).toMatch(/^text\/event-stream/);
    expect(
      heard()
        .events.map((one) => one.event.type)
        .sort(),
    ).toEqual(['input-damaged', 'speaking']);
    expect(heard().events).toContainEqual({ sdkAppId: APP_ID, room: 7, taskId: 't1', event: damaged(1) });
    expect(heard().text).toContain('event: speaking\n');
  });

  it.each<[string, Partial<TaskEvent>]>([
    ['?room=7', { room: { kind: 'string', value: '7' } }],
    ['?room=7&stringRoom=false', { room: { kind: 'number', value: 8 } }],
    [`?sdkAppId=${APP_ID}`, { appId: 5 }],
  ])('with %s tells nothing of others', async (query, other) => {
    const heard = await follow(query);
    const events = sender();
    events.send(told('t1', damaged(1), other));
    events.send(told('t1', damaged(2)));
    await eventually(() => heard().events.length > 0);
    expect(heard().events.map((one) => one.event.at)).toEqual([2]);
  });

  it('of a task is that of the mix it shares', async () => {
    const taskId = await startRelay();
    const sharing = await startRelay({ targets: ['rtmp://127.0.0.1:1999/live/other'] });
    const heard = await follow(`?task=${sharing}`);
    const events = sender();
    events.send(told('another-task', damaged(1)));
    events.send(told(taskId, damaged(2)));
    await eventually(() => heard().events.length > 0);
    expect(heard().events.map((one) => one.event.at)).toEqual([2]);
  });

  it('of a task has its own targets and no others', async () => {
    const taskId = await startRelay();
    const sharing = await startRelay({ targets: ['rtmp://127.0.0.1:1999/live/other'] });
    const heard = await follow(`?task=${sharing}`);
    const events = sender();
    events.send(told(taskId, moved('a', 1)));
    events.send(told(sharing, moved('b', 2)));
    await eventually(() => heard().events.length > 0);
    expect(heard().events).toEqual([{ sdkAppId: APP_ID, room: 7, taskId: sharing, event: moved('b', 2) }]);
    expect(heard().text).toContain('event: push-state\n');
  });

  it.each<[string, number]>([
    ['?task=nosuchtask', 404],
    ['?room=studio', 400],
    ['?colour=red', 400],
  ])('refuses %s', async (query, status) => {
    expect((await ask('GET', `/events${query}`)).status).toBe(status);
  });

  it('is not for who has no token', async () => {
    expect((await ask('GET', '/events', undefined, null)).status).toBe(401);
  });

  it('is for a hundred at a time; one that goes makes room', async () => {
    const url = `${await origin()}/api/v1/events`;
    // Held on to: an answer that nobody has any more is closed when memory is collected.
    const answers: Response[] = [];
    const join = async (signal: AbortSignal) => {
      const answer = await fetch(url, { headers: { authorization: `Bearer ${TOKEN}` }, signal });
      answers.push(answer);
      return answer;
    };
    const [first, others] = [new AbortController(), new AbortController()];
    undo.push(() => others.abort());
    expect((await join(first.signal)).status).toBe(200);
    for (let n = 1; n < 100; n += 1) expect((await join(others.signal)).status).toBe(200);
    const refused = await join(others.signal);
    expect(refused.status).toBe(429);
    expect(await refused.text()).toContain('limit-reached');
    first.abort();
    await eventually(async () => (await join(others.signal)).status === 200);
  });

  it('closes a reader that does not read instead of keeping all for it', async () => {
    const { port } = new URL(await origin());
    const socket = connect(Number(port), '127.0.0.1');
    undo.push(() => socket.destroy());
    const request = `GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`;
    socket.write(request);
    await once(socket, 'data');
    socket.pause();
    const heard = await follow();
    const events = sender();
    const long = { ...damaged(1), detail: 'x'.repeat(100_000) } as MixEvent;
    let sent = 0;
    const connections = () =>
      new Promise<number>((resolve) => {
        app.server.getConnections((_error, count) => resolve(count));
      });
    await eventually(async () => (await connections()) === 2);
    await eventually(async () => {
      for (let n = 0; n < 20; n += 1) events.send(told('t1', long));
      sent += 20;
      await eventually(() => heard().events.length === sent);
      return (await connections()) === 1;
    }, 60_000);
    // Full sockets and the stream's own bound: megabytes, not all that is ever told.
    expect(sent).toBeLessThan(400);
    expect(heard().ended).toBe(false);
  });
});

describe('while Redis does not take events', () => {
  it('a noisy input leaves the others their place among those that wait', async () => {
    const events = sender();
    const heard = await follow();
    redis.disconnect(true);
    events.send(told('t1', moved('quiet', 1)));
    for (let at = 2; at <= 600; at += 1) events.send(told('t1', damaged(at)));
    await eventually(() => heard().events.length >= 500, 20_000);
    const times = heard().events.map((one) => one.event.at);
    expect(times).toEqual([1, ...Array.from({ length: 499 }, (_, index) => index + 102)]);
  });

  it('those that are kept wait, in order and bounded; who spoke does not', async () => {
    const events = sender();
    const heard = await follow();
    redis.disconnect(true);
    for (let at = 1; at <= 510; at += 1) events.send(told('t1', damaged(at)));
    events.send(told('t1', speaking));
    await eventually(() => heard().events.length >= 500);
    const times = heard().events.map((one) => one.event.at);
    expect(times).toEqual(Array.from({ length: 500 }, (_, index) => index + 11));
  });
});

import { createHmac } from 'node:crypto';
import type { Redis } from 'ioredis';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CallbackSettings, startCallbackDelivery } from '../../../src/callbacks/delivery.ts';
import { createCallbackSender, readCallbackFigures } from '../../../src/callbacks/outbox.ts';
import type { CallbackEvent, CallbackGroup } from '../../../src/domain/callback/callback.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { createAnnouncements } from '../../../src/queue/announcements.ts';
import { createRedis, waitUntilReady } from '../../../src/queue/redis.ts';
import { eventually } from '../../support/eventually.ts';
import { type HookServer, startHookServer } from '../../support/hook-server.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

const APP = 1_400_000_001;
const SILENT = 1_400_000_002;
const KEY = 'CallbackKey123';
const WAIT_MS = 60_000;
/** Everything six times as fast, and answers may take their time. */
const SETTINGS: CallbackSettings = { everyMs: 300, giveUpMs: 1500, timeoutMs: 5000, seatMs: 3000 };
const log = pino({ level: 'silent' });

let server: TestRedis;
let redis: Redis;
let hooks: HookServer;
const undo: (() => unknown)[] = [];

beforeAll(async () => {
  server = await startRedis();
  redis = await connect();
});
beforeEach(async () => {
  hooks = await startHookServer();
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  await hooks.close();
  await redis.flushall();
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

async function connect(): Promise<Redis> {
  const client = createRedis(new Secret(server.url), { purpose: 'facts', log });
  await waitUntilReady(client);
  return client;
}

/** A process that may deliver; `die` is what SIGKILL does to it. */
async function deliverer(who: string, settings = SETTINGS, groups: CallbackGroup[] = [1, 2, 3, 4]) {
  const own = await connect();
  const subscriber = createRedis(new Secret(server.url), { purpose: 'subscriber', log });
  const announcements = createAnnouncements(subscriber, log);
  const delivery = startCallbackDelivery({
    redis: own,
    announcements,
    who,
    addresses: [{ appId: APP, url: new Secret(hooks.url), key: new Secret(KEY), groups }],
    silentApps: [SILENT],
    settings,
    log,
  });
  const die = () => {
    announcements.close();
    own.disconnect();
  };
  undo.push(async () => {
    await delivery.stop();
    die();
  });
  return { delivery, die };
}

function sender(maxWaiting = 1000) {
  const made = createCallbackSender({ redis, log, maxWaiting });
  undo.push(() => made.close());
  return made;
}

const event = (lane: string, n: number, change: Partial<CallbackEvent> = {}): CallbackEvent => ({
  appId: APP,
  lane,
  group: 4,
  type: 401,
  info: { lane, n },
  ...change,
});
const figures = async () => (await readCallbackFigures(redis, [APP]))[0];
/** What was answered with 200, each of it once: something may be told twice. */
const numbersOf = (lane: string) => [
  ...new Set(
    hooks.requests.filter(({ json }) => json.EventInfo.lane === lane).map(({ json }) => json.EventInfo.n),
  ),
];

describe('a callback', () => {
  it('is a signed POST in the envelope of TRTC', async () => {
    await deliverer('a');
    const before = Date.now();
    sender().send(event('x', 1));
    await eventually(() => hooks.requests.length === 1, WAIT_MS);
    const [told] = hooks.requests;
    expect(told?.headers).toMatchObject({ 'content-type': 'application/json', sdkappid: String(APP) });
    expect(told?.headers['sign']).toBe(
      createHmac('sha256', KEY)
        .update(told?.body ?? '')
        .digest('base64'),
    );
    expect(told?.json).toEqual({
      EventGroupId: 4,
      EventType: 401,
      CallbackTs: expect.any(Number),
      EventInfo: { lane: 'x', n: 1 },
    });
    expect(told?.json.CallbackTs).toBeGreaterThanOrEqual(before);
    await eventually(async () => (await figures())?.ended.delivered === 1, WAIT_MS);
    expect((await figures())?.waiting).toBe(0);
  });

  it('that is refused is told again until it is taken; its lane waits, others do not', async () => {
    let refusals = 0;
    hooks.answer = ({ json }, response) => {
      const refuse = json.EventInfo.lane === 'bad' && refusals < 3;
      if (refuse) refusals += 1;
      response.writeHead(refuse ? 500 : 200).end();
    };
    const events = sender();
    for (const n of [1, 2, 3]) events.send(event('bad', n));
    for (const n of [1, 2]) events.send(event('good', n));
    await deliverer('a', { ...SETTINGS, giveUpMs: WAIT_MS });
    await eventually(async () => (await figures())?.ended.delivered === 5, WAIT_MS);
    const told = hooks.requests.map(({ json }) => `${json.EventInfo.lane} ${json.EventInfo.n}`);
    expect(told.filter((one) => one.startsWith('bad')).slice(0, 4)).toEqual([
      'bad 1',
      'bad 1',
      'bad 1',
      'bad 1',
    ]);
    expect(numbersOf('bad')).toEqual([1, 2, 3]);
    expect(told.indexOf('good 2')).toBeLessThan(told.indexOf('bad 2'));
  });

  it('that gets no answer is told again', async () => {
    let hung = 0;
    hooks.answer = (_request, response) => {
      hung += 1;
      if (hung > 1) response.end();
    };
    await deliverer('a', { ...SETTINGS, timeoutMs: 1000, giveUpMs: WAIT_MS });
    sender().send(event('x', 1));
    await eventually(async () => (await figures())?.ended.delivered === 1, WAIT_MS);
    expect(hung).toBeGreaterThan(1);
  });

  it('that is answered slowly but in time, or at great length, is taken', async () => {
    hooks.answer = ({ json }, response) => {
      if (json.EventInfo.n === 1) setTimeout(() => response.end(), 800);
      else {
        response.writeHead(200);
        const pour = setInterval(() => response.write('x'.repeat(64 * 1024)), 5);
        response.once('close', () => clearInterval(pour));
      }
    };
    await deliverer('a', { ...SETTINGS, timeoutMs: WAIT_MS });
    const events = sender();
    for (const n of [1, 2]) events.send(event('x', n));
    await eventually(async () => (await figures())?.ended.delivered === 2, WAIT_MS);
    expect(numbersOf('x')).toEqual([1, 2]);
  });

  it('that is redirected or refused for too long is given up, and the next has its turn', async () => {
    hooks.answer = ({ json, path }, response) => {
      if (path === '/elsewhere' || json.EventInfo.n === 2) response.end();
      else response.writeHead(307, { location: '/elsewhere' }).end();
    };
    await deliverer('a');
    const events = sender();
    for (const n of [1, 2]) events.send(event('x', n));
    await eventually(async () => (await figures())?.ended.delivered === 1, WAIT_MS);
    expect(await figures()).toMatchObject({ ended: { 'given-up': 1, dropped: 0 }, waiting: 0 });
    expect(hooks.requests.filter(({ path }) => path === '/elsewhere')).toEqual([]);
  });

  it('is not for who wants none: of another group, or an app without an address', async () => {
    const events = sender();
    events.send(event('x', 1, { group: 1, type: 103 }));
    events.send(event('x', 2, { appId: SILENT }));
    events.send(event('x', 3));
    await deliverer('a', SETTINGS, [4]);
    await eventually(async () => (await redis.keys('roomcast:callbacks:outbox:*')).length <= 1, WAIT_MS);
    await eventually(async () => (await figures())?.waiting === 0, WAIT_MS);
    expect(hooks.requests.map(({ json }) => json.EventInfo.n)).toEqual([3]);
    expect(await figures()).toMatchObject({ ended: { delivered: 1, 'given-up': 0, dropped: 0 } });
  });
});

describe('what is to be delivered', () => {
  it('is delivered by one process alone; another takes over when that one dies', async () => {
    const both = { first: await deliverer('first'), second: await deliverer('second') };
    const events = sender();
    for (let n = 1; n <= 20; n += 1) events.send(event('x', n));
    await eventually(async () => (await figures())?.ended.delivered === 20, WAIT_MS);
    // Two of them would have told everything twice; one that was stopped for a while may repeat its last.
    expect(hooks.requests.length).toBeLessThan(25);
    hooks.answer = () => undefined;
    events.send(event('x', 21));
    await eventually(() => numbersOf('x').includes(21), WAIT_MS);
    const seated = await redis.get('roomcast:callbacks:seat');
    both[seated === 'first' ? 'first' : 'second'].die();
    hooks.answer = (_request, response) => void response.end();
    for (let n = 22; n <= 30; n += 1) events.send(event('x', n));
    await eventually(async () => (await figures())?.ended.delivered === 30, WAIT_MS);
    expect(numbersOf('x')).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
  });

  it('waits for somebody who delivers, in order, and holds nothing secret meanwhile', async () => {
    const before = await deliverer('before');
    await before.delivery.stop();
    const events = sender();
    for (let n = 1; n <= 50; n += 1) events.send(event('x', n));
    await eventually(async () => (await figures())?.waiting === 50, WAIT_MS);
    const outbox = String(await redis.xrange(`roomcast:callbacks:outbox:${APP}`, '-', '+'));
    expect(outbox).toContain('"n":50');
    for (const secret of [KEY, 'hook-url-s3cret']) expect(outbox).not.toContain(secret);
    await deliverer('after');
    await eventually(async () => (await figures())?.ended.delivered === 50, WAIT_MS);
    expect(numbersOf('x')).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
  });

  it('is at most 5000 for an app; the oldest give way and are counted', async () => {
    const events = sender();
    for (let batch = 0; batch < 6; batch += 1) {
      const to = Math.min(5010, (batch + 1) * 900);
      for (let n = batch * 900 + 1; n <= to; n += 1) events.send(event('x', n));
      await eventually(async () => {
        const now = await figures();
        return (now?.waiting ?? 0) + (now?.ended.dropped ?? 0) === to;
      }, WAIT_MS);
    }
    expect(await figures()).toMatchObject({ waiting: 5000, ended: { dropped: 10 } });
    const [oldest] = await redis.xrange(`roomcast:callbacks:outbox:${APP}`, '-', '+', 'COUNT', 1);
    expect(oldest?.[1][1]).toContain('"n":11');
  });

  it('survives a restart of Redis, what comes meanwhile is kept by its producer and bounded', async () => {
    const events = sender(30);
    events.send(event('x', 0));
    await eventually(async () => (await figures())?.waiting === 1, WAIT_MS);
    await server.kill();
    for (let n = 1; n <= 35; n += 1) events.send(event('x', n));
    await server.restart();
    await deliverer('late');
    await eventually(async () => {
      const now = await figures().catch(() => undefined);
      return now?.ended.delivered === 31;
    }, WAIT_MS);
    expect((await figures())?.ended.dropped).toBe(5);
    expect(numbersOf('x')).toEqual([0, ...Array.from({ length: 30 }, (_, index) => index + 6)]);
  });

  it('leaves an entry that nobody can read out, counted as dropped, and tells the others', async () => {
    for (const text of ['{', 'null', '{}', '[]'])
      await redis.xadd(`roomcast:callbacks:outbox:${APP}`, '*', 'event', text);
    await redis.xadd(`roomcast:callbacks:outbox:${APP}`, '*', 'other', '');
    sender().send(event('a', 1));
    await deliverer('one');
    await eventually(async () => (await figures())?.waiting === 0, WAIT_MS);
    expect(hooks.requests).toHaveLength(1);
    expect((await figures())?.ended).toEqual({ delivered: 1, 'given-up': 0, dropped: 5 });
  });
});

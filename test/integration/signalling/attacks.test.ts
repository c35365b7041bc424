import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { CLOSE, SUBPROTOCOL } from '../../../src/signalling/close-codes.ts';
import { eventually } from '../../support/eventually.ts';
import { APP_ID, userSig } from '../../support/hub-rig.ts';
import { MemoryRooms } from '../../support/memory-rooms.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { logIn, openSignalGateway, type SignalGateway, type TestClient } from '../../support/signal-rig.ts';

const ROOM = { kind: 'number', value: 1001 } as const;
const KEY = `${APP_ID}/1001`;
const LIMITS = { loginMs: 1500, pingEveryMs: 300, silentMs: 2500, sweepEveryMs: 100, closeMs: 60_000 };

/** A client that keeps to no rule. */
async function connect(url: string): Promise<{ socket: WebSocket; closed: Promise<[number, string]> }> {
  const socket = new WebSocket(url, SUBPROTOCOL);
  socket.on('error', () => undefined); // 'close' tells
  const closed = once(socket, 'close').then(
    ([code, reason]) => [code as number, String(reason)] as [number, string],
  );
  await once(socket, 'open');
  return { socket, closed };
}

async function logInRaw(url: string, user: string): Promise<Awaited<ReturnType<typeof connect>>> {
  const made = await connect(url);
  const login = { id: 1, type: 'login', v: 1, appId: APP_ID, userId: user, userSig: userSig({ user }) };
  made.socket.send(JSON.stringify(login));
  await once(made.socket, 'message');
  return made;
}

describe('a client that keeps to no rule', () => {
  const rooms = new MemoryRooms();
  let redis: TestRedis;
  let gateway: SignalGateway;
  let bystander: TestClient;
  let happened = 0;

  /** Something that all members hear of. */
  const happen = () => {
    happened += 1;
    const media = { audio: happened % 2 === 0, video: true, screen: false };
    rooms.happen(KEY, { type: 'member-changed', userId: 'bystander', change: { media } });
  };

  beforeAll(async () => {
    redis = await startRedis();
    gateway = await openSignalGateway({ redisUrl: redis.url, registry: rooms.registry(), limits: LIMITS });
    bystander = await logIn(gateway.url, { user: 'bystander' });
    await bystander.client.request('enter', { room: ROOM });
  });

  afterAll(async () => {
    bystander.client.close();
    await gateway.close();
    await redis.stop();
  });

  /** Nobody else notices: every event was told once and in order, and the connection is the first one. */
  async function expectNobodyNoticed(): Promise<void> {
    happen();
    const last = rooms.rooms.get(KEY)?.snapshot;
    await eventually(() => bystander.client.room?.seq === last?.seq);
    expect(bystander.client.room).toEqual(last);
    const seqs = bystander.pushes.flatMap((push) => (push.type === 'event' ? [push.event.seq] : []));
    expect(seqs).toEqual(seqs.map((_seq, index) => (seqs[0] ?? 0) + index));
    expect(bystander.pushes.every((push) => push.type === 'event')).toBe(true);
    expect(bystander.ended).toEqual([]);
  }

  it.each(['no JSON', '[]', '{"id":"a","type":"login"}', '\u0000'])(
    'is closed with 4000 for sending %j',
    async (text) => {
      const { socket, closed } = await connect(gateway.url);
      socket.send(text);
      const [code, reason] = await closed;
      expect(code).toBe(CLOSE.protocolError);
      expect(reason).not.toBe('');
      await expectNobodyNoticed();
    },
  );

  it('is closed with 4000 for bytes, and for what is no WebSocket frame', async () => {
    const binary = await connect(gateway.url);
    binary.socket.send(Buffer.alloc(100));
    expect((await binary.closed)[0]).toBe(CLOSE.protocolError);
    const broken = await connect(gateway.url);
    const { _socket: raw } = broken.socket as unknown as { _socket: NodeJS.WritableStream };
    raw.write(Buffer.alloc(4096, 0xff));
    expect((await broken.closed)[0]).toBe(CLOSE.protocolError);
    await expectNobodyNoticed();
  });

  it('is closed with 4002 for frames of 10 MB', async () => {
    const { socket, closed } = await logInRaw(gateway.url, 'mallory');
    socket.send('x'.repeat(10 * 1024 * 1024));
    expect(await closed).toEqual([CLOSE.tooBig, 'the message is too big']);
    await expectNobodyNoticed();
  });

  it('is closed with 4003 for a thousand messages a second', async () => {
    const { socket, closed } = await logInRaw(gateway.url, 'mallory');
    for (let id = 2; id < 1002; id += 1) socket.send(JSON.stringify({ id, type: 'ping' }));
    expect((await closed)[0]).toBe(CLOSE.tooFast);
    await expectNobodyNoticed();
  });

  it('is closed with 4003 for a flood of pings', async () => {
    const { socket, closed } = await logInRaw(gateway.url, 'mallory');
    for (let n = 0; n < 1000; n += 1) socket.ping();
    expect((await closed)[0]).toBe(CLOSE.tooFast);
    await expectNobodyNoticed();
  });

  it('is closed with 4001 for logging in never', async () => {
    const { socket, closed } = await connect(gateway.url);
    const keepTalking = setInterval(() => socket.send('{"id":1,"type":"ping"}'), 300);
    expect((await closed)[0]).toBe(CLOSE.notLoggedIn);
    clearInterval(keepTalking);
    await expectNobodyNoticed();
  });

  it('is closed with 4004 for saying nothing, not even that it is there', async () => {
    const url = gateway.url;
    const socket = new WebSocket(url, SUBPROTOCOL, { autoPong: false });
    const closed = once(socket, 'close') as Promise<[number]>;
    await once(socket, 'open');
    const login = {
      id: 1,
      type: 'login',
      v: 1,
      appId: APP_ID,
      userId: 'm1',
      userSig: userSig({ user: 'm1' }),
    };
    socket.send(JSON.stringify(login));
    expect((await closed)[0]).toBe(CLOSE.silent);
    await expectNobodyNoticed();
  });

  it('is closed with 4005 for reading nothing of what it is sent', async () => {
    const url = gateway.url;
    const slow = await logInRaw(url, 'slow');
    slow.socket.send(JSON.stringify({ id: 2, type: 'enter', room: ROOM }));
    await once(slow.socket, 'message');
    slow.socket.pause();
    // 30 MB: more than the kernel keeps for it, and more than the gateway does.
    for (let n = 0; n < 1000; n += 1) {
      const roleName = `${n}`.padEnd(30_000, '.');
      rooms.happen(KEY, { type: 'member-changed', userId: 'bystander', change: { roleName } });
      const { seq } = rooms.rooms.get(KEY)?.snapshot ?? {};
      if (n % 10 === 0) await eventually(() => bystander.client.room?.seq === seq, 60_000, 1);
    }
    slow.socket.resume();
    expect((await slow.closed)[0]).toBe(CLOSE.slowReader);
    await eventually(() => rooms.member(KEY, 'slow')?.isLost);
    await expectNobodyNoticed();
  });

  it('is refused the connection when it asks for no protocol of ours, or another path', async () => {
    const statusOf = async (url: string, protocols: string[]) => {
      const socket = new WebSocket(url, protocols);
      socket.on('error', () => undefined); // 'unexpected-response' tells
      const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
      socket.terminate();
      return response.statusCode;
    };
    expect(await statusOf(gateway.url, [])).toBe(400);
    expect(await statusOf(gateway.url, ['roomcast.v2'])).toBe(400);
    expect(await statusOf(gateway.url.replace('/ws', '/other'), [SUBPROTOCOL])).toBe(404);
  });
});

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type Logger, pino } from 'pino';
import { WebSocket } from 'ws';
import { createHttpServer } from '../../src/api/http-server.ts';
import { attachUpgrades, refuseUpgrade } from '../../src/api/upgrades.ts';
import type { Apps } from '../../src/config/app.ts';
import { Secret } from '../../src/domain/secret.ts';
import { createGroups } from '../../src/groups/groups.ts';
import { createAnnouncements } from '../../src/queue/announcements.ts';
import { createRedis, waitUntilReady } from '../../src/queue/redis.ts';
import { SignalClient, type SignalClientOptions } from '../../src/signalling/client.ts';
import type { ClientSocketClass, ClosedSocket } from '../../src/signalling/client-socket.ts';
import { SUBPROTOCOL } from '../../src/signalling/close-codes.ts';
import type { SignalLimits } from '../../src/signalling/limits.ts';
import { type Answers, type Push, pushShape } from '../../src/signalling/protocol-messages.ts';
import type { RequestOf } from '../../src/signalling/protocol-requests.ts';
import type { Registry } from '../../src/signalling/registry.ts';
import { createSignalling } from '../../src/signalling/signalling.ts';
import { eventually } from './eventually.ts';
import { APP_ID, APPS, CLUSTER_SECRET, type LogLine, userSig } from './hub-rig.ts';

/** One gateway's signalling on a free loopback port. */
export interface SignalGateway {
  readonly url: string;
  readonly logLines: LogLine[];
  close(): Promise<void>;
}

export interface SignalGatewayOptions {
  readonly redisUrl: string;
  readonly registry: Registry;
  readonly limits?: Partial<SignalLimits>;
  /** APPS if not given. */
  readonly apps?: Apps;
}

/** Signalling as a gateway has it, over a real Redis. */
export async function openSignalGateway(options: SignalGatewayOptions): Promise<SignalGateway> {
  const logLines: LogLine[] = [];
  const log: Logger = pino({}, { write: (line: string) => void logLines.push(JSON.parse(line) as LogLine) });
  const url = new Secret(options.redisUrl);
  const redis = createRedis(url, { purpose: 'facts', log });
  await waitUntilReady(redis, 60_000);
  const announcements = createAnnouncements(createRedis(url, { purpose: 'subscriber', log }), log);
  const groups = createGroups({ redis, announcements, log });
  const signalling = createSignalling({
    ...{ redis, announcements, groups, log, apps: options.apps ?? APPS, clusterSecret: CLUSTER_SECRET },
    registry: options.registry,
    graceMs: 30_000,
    publicUrls: () => ({ http: 'http://public', rtmp: 'rtmp://public' }),
    ...(options.limits && { limits: options.limits }),
  });
  const server = createHttpServer({ log });
  const upgrades = attachUpgrades(server.server, [
    (request, socket, head) => signalling.upgrade(request, socket, head, refuseUpgrade),
  ]);
  await server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}/ws`,
    logLines,
    async close() {
      await signalling.close();
      upgrades.close();
      await server.close();
      groups.close();
      announcements.close();
      redis.disconnect();
    },
  };
}

/** A client of a gateway, and all that it was told. */
export interface TestClient {
  readonly client: SignalClient;
  readonly pushes: Push[];
  readonly ended: ClosedSocket[];
  /** Ends its connection as a network does: without a word. */
  cut(): void;
  /** The first push of that type, now or to come. */
  told<T extends Push['type']>(type: T): Promise<Extract<Push, { type: T }>>;
}

export interface ClientOptions extends Partial<SignalClientOptions> {
  readonly user: string;
}

/** A client that keeps the protocol to its schema; it is not connected yet. */
export function makeClient(url: string, options: ClientOptions): TestClient {
  const { user, appId = APP_ID, ...rest } = options;
  let socket: WebSocket | null = null;
  class CutSocket extends WebSocket {
    constructor(address: string, protocol: string) {
      super(address, protocol);
      socket = this;
    }
  }
  const client = new SignalClient({
    url,
    appId,
    userId: user,
    userSig: () => userSig({ user, appId }),
    WebSocket: CutSocket as unknown as ClientSocketClass,
    requestMs: 60_000,
    backoffMs: { first: 50, most: 500 },
    ...rest,
  });
  const pushes: Push[] = [];
  const ended: ClosedSocket[] = [];
  client.on('push', (push) => pushes.push(pushShape.parse(push)));
  client.on('ended', (closed) => ended.push(closed));
  const told = <T extends Push['type']>(type: T) =>
    eventually(() => pushes.find((push): push is Extract<Push, { type: T }> => push.type === type), 60_000);
  return { client, pushes, ended, told, cut: () => socket?.terminate() };
}

/** Logs in over a socket of its own; rejects with `closed CODE` when it is closed instead. */
export async function logInRaw(
  url: string,
  user: string,
  resume?: RequestOf<'login'>['resume'],
): Promise<{ readonly socket: WebSocket; readonly answer: Answers['login'] }> {
  const socket = new WebSocket(url, SUBPROTOCOL);
  socket.on('error', () => undefined); // 'close' tells
  const closed = once(socket, 'close').then(([code]) => {
    throw new Error(`closed ${code}`);
  });
  closed.catch(() => undefined); // once it has logged in nobody asks
  await Promise.race([once(socket, 'open'), closed]);
  const answered = new Promise<string>((resolve) => {
    socket.on('message', (data) => void (String(data).startsWith('{"id":1,') && resolve(String(data))));
  });
  const login = {
    id: 1,
    type: 'login',
    v: 1,
    appId: APP_ID,
    userId: user,
    userSig: userSig({ user }),
    resume,
  };
  socket.send(JSON.stringify(login));
  return { socket, answer: JSON.parse(await Promise.race([answered, closed])) as Answers['login'] };
}

/** A client that is logged in. */
export async function logIn(url: string, options: ClientOptions): Promise<TestClient> {
  const made = makeClient(url, options);
  await made.client.connect();
  return made;
}

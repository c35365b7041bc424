import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { toGatewayError } from '../../src/domain/errors.ts';
import type { RoomId } from '../../src/domain/ids.ts';
import { type PublishUrlRequest, publishUrl } from '../../src/domain/publish-request.ts';
import { Secret } from '../../src/domain/secret.ts';
import { signPrivateMapKey } from '../../src/identity/private-map-key.ts';
import { signUserSig } from '../../src/identity/user-sig.ts';
import { Cluster, type Role } from './cluster.ts';
import { eventually } from './eventually.ts';
import { type Publisher, startPublisher } from './publisher.ts';
import { RawRtmp } from './raw-rtmp.ts';
import { makeTestDir, type RunningRoomcast } from './roomcast.ts';
import { type ClientOptions, logIn, type TestClient } from './signal-rig.ts';

export const APP = 1400000001;
export const OTHER_APP = 1400000002;
export const ACCOUNT_TYPE = 792;
/** Of every wait for what gateways tell each other. */
export const MEETING_WAIT_MS = 60_000;

const KEYS: Record<number, string> = { [APP]: 'a'.repeat(64), [OTHER_APP]: 'b'.repeat(64) };
const TOKEN = 'an-admin-token-of-this-test-only';
const KEEP_ALIVE_MS = 1000;
const AUDIO = 8;
const STATUSES = ['NetStream.Publish.Start', 'NetStream.Publish.Denied', 'NetStream.Publish.BadName'];

export type MeetingGateway = RunningRoomcast & Role;

/** A code for what was refused. */
export function refused(asked: Promise<unknown>): Promise<string> {
  return asked.then(
    () => 'it was done',
    (error: unknown) => toGatewayError(error).code,
  );
}

/** Of each user of the client's room: how it is written, and whether it is lost. */
export function usersOf({ client }: TestClient): string[] {
  return (client.room?.members ?? []).map(({ userId, isLost }) => userId + (isLost ? ' (lost)' : ''));
}

export function usersAre(one: TestClient, ...users: string[]): Promise<unknown> {
  return eventually(() => usersOf(one).join() === users.join(), MEETING_WAIT_MS);
}

/** Who left the client's room, and why. */
export function reasonsOf({ pushes }: TestClient): string[] {
  return pushes.flatMap((push) =>
    push.type === 'event' && push.event.body.type === 'member-left'
      ? [`${push.event.body.userId}: ${push.event.body.reason}`]
      : [],
  );
}

/** An RTMP connection that asked to publish; it sends sound as long as it is open. */
export interface RtmpVisit {
  /** `publishes`, or the sentence of the refusal. */
  readonly outcome: string;
  readonly isClosed: () => boolean;
  /** As an encoder whose operator presses stop. */
  stop(): void;
  /** As a network that is gone. */
  cut(): void;
}

/** Gateways with two apps, the second of account type 792, and users who come over WebSocket and RTMP. */
export class Meeting {
  readonly cluster: Cluster;
  readonly gateways: readonly MeetingGateway[];
  readonly #clients: TestClient[] = [];
  readonly #ends: (() => unknown)[] = [];
  #lastRoom = 100;

  private constructor(cluster: Cluster, gateways: readonly MeetingGateway[]) {
    this.cluster = cluster;
    this.gateways = gateways;
  }

  static async open(gateways: number, env: Readonly<Record<string, string>> = {}): Promise<Meeting> {
    const dataDir = await makeTestDir('meeting');
    const app = (sdkAppId: number, accountType: number) => ({
      ...{ sdkAppId, name: `app ${sdkAppId}`, secretKey: KEYS[sdkAppId], apiKeys: [], accountType },
    });
    const apps = { apps: [app(APP, 0), app(OTHER_APP, ACCOUNT_TYPE)], adminToken: TOKEN };
    await writeFile(path.join(dataDir, 'apps.json'), JSON.stringify(apps), { mode: 0o600 });
    const cluster = await Cluster.open(env);
    const started: MeetingGateway[] = [];
    for (let n = 0; n < gateways; n += 1) {
      started.push(await cluster.startGateway(n === 0 ? dataDir : undefined));
    }
    return new Meeting(cluster, started);
  }

  async close(): Promise<void> {
    for (const { client } of this.#clients) client.close();
    for (const end of this.#ends) await end();
    await this.cluster.close();
  }

  newRoom(): { readonly kind: 'number'; readonly value: number } {
    this.#lastRoom += 1;
    return { kind: 'number', value: this.#lastRoom };
  }

  sigOf(userId: string, appId = APP): string {
    const secretKey = new Secret(KEYS[appId] ?? '');
    return signUserSig({ secretKey, sdkAppId: appId, userId, expireSeconds: 600, nowMs: Date.now() });
  }

  /** A PrivateMapKey of the first app. */
  keyOf(userId: string, room: RoomId, rights: number, expireSeconds = 600): string {
    const secretKey = new Secret(KEYS[APP] ?? '');
    const nowMs = Date.now();
    return signPrivateMapKey({ secretKey, sdkAppId: APP, userId, room, rights, expireSeconds, nowMs });
  }

  /** A user that is logged in; rejects when the login is refused. */
  async user(
    gateway: MeetingGateway,
    name: string,
    options: Partial<ClientOptions> = {},
  ): Promise<TestClient> {
    const url = `${gateway.http.replace('http', 'ws')}/ws`;
    const appId = options.appId ?? APP;
    const made = await logIn(url, { user: name, appId, userSig: () => this.sigOf(name, appId), ...options });
    this.#clients.push(made);
    return made;
  }

  async member(gateway: MeetingGateway, name: string, room: RoomId = this.newRoom()): Promise<TestClient> {
    const made = await this.user(gateway, name);
    await made.client.request('enter', { room });
    return made;
  }

  /** Publishes a clip as the server told this member to. */
  async publishClip({ client }: TestClient, name: string, clip: string): Promise<Publisher> {
    const { rtmpUrl } = await client.request('publish', { kind: 'main' });
    return this.publishClipTo(`${rtmpUrl}&usersig=${this.sigOf(name)}`, clip);
  }

  publishClipTo(url: string, clip: string): Publisher {
    const publisher = startPublisher(url, clip);
    this.#ends.push(() => publisher.kill());
    return publisher;
  }

  /** Asks to publish over RTMP. */
  async publish(
    gateway: MeetingGateway,
    userId: string,
    room: RoomId,
    change: Partial<PublishUrlRequest> = {},
  ): Promise<RtmpVisit> {
    const appId = change.appId ?? APP;
    const request = { appId, room, userId, userSig: this.sigOf(userId, appId), kind: 'main' as const };
    const { obsKey } = publishUrl({ ...request, rtmpUrl: gateway.rtmp, ...change });
    const client = await RawRtmp.connected(Number(new URL(gateway.rtmp).port));
    const timer = setInterval(
      () => client.message(AUDIO, Buffer.from([0xaf, 1, 0x21]), { streamId: 1 }),
      KEEP_ALIVE_MS,
    );
    const end = () => {
      clearInterval(timer);
      client.destroy();
    };
    this.#ends.push(end);
    client.command('publish', null, obsKey, 'live');
    const status = await client.untilOneOf(STATUSES);
    return {
      outcome: status === STATUSES[0] ? 'publishes' : await eventually(() => client.description()),
      isClosed: () => client.isClosed,
      cut: end,
      stop: () => {
        clearInterval(timer);
        client.command('deleteStream', null, 1);
      },
    };
  }

  /** The operator API; the answer's body. */
  async operate<T = unknown>(
    gateway: MeetingGateway,
    method: string,
    path: string,
    body?: object,
  ): Promise<T> {
    const answer = await fetch(`${gateway.http}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${gateway.adminToken}`,
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${text}`);
    return JSON.parse(text) as T;
  }
}

import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import pino from 'pino';
import { type NginxRtmp, startNginxRtmp } from '../../../src/demo/nginx-rtmp.ts';
import type { RoomId } from '../../../src/domain/ids.ts';
import { publishUrl } from '../../../src/domain/publish-request.ts';
import { Secret } from '../../../src/domain/secret.ts';
import type { PushTarget } from '../../../src/domain/task.ts';
import { seal } from '../../../src/identity/seal.ts';
import { signUserSig } from '../../../src/identity/user-sig.ts';
import { createRedis, waitUntilReady } from '../../../src/queue/redis.ts';
import { readStatuses } from '../../../src/tasks/job-status.ts';
import { createTaskStore, type TaskStore } from '../../../src/tasks/task-store.ts';
import { CLUSTER_SECRET, Cluster } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import type { RunningRoomcast } from '../../support/roomcast.ts';
import type { StreamSource } from './source.ts';

/** Where stream n goes: the keys are made by the run, one a target. */
export type TargetUrls = readonly (readonly string[])[];

const ROOM: RoomId = { kind: 'number', value: 1001 };
const QUIET_MS = 30_000;

/** A gateway, a worker and a Redis, each a process of its own, that receive the source's streams. */
export class Roomcast {
  readonly #cluster: Cluster;
  readonly #redis: Redis;
  readonly #tasks: TaskStore;
  readonly #appId: number;
  readonly #unpublish: () => Promise<void>;
  #running: string[] = [];
  /** By what they are. */
  readonly pids: Readonly<Record<'worker' | 'gateway' | 'redis', number>>;

  private constructor(
    cluster: Cluster,
    redis: Redis,
    appId: number,
    pids: Roomcast['pids'],
    unpublish: () => Promise<void>,
  ) {
    this.#cluster = cluster;
    this.#redis = redis;
    this.#tasks = createTaskStore(redis);
    this.#appId = appId;
    this.#unpublish = unpublish;
    this.pids = pids;
  }

  static async open(source: StreamSource, streams: number): Promise<Roomcast> {
    const cluster = await Cluster.open({ ROOMCAST_LOG_LEVEL: 'warn' });
    const log = pino({ level: 'silent' });
    const redis = createRedis(new Secret(cluster.redis.url), { purpose: 'facts', log });
    try {
      await waitUntilReady(redis);
      const gateway = await cluster.startGateway();
      const worker = await cluster.startWorker();
      const urls = Array.from({ length: streams }, (_, index) => publishUrlOf(gateway, `user${index}`));
      const unpublish = await source.publish(urls);
      const pids = { worker: worker.pid, gateway: gateway.pid, redis: cluster.redis.pid };
      return new Roomcast(cluster, redis, gateway.app.sdkAppId, pids, unpublish);
    } catch (error) {
      redis.disconnect();
      await cluster.close();
      throw error;
    }
  }

  /** A relay of each stream that has targets, with all of them. */
  async push(targets: TargetUrls, mergeMs: number): Promise<void> {
    for (const [index, urls] of targets.entries()) {
      const request = {
        appId: this.#appId,
        room: ROOM,
        maxIdleSeconds: 3600,
        source: { type: 'single', userId: `user${index}`, stream: 'main' },
      } as const;
      const sealed = urls.map((url) => sealedTarget(url, mergeMs));
      this.#running.push((await this.#tasks.createRelay(request, sealed)).taskId);
    }
  }

  /** Throws when a target of what runs is not live, has had more than one session or dropped a frame. */
  async assertUntroubled(count: number): Promise<void> {
    const statuses = [...(await readStatuses(this.#redis)).values()].map(({ status }) => status);
    const targets = statuses.flatMap((status) => (status.kind === 'push' ? status.targets : []));
    const good = targets.filter(
      (target) => target.state === 'live' && target.sessions === 1 && target.droppedFrames === 0,
    );
    if (targets.length === count && good.length === count) return;
    const bad = targets.filter((target) => !good.includes(target)).slice(0, 3);
    throw new Error(`${good.length} of ${count} targets are untroubled: ${JSON.stringify(bad)}`);
  }

  async stopPushing(): Promise<void> {
    const tasks = this.#running;
    this.#running = [];
    for (const task of tasks) await this.#tasks.stop(task);
    await eventually(async () => (await readStatuses(this.#redis)).size === 0, QUIET_MS, 200);
  }

  async close(): Promise<void> {
    await this.#unpublish();
    this.#redis.disconnect();
    await this.#cluster.close();
  }
}

function publishUrlOf(gateway: RunningRoomcast, userId: string): string {
  const { sdkAppId, secretKey } = gateway.app;
  const userSig = signUserSig({
    secretKey: new Secret(secretKey),
    sdkAppId,
    userId,
    expireSeconds: 3600,
    nowMs: Date.now(),
  });
  const request = { appId: sdkAppId, room: ROOM, userId, userSig, kind: 'main' } as const;
  return publishUrl({ ...request, rtmpUrl: gateway.rtmp }).url;
}

function sealedTarget(url: string, mergeMs: number): PushTarget {
  const id = randomBytes(6).toString('hex');
  return { id, sealedUrl: seal(new Secret(CLUSTER_SECRET), new Secret(url)), shownUrl: 'a sink', mergeMs };
}

/** nginx-rtmp, with an application that keeps what it gets and one that pushes it on. */
export class NginxRelay {
  readonly #nginx: NginxRtmp;
  readonly #source: StreamSource;
  #unpublish: () => Promise<void> = async () => undefined;

  private constructor(nginx: NginxRtmp, source: StreamSource) {
    this.#nginx = nginx;
    this.#source = source;
  }

  /** `push` are URLs of every stream, an application without a key where the stream's own is to be used. */
  static async open(source: StreamSource, push: readonly string[]): Promise<NginxRelay> {
    const nginx = await startNginxRtmp({ applications: ['plain', { name: 'pushed', push }] });
    return new NginxRelay(nginx, source);
  }

  get pid(): number {
    return this.#nginx.pid;
  }

  /** Streams of these keys, only received or pushed on. */
  async publish(application: 'plain' | 'pushed', keys: readonly string[]): Promise<void> {
    this.#unpublish = await this.#source.publish(keys.map((key) => this.#nginx.rtmpUrl(application, key)));
  }

  async unpublish(): Promise<void> {
    const unpublish = this.#unpublish;
    this.#unpublish = async () => undefined;
    await unpublish();
  }

  async close(): Promise<void> {
    await this.unpublish();
    await this.#nginx.stop();
  }
}

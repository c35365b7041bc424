import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { DEFAULT_PROGRAMME } from '../../src/domain/programme.ts';
import type { RoomFacts } from '../../src/domain/room.ts';
import { Secret } from '../../src/domain/secret.ts';
import { createAnnouncements } from '../../src/queue/announcements.ts';
import { createRedis, waitUntilReady } from '../../src/queue/redis.ts';
import type { AutoStarter } from '../../src/rooms/auto-starter.ts';
import { startWatcher, type Watcher } from '../../src/rooms/watcher.ts';
import { createTaskStore, type NewTask, type TaskStore } from '../../src/tasks/task-store.ts';
import { eventually } from './eventually.ts';
import { table } from './plan-facts.ts';
import { startRedis, type TestRedis } from './redis.ts';

const PROGRAM = path.resolve(import.meta.dirname, '../../dist/test/support/queue-worker.js');

/** One line that a handler of queue-worker.ts wrote. */
export interface JobEvent {
  readonly event: 'begin' | 'end' | 'update';
  readonly at: number;
  /** Process id. */
  readonly worker: number;
  readonly kind: string;
  readonly id: string;
  readonly epoch: number;
  readonly reason?: string;
  readonly revision?: number;
}

export interface WorkerProcessOptions {
  readonly spareCores?: number;
  readonly machine?: string;
  readonly mixAdmission?: 'measured' | 'off';
}

export interface WorkerProcess {
  readonly pid: number;
  readonly workerId: string;
  /** What its machine has to spare from now on. */
  spare(cores: number): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Sends the signal and resolves with the exit code once the process is gone. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Of a watcher whose apps want nothing by themselves. */
export const NOTHING_AUTOMATIC: AutoStarter = { start: async () => undefined, prune: async () => undefined };

/** Redis, a watcher in this process and workers in processes of their own. */
export class QueueRig {
  readonly redisServer: TestRedis;
  readonly redis: Redis;
  readonly tasks: TaskStore;
  readonly rooms: RoomFacts[] = [];
  readonly #dir: string;
  readonly #watcher: Watcher;
  readonly #subscriber: Redis;
  readonly #workers = new Set<ChildProcess>();

  private constructor(redisServer: TestRedis, dir: string) {
    const log = pino({ level: process.env['LOG'] ?? 'silent' }, pino.destination(2));
    this.redisServer = redisServer;
    this.#dir = dir;
    this.redis = createRedis(new Secret(redisServer.url), { purpose: 'facts', log });
    this.#subscriber = createRedis(new Secret(redisServer.url), { purpose: 'subscriber', log });
    this.tasks = createTaskStore(this.redis);
    this.#watcher = startWatcher({
      redis: this.redis,
      announcements: createAnnouncements(this.#subscriber, log),
      gatewayId: 'test-gateway',
      tasks: this.tasks,
      rooms: { read: async () => table(this.rooms), removeDeadGatewayUsers: async () => undefined },
      auto: NOTHING_AUTOMATIC,
      onLeftBehind: async () => undefined,
      log,
    });
  }

  static async open(): Promise<QueueRig> {
    const dir = await mkdtemp(path.join(tmpdir(), 'roomcast-queue-'));
    const rig = new QueueRig(await startRedis(), dir);
    await waitUntilReady(rig.redis);
    return rig;
  }

  /** A worker on a machine of 4 cores; by default all of them to spare, and the machine is its own. */
  async startWorker(options: WorkerProcessOptions = {}): Promise<WorkerProcess> {
    const machine = options.machine ?? `machine ${this.#workers.size}`;
    const spareFile = path.join(this.#dir, `spare-${this.#workers.size}`);
    // Renamed into place: it is never read half written.
    const spare = async (cores: number) => {
      await writeFile(`${spareFile}.new`, String(cores));
      await rename(`${spareFile}.new`, spareFile);
    };
    await spare(options.spareCores ?? 4);
    const mode = options.mixAdmission ?? 'measured';
    const args = [PROGRAM, this.redisServer.url, this.#eventsFile, spareFile, machine, mode];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#workers.add(child);
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    return {
      pid: child.pid ?? 0,
      workerId: said.toString().trim(),
      spare,
      signal: (signal) => void child.kill(signal),
      async end(signal) {
        const gone = once(child, 'exit');
        child.kill(signal);
        const [code] = (await gone) as [number | null];
        return code;
      },
    };
  }

  get #eventsFile(): string {
    return path.join(this.#dir, 'events');
  }

  /** What the handlers wrote, in order; of one job if its id is given. */
  async events(id?: string): Promise<readonly JobEvent[]> {
    const text = await readFile(this.#eventsFile, 'utf8').catch(() => '');
    const all = text.split('\n').filter((line) => line !== '');
    return all
      .map((line) => JSON.parse(line) as JobEvent)
      .filter((event) => id === undefined || event.id === id);
  }

  /** Resolves with the events that match, once there are that many. */
  async waitFor(match: Partial<JobEvent>, count = 1, deadlineMs = 15_000): Promise<readonly JobEvent[]> {
    return eventually(async () => {
      const found = (await this.events()).filter((event) =>
        Object.entries(match).every(([field, value]) => event[field as keyof JobEvent] === value),
      );
      return found.length >= count && found;
    }, deadlineMs);
  }

  async close(): Promise<void> {
    await this.#watcher.stop();
    for (const child of this.#workers) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    this.redis.disconnect();
    this.#subscriber.disconnect();
    await this.redisServer.stop();
    await rm(this.#dir, { recursive: true, force: true });
  }
}

/** A task that copies one user's stream: its only job is its push (or record). */
export function singleSource(userId = 'alice', maxIdleSeconds = 3_600): NewTask {
  const room = { kind: 'number', value: 1001 } as const;
  return { appId: 1, room, maxIdleSeconds, source: { type: 'single', userId, stream: 'main' } };
}

export function mixSource(agentUserId: string | null = null, room = 1001): NewTask {
  return {
    appId: 1,
    room: { kind: 'number', value: room },
    maxIdleSeconds: 3_600,
    source: { type: 'mix', programme: DEFAULT_PROGRAMME, agentUserId },
  };
}

export const TARGETS = [{ id: 't1', sealedUrl: 'v1.sealed', shownUrl: 'rtmp://host/live/[hidden]' }];

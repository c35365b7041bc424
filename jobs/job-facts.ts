import type { Redis } from 'ioredis';
import { type RoomId, roomKey } from '../src/domain/ids.ts';
import { type JobRef, jobKey } from '../src/domain/job.ts';
import type { GatewayFacts, RoomFacts } from '../src/domain/room.ts';
import type { RecordingResult, Task } from '../src/domain/task.ts';
import type { Announcements } from '../src/queue/announcements.ts';
import { onReady, reach } from '../src/queue/redis.ts';
import { storedObject } from '../src/queue/stored.ts';
import { readGateway } from '../src/rooms/gateway-facts.ts';
import type { Recordings } from '../src/tasks/recordings.ts';
import type { RequestedJobs } from '../src/tasks/requested-jobs.ts';
import type { TaskStore } from '../src/tasks/task-store.ts';
import type { HubStream, JobFacts } from './job-context.ts';
import { LastKnown } from './last-known.ts';
import { Outbox } from './outbox.ts';

const ROOMS = 'roomcast:rooms';
const ROOMS_CHANGED = 'roomcast:rooms:changed';
const GATEWAY_PREFIX = 'roomcast:gateway:';
/** For so long after Redis came back a missing room or gateway may only not have been written again yet. */
const REWRITE_MS = 5_000;

export interface JobFactsOptions {
  readonly redis: Redis;
  readonly tasks: TaskStore;
  readonly recordings: Recordings;
  readonly requestedJobs: RequestedJobs;
  readonly announcements: Announcements;
  readonly steadyForMs: () => number;
  /** Of this worker's data dir. */
  readonly place: string;
}

/** What one worker knows of the facts, shared by its jobs. */
export interface SharedFacts extends JobFacts {
  /** The task as last read, without asking Redis. */
  knownTask(taskId: string): Task | null;
  /** The job asked for is done, or can never be. */
  requestDone(job: JobRef): Promise<void>;
  /** Writes what could not be written while Redis was away. */
  flush(): Promise<void>;
}

export function createJobFacts(options: JobFactsOptions): SharedFacts {
  const { redis, tasks, recordings, requestedJobs, announcements, steadyForMs, place } = options;
  // Tasks never vanish while a job of theirs runs: a missing one was lost by Redis and is about to be restored.
  const knownTasks = new LastKnown<Task>(() => true);
  const freshlyBack = () => steadyForMs() < REWRITE_MS;
  const knownRooms = new LastKnown<RoomFacts>(freshlyBack);
  const knownGateways = new LastKnown<GatewayFacts>(freshlyBack);
  /** The gateway that held a stream last, as long as its room is there. */
  const lastHolders = new Map<string, string>();
  const outbox = new Outbox();

  const getRoom = (appId: number, room: RoomId) => {
    const key = roomKey(appId, room);
    return knownRooms.read(key, async () => parse<RoomFacts>(await reach(() => redis.hget(ROOMS, key))));
  };

  async function locateRoom(appId: number, room: RoomId): Promise<GatewayFacts | null> {
    const facts = await getRoom(appId, room);
    return knownGateways.read(roomKey(appId, room), () => reach(() => findGateway(redis, facts?.gatewayId)));
  }

  async function locateStream(stream: HubStream): Promise<GatewayFacts | null> {
    const { appId, room, streamId } = stream;
    const facts = await getRoom(appId, room);
    const streams = facts?.users.flatMap((user) => user.streams) ?? [];
    const now = streams.find((one) => one.streamId === streamId)?.gatewayId;
    // One that is off the air may come back where it was.
    const holder = now ?? lastHolders.get(streamId);
    if (facts === null) lastHolders.delete(streamId);
    else if (now !== undefined) lastHolders.set(streamId, now);
    if (holder === undefined || holder === facts?.gatewayId) return locateRoom(appId, room);
    return knownGateways.read(holder, () => reach(() => readGateway(redis, holder)));
  }

  return {
    getTask: (taskId) => knownTasks.read(taskId, () => tasks.get(taskId)),
    getRoom,
    locateRoom,
    locateStream,
    watchRoom(appId, room, listener) {
      const key = roomKey(appId, room);
      const stopHearing = announcements.on(ROOMS_CHANGED, (changed) => {
        if (changed === key) listener();
      });
      // What changed during an outage was announced to nobody.
      const stopWaiting = onReady(redis, listener);
      return () => {
        stopHearing();
        stopWaiting();
      };
    },
    saveRecording: (result: RecordingResult) =>
      outbox.send(`recording ${result.taskId}`, () => recordings.save(place, result)),
    requestJob(job: JobRef) {
      const here = { ...job, place };
      return outbox.send(`job ${jobKey(here)}`, () => requestedJobs.add(here));
    },
    requestDone: (job) => outbox.send(`job ${jobKey(job)}`, () => requestedJobs.remove(job)),
    knownTask: (taskId) => knownTasks.peek(taskId),
    flush: () => outbox.flush(),
  };
}

function parse<T extends object>(text: string | null | undefined): T | null {
  return text ? storedObject<T>(text) : null;
}

/** The home gateway if it lives, else the first that does, so that all jobs of a room choose the same. */
async function findGateway(redis: Redis, homeId: string | undefined): Promise<GatewayFacts | null> {
  const home = homeId === undefined ? null : await readGateway(redis, homeId);
  if (home !== null) return home;
  const keys: string[] = [];
  for await (const batch of redis.scanStream({ match: `${GATEWAY_PREFIX}*`, count: 1_000 })) {
    keys.push(...(batch as string[]));
  }
  const [first] = keys.sort();
  return first === undefined ? null : parse<GatewayFacts>(await redis.get(first));
}

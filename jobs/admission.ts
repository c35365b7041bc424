import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import {
  type CostReading,
  type CostWatch,
  costKey,
  estimateCores,
  type MeasuredCosts,
  mayTake,
  type Neighbour,
  noRoomMessage,
  outstandingCores,
  roomAmong,
  shapeOf,
  watchCost,
  withSample,
} from '../src/domain/capacity.ts';
import { toGatewayError } from '../src/domain/errors.ts';
import type { RoomId } from '../src/domain/ids.ts';
import { type JobRef, type JobStatus, jobKey, type MixStatus } from '../src/domain/job.ts';
import { mixedStreams } from '../src/domain/layout/layout.ts';
import { otherRooms } from '../src/domain/own-room.ts';
import type { ProgrammeSpec } from '../src/domain/programme.ts';
import { clearNoCapacity, saveFailure } from '../src/tasks/job-status.ts';
import type { Leases } from '../src/tasks/lease.ts';
import type { MixCosts } from '../src/tasks/mix-costs.ts';
import { listWorkers } from '../src/tasks/worker-facts.ts';
import type { SharedFacts } from './job-facts.ts';
import type { MachineMeter } from './machine-meter.ts';
import { inputsOfOtherRoom, mixInputs } from './mix-inputs.ts';
import { isMix } from './mix-sources.ts';

/** `refused`: this worker has no room. `hasOther`: another one has, as far as is known. */
export type Verdict =
  | { readonly result: 'taken' }
  | { readonly result: 'refused'; readonly hasOther: boolean };

export interface AdmissionOptions {
  readonly redis: Redis;
  readonly workerId: string;
  /** `off` takes every mix, and measures all the same. */
  readonly mode: 'measured' | 'off';
  readonly meter: MachineMeter;
  readonly costs: MixCosts;
  readonly leases: Pick<Leases, 'isHeldElsewhere'>;
  readonly facts: Pick<SharedFacts, 'getTask' | 'getRoom' | 'knownTask'>;
  /** Writes this worker's facts now. */
  readonly tell: () => Promise<void>;
  readonly log: Logger;
}

const RELOAD_MS = 10_000;
const MAX_MIXES = 100;
const UNMEASURED_MIXES_PER_CORE = 2;
const TAKEN = { result: 'taken' } as const;

/** One mix that runs here, or is about to. */
interface Held {
  readonly atMs: number;
  /** 0 when it could not be found out. */
  readonly cores: number;
  /** Until it is, its cores are only set aside. */
  isTaken: boolean;
  cpuSeconds: number;
  watch: CostWatch | null;
}

/** Which mixes this worker takes: it learns what they cost and knows what its machine has to spare. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #held = new Map<string, Held>();
  readonly #reload: NodeJS.Timeout;
  #costs: MeasuredCosts = new Map();
  #asking: Promise<unknown> = Promise.resolve();

  private constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#reload = setInterval(() => void this.#load(), RELOAD_MS);
  }

  /** With the costs that were measured before. */
  static async open(options: AdmissionOptions): Promise<Admission> {
    const admission = new Admission(options);
    await admission.#load();
    return admission;
  }

  close(): void {
    clearInterval(this.#reload);
  }

  /** Mixes at most, whatever room there is. */
  get maxMixes(): number {
    const { mode, meter } = this.#options;
    return mode === 'measured' ? MAX_MIXES : Math.max(1, Math.floor(meter.cores * UNMEASURED_MIXES_PER_CORE));
  }

  /** What is left for another mix; what is set aside for `besides` is not counted. */
  room(besides?: string): Neighbour {
    const { workerId, meter } = this.#options;
    const promises = [...this.#held].flatMap(([key, held]) => (key === besides ? [] : [held]));
    const promisedCores = outstandingCores(promises, performance.now());
    const spareCores = Math.max(0, meter.spareCores() - promisedCores);
    const mixes = [...this.#held.values()].filter((held) => held.isTaken).length;
    return { workerId, machine: meter.machine, spareCores, promisedCores, mixes };
  }

  /** Whether the mix is run here; if so its cost is set aside until ended(). With Redis away every mix is taken. */
  ask(job: JobRef): Promise<Verdict> {
    // One after the other: two that ask at once would each see what is only set aside for the other.
    const answer = this.#asking.then(() => this.#decide(job));
    this.#asking = answer;
    return answer;
  }

  async #decide(job: JobRef): Promise<Verdict> {
    const { log, redis, mode } = this.#options;
    const key = jobKey(job);
    try {
      // Another worker's run goes on: that one's lease decides, not who has room.
      const isHeld = await this.#options.leases.isHeldElsewhere(key);
      const cores = await this.#costOf(job);
      const held = this.#hold(key, cores);
      const refusal = isHeld || mode === 'off' ? null : await this.#findRefusal(key, cores);
      if (refusal === null) {
        held.isTaken = true;
        if (!isHeld) await clearNoCapacity(redis, job);
        return TAKEN;
      }
      this.ended(job);
      void this.#options.tell();
      if (refusal.message !== null) await sayWhy(redis, job, refusal.message);
      log.debug({ job: key, cores, ...refusal }, 'no room for a mix');
      return { result: 'refused', hasOther: refusal.message === null };
    } catch (error) {
      log.debug({ job: key, err: error }, 'a mix is taken without knowing its cost');
      this.#hold(key, 0).isTaken = true;
      return TAKEN;
    }
  }

  ended(job: JobRef): void {
    this.#held.delete(jobKey(job));
  }

  /** Learns from what a run reports. */
  hear(job: JobRef, status: JobStatus): void {
    const held = this.#held.get(jobKey(job));
    const task = this.#options.facts.knownTask(job.id);
    if (status.kind !== 'mix' || status.state !== 'running' || !held || !isMix(task)) return;
    held.cpuSeconds = status.cpuSeconds;
    const { watch, sample } = watchCost(held.watch, readingOf(status, task.source.programme));
    held.watch = watch;
    if (sample === null) return;
    const key = watch.since.key;
    const cost = withSample(this.#costs.get(key), sample, Date.now());
    this.#costs = new Map(this.#costs).set(key, cost);
    this.#options.costs.save(key, cost).catch((error: unknown) => {
      this.#options.log.debug({ reason: toGatewayError(error).message }, 'a cost was not kept');
    });
  }

  async #costOf(job: JobRef): Promise<number> {
    const { facts } = this.#options;
    const task = await facts.getTask(job.id);
    if (!isMix(task)) return 0; // its run ends at once
    const { programme } = task.source;
    const { layout, maxInputs } = programme;
    const inputsOf = async (room: RoomId) => mixInputs(await facts.getRoom(task.appId, room), new Map());
    const named = otherRooms(layout).map(async (room) =>
      inputsOfOtherRoom(layout, room, await inputsOf(room)),
    );
    const present = [...(await inputsOf(task.room)), ...(await Promise.all(named)).flat()];
    return estimateCores(shapeOf(programme, mixedStreams(layout, present, maxInputs).length), this.#costs);
  }

  /** Null: there is room here. Else with why the mix waits, when no other worker has room either. */
  async #findRefusal(key: string, cores: number): Promise<{ readonly message: string | null } | null> {
    const { redis, workerId, tell } = this.#options;
    // Set aside and told before looking at others: of two workers on one machine at least one sees the other.
    await tell();
    const others = (await listWorkers(redis)).filter((worker) => worker.workerId !== workerId);
    const own = this.room(key);
    const room = roomAmong(own, others);
    if (mayTake(cores, room)) return null;
    const rooms = others.map((other) => roomAmong(other, [own, ...others]));
    if (rooms.some((other) => mayTake(cores, other))) return { message: null };
    return {
      message: noRoomMessage(cores, Math.max(room.spareCores, ...rooms.map((other) => other.spareCores))),
    };
  }

  #hold(key: string, cores: number): Held {
    const held = { atMs: performance.now(), cores, isTaken: false, cpuSeconds: 0, watch: null };
    this.#held.set(key, held);
    return held;
  }

  async #load(): Promise<void> {
    try {
      this.#costs = await this.#options.costs.read();
    } catch (error) {
      this.#options.log.debug({ reason: toGatewayError(error).message }, 'costs not read');
    }
  }
}

async function sayWhy(redis: Redis, job: JobRef, message: string): Promise<void> {
  const at = Date.now();
  // Its epoch is later than whatever a dead worker's run reported.
  await saveFailure(redis, job, { code: 'no-capacity', message, at, epoch: at });
}

function readingOf(status: MixStatus, programme: ProgrammeSpec): CostReading {
  const live = status.inputs.filter((input) => input.state === 'live').length;
  return {
    key: costKey(shapeOf(programme, live)),
    pid: status.pid,
    nowMs: performance.now(),
    cpuSeconds: status.cpuSeconds,
    framesDropped: status.framesDropped,
  };
}

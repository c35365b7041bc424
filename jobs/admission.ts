import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import {
  type CostReading,
  type CostWatch,
  costKey,
  estimateCores,
  type MeasuredCosts,
  mayTake,
  noRoomMessage,
  outstandingCores,
  type PromisedCores,
  type Room,
  shapeOf,
  watchCost,
  withSample,
} from '../src/domain/capacity.ts';
import { toGatewayError } from '../src/domain/errors.ts';
import { type JobRef, type JobStatus, jobKey, type MixStatus } from '../src/domain/job.ts';
import { mixedStreams } from '../src/domain/layout/layout.ts';
import type { ProgrammeSpec } from '../src/domain/programme.ts';
import type { Task } from '../src/domain/task.ts';
import { clearNoCapacity, saveFailure } from '../src/tasks/job-status.ts';
import type { Leases } from '../src/tasks/lease.ts';
import type { MixCosts } from '../src/tasks/mix-costs.ts';
import { listWorkers } from '../src/tasks/worker-facts.ts';
import type { SharedFacts } from './job-facts.ts';
import type { MachineMeter } from './machine-meter.ts';
import { mixInputs } from './mix-inputs.ts';

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
  readonly log: Logger;
}

const RELOAD_MS = 10_000;
const MAX_MIXES = 100;
const UNMEASURED_MIXES_PER_CORE = 2;
const TAKEN = { result: 'taken' } as const;

/** One mix that runs here, or is about to. */
interface Held {
  readonly atMs: number;
  /** 0 when it joined without being asked for its cost. */
  readonly cores: number;
  cpuSeconds: number;
  watch: CostWatch | null;
}

function programmeOf(task: Task | null): ProgrammeSpec | null {
  return task?.source.type === 'mix' ? task.source.programme : null;
}

/** Which mixes this worker takes: it learns what they cost and knows what its machine has to spare. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #held = new Map<string, Held>();
  readonly #reload: NodeJS.Timeout;
  #costs: MeasuredCosts = new Map();

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

  /** What is left for another mix. */
  get room(): Room {
    const promises: readonly PromisedCores[] = [...this.#held.values()];
    const outstanding = outstandingCores(promises, performance.now());
    return {
      spareCores: Math.max(0, this.#options.meter.spareCores() - outstanding),
      mixes: this.#held.size,
    };
  }

  /** Whether the mix is run here; if so its cost is set aside until ended(). With Redis away every mix is taken. */
  async ask(job: JobRef): Promise<Verdict> {
    const { log, redis, mode } = this.#options;
    try {
      // Another worker's run goes on: that one's lease decides, not who has room.
      const isHeld = await this.#options.leases.isHeldElsewhere(jobKey(job));
      const cores = await this.#costOf(job);
      const { room } = this;
      if (isHeld || mode === 'off' || mayTake(cores, room)) {
        this.#held.set(jobKey(job), { atMs: performance.now(), cores, cpuSeconds: 0, watch: null });
        if (!isHeld) await clearNoCapacity(redis, job);
        return TAKEN;
      }
      return await this.#refuse(job, cores, room);
    } catch (error) {
      log.debug({ job: jobKey(job), err: error }, 'a mix is taken without knowing its cost');
      this.#held.set(jobKey(job), { atMs: performance.now(), cores: 0, cpuSeconds: 0, watch: null });
      return TAKEN;
    }
  }

  ended(job: JobRef): void {
    this.#held.delete(jobKey(job));
  }

  /** Learns from what a run reports. */
  hear(job: JobRef, status: JobStatus): void {
    const held = this.#held.get(jobKey(job));
    const programme = programmeOf(this.#options.facts.knownTask(job.id));
    if (status.kind !== 'mix' || status.state !== 'running' || !held || !programme) return;
    held.cpuSeconds = status.cpuSeconds;
    const { watch, sample } = watchCost(held.watch, readingOf(status, programme));
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
    const programme = programmeOf(task);
    if (task === null || programme === null) return 0; // its run ends at once
    const room = await facts.getRoom(task.appId, task.room);
    const inputs = mixedStreams(programme.layout, mixInputs(room, new Map())).length;
    return estimateCores(shapeOf(programme, inputs), this.#costs);
  }

  async #refuse(job: JobRef, cores: number, room: Room): Promise<Verdict> {
    const { redis, workerId, log } = this.#options;
    const others = (await listWorkers(redis)).filter((worker) => worker.workerId !== workerId);
    const hasOther = others.some((other) => mayTake(cores, other));
    log.debug({ job: jobKey(job), cores, spareCores: room.spareCores, hasOther }, 'no room for a mix');
    if (!hasOther) {
      const best = Math.max(room.spareCores, ...others.map((other) => other.spareCores));
      const at = Date.now();
      // Later than whatever a dead worker's run reported.
      await saveFailure(redis, job, {
        code: 'no-capacity',
        message: noRoomMessage(cores, best),
        at,
        epoch: at,
      });
    }
    return { result: 'refused', hasOther };
  }

  async #load(): Promise<void> {
    try {
      this.#costs = await this.#options.costs.read();
    } catch (error) {
      this.#options.log.debug({ reason: toGatewayError(error).message }, 'costs not read');
    }
  }
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

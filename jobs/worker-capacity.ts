import { cpus } from 'node:os';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { HE_AAC_ENCODERS, type VideoEncoderChoice } from '../src/domain/encoding.ts';
import { probeFfmpeg, workingHardwareEncoders } from '../src/media/ffmpeg/capabilities.ts';
import type { Leases } from '../src/tasks/lease.ts';
import { createMixCosts } from '../src/tasks/mix-costs.ts';
import { startWorkerFacts, type WorkerFactsWriter } from '../src/tasks/worker-facts.ts';
import { Admission, type AdmissionOptions } from './admission.ts';
import type { SharedFacts } from './job-facts.ts';
import { openMachineCpu } from './machine-cpu.ts';
import { type MachineMeter, startMachineMeter } from './machine-meter.ts';

export interface CapacityOptions {
  readonly redis: Redis;
  readonly workerId: string;
  readonly mode: AdmissionOptions['mode'];
  readonly videoEncoder: VideoEncoderChoice;
  /** By default the machine's own. */
  readonly meter: MachineMeter | undefined;
  readonly leases: Leases;
  readonly facts: SharedFacts;
  readonly log: Logger;
}

export interface WorkerCapacity {
  readonly admission: Admission;
  /** Also takes the worker's facts back. Never throws. */
  stop(): Promise<void>;
}

/** Being compiled in is enough for these; a hardware encoder has to show that it works. */
const SOFTWARE_ENCODERS = ['libx264', 'aac', ...HE_AAC_ENCODERS];
const MAX_NAME_CHARS = 64;

/** `intel-xeon-processor-2-80ghz:libx264`: with the same processor and encoder a mix takes the same. */
function machineName(videoEncoder: VideoEncoderChoice): string {
  const name = (cpus()[0]?.model ?? 'unknown').toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return `${name.slice(0, MAX_NAME_CHARS)}:${videoEncoder}`;
}

async function describeFfmpeg(log: Logger): Promise<{ encoders: readonly string[]; ffmpegVersion: string }> {
  try {
    const { version, encoders } = await probeFfmpeg(log);
    const software = SOFTWARE_ENCODERS.filter((name) => encoders.has(name));
    return { encoders: [...software, ...(await workingHardwareEncoders(log))], ffmpegVersion: version };
  } catch (error) {
    log.error({ err: error }, 'ffmpeg does not run: mixes will fail here');
    return { encoders: [], ffmpegVersion: 'none' };
  }
}

/** Measures the machine, decides which mixes are taken, and tells the others of both. */
export async function openCapacity(options: CapacityOptions): Promise<WorkerCapacity> {
  const { redis, workerId, log } = options;
  const meter = options.meter ?? (await startMachineMeter(await openMachineCpu()));
  const costs = createMixCosts(redis, machineName(options.videoEncoder));
  let writer: WorkerFactsWriter | null = null;
  let stopped = false;
  const tell = async () => writer?.write();
  const admission = await Admission.open({ ...options, meter, costs, tell });
  const { cores } = meter;
  const telling = describeFfmpeg(log).then((ffmpeg) => {
    if (stopped) return;
    const read = () => {
      const room = admission.room();
      const spareCores = Math.round(room.spareCores * 100) / 100;
      return { ...room, spareCores, cores, ...ffmpeg, at: Date.now() };
    };
    writer = startWorkerFacts({ redis, workerId, read, log });
  });
  return {
    admission,
    async stop() {
      stopped = true;
      admission.close();
      meter.stop();
      await telling;
      await writer?.stop();
    },
  };
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FlvTag } from '../../src/media/flv/tag.ts';
import { makeClip, parseFlv } from '../support/clip.ts';
import type { Interval, Usage } from './relay/interval.ts';
import { Rig, type Shape } from './relay/rig.ts';

export interface RelayBenchOptions {
  /** Of one stream. */
  readonly targets: number;
  /** With one target each. */
  readonly streams: number;
  /** Of one stream, looked at for what arrives alone; 0 skips that. */
  readonly hold: number;
  /** Of each measured time. */
  readonly seconds: number;
  /** How often roomcast and nginx are measured in turn; medians are told. */
  readonly rounds: number;
  /** Merge windows; the first is measured in each round, the others once. */
  readonly mergeMs: readonly number[];
}

export interface RelayCost {
  /** `STREAMS x TARGETS`: of so many streams each to so many targets. */
  readonly shape: string;
  readonly how: string;
  /** Shares of one core in percent: without pushes, and what pushing adds to that. */
  readonly idleCpu: number;
  readonly addedCpu: number;
  /** Of the added CPU. */
  readonly parts: string;
  /** Added CPU against nginx-rtmp's; null where that is not measured. */
  readonly ratio: number | null;
  /** Memory that pushing adds to the process that does it. */
  readonly mbPerTarget: number;
  /** Pictures that arrived at all targets: each byte of each, or the bench fails. */
  readonly pictures: number;
}

export interface RelayBench {
  readonly bench: 'relay';
  readonly seconds: number;
  readonly rounds: number;
  readonly kbps: number;
  readonly results: readonly RelayCost[];
  readonly summary: string;
}

/** One way to push, in one round: what it took before and while it pushed. */
interface Sample {
  readonly idle: Usage;
  readonly busy: Interval;
}

const CLIP = { seconds: 10, gopFrames: 60, videoKbps: 2000, size: '1280x720' };
/** Of memory, that of the process which pushes is told. */
const PUSHER = { roomcast: 'worker', nginx: 'nginx' } as const;

const SUMMARY = `
One stream is 2 Mbit/s of 720p30 with sound, published by this bench to both sides; the receiving nginx is a process of its own that is not counted.
CPU is user and system time of threads from /proc/PID/task/*/schedstat, between two moments of rest of the source, in percent of one core.
roomcast is gateway + worker + Redis, real processes: idleCpu while they receive the streams and push nothing, addedCpu with pushes less that.
nginx is one process: idleCpu while it receives the streams in an application without push, addedCpu in one with push less that.
Roomcast and nginx are measured in turn, and medians told. A target that lacks one byte of what its stream gave ends the bench.
`;

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

function cost(shape: Shape, side: 'roomcast' | 'nginx', how: string, samples: readonly Sample[]): Unrelated {
  const names = Object.keys(samples[0]?.busy.usage ?? {});
  const added = (name: string) =>
    median(samples.map(({ idle, busy }) => (busy.usage[name]?.percent ?? 0) - (idle[name]?.percent ?? 0)));
  const sum = (usage: Usage) => names.reduce((total, name) => total + (usage[name]?.percent ?? 0), 0);
  const pusher = PUSHER[side];
  const mb = samples.map(({ idle, busy }) => (busy.usage[pusher]?.mb ?? 0) - (idle[pusher]?.mb ?? 0));
  return {
    shape: `${shape.streams} x ${shape.targets}`,
    how,
    idleCpu: round(median(samples.map(({ idle }) => sum(idle)))),
    addedCpu: round(median(samples.map(({ idle, busy }) => sum(busy.usage) - sum(idle)))),
    parts: names.map((name) => `${name} ${round(added(name))}`).join(', '),
    mbPerTarget: round(median(mb) / (shape.streams * shape.targets)),
    pictures: samples.reduce((total, { busy }) => total + busy.pictures, 0),
  };
}

type Unrelated = Omit<RelayCost, 'ratio'>;

function withRatios(costs: readonly Unrelated[], nginx: Unrelated | null): RelayCost[] {
  return costs.map(({ parts, mbPerTarget, pictures, ...one }) => ({
    ...one,
    ratio: nginx === null ? null : round(one.addedCpu / nginx.addedCpu),
    parts,
    mbPerTarget,
    pictures,
  }));
}

async function compare(rig: Rig, options: RelayBenchOptions): Promise<RelayCost[]> {
  const { shape } = rig;
  const [first = 100, ...others] = options.mergeMs;
  const idles: Usage[] = [];
  const ours: Sample[] = [];
  const theirs: Sample[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    const idle = await rig.idle();
    idles.push(idle);
    ours.push({ idle, busy: await rig.roomcast(first) });
    theirs.push({ idle, busy: await rig.nginx() });
  }
  const nginx = cost(shape, 'nginx', 'nginx-rtmp push', theirs);
  const costs = [cost(shape, 'roomcast', `roomcast, window ${first} ms`, ours)];
  for (const mergeMs of others) {
    const busy = await rig.roomcast(mergeMs);
    const samples = idles.slice(-1).map((idle) => ({ idle, busy }));
    costs.push(cost(shape, 'roomcast', `roomcast, window ${mergeMs} ms`, samples));
  }
  return withRatios([...costs, nginx], nginx);
}

/** Many targets of the same stream: every one gets everything. */
async function hold(rig: Rig, options: RelayBenchOptions): Promise<RelayCost[]> {
  const [first = 100] = options.mergeMs;
  const idle = await rig.idle();
  const busy = await rig.roomcast(first, options.hold);
  const shape = { streams: 1, targets: options.hold };
  return withRatios([cost(shape, 'roomcast', `roomcast, window ${first} ms`, [{ idle, busy }])], null);
}

async function withRig<T>(
  shape: Shape,
  clip: readonly FlvTag[],
  { seconds }: RelayBenchOptions,
  use: (rig: Rig) => Promise<T>,
): Promise<T> {
  const rig = await Rig.open(shape, clip, seconds);
  try {
    return await use(rig);
  } finally {
    await rig.close();
  }
}

/** One stream to many servers, many streams to one each: what pushing costs here and with nginx-rtmp. */
export async function runRelayBench(options: RelayBenchOptions): Promise<RelayBench> {
  const dir = await mkdtemp(join(tmpdir(), 'roomcast-bench-'));
  process.env['TEST_RUN_DIR'] = dir; // where the test's own gateways and workers keep their data
  try {
    return await measureAll(options);
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function measureAll(options: RelayBenchOptions): Promise<RelayBench> {
  const bytes = await makeClip(CLIP);
  const clip = parseFlv(bytes);
  const fanOut = await withRig({ streams: 1, targets: options.targets }, clip, options, async (rig) => [
    ...(await compare(rig, options)),
    ...(options.hold > 0 ? await hold(rig, options) : []),
  ]);
  const many = { streams: options.streams, targets: 1 };
  const oneEach = await withRig(many, clip, options, (rig) => compare(rig, options));
  return {
    bench: 'relay',
    seconds: options.seconds,
    rounds: options.rounds,
    kbps: Math.round((bytes.length * 8) / 1000 / CLIP.seconds),
    results: [...fanOut, ...oneEach],
    summary: SUMMARY,
  };
}

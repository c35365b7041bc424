import { setTimeout as delay } from 'node:timers/promises';
import { type NginxRtmp, startNginxRtmp } from '../../src/demo/nginx-rtmp.ts';
import type { FlvTag } from '../../src/media/flv/tag.ts';
import { makeClip, parseFlv } from '../support/clip.ts';
import { eventually } from '../support/eventually.ts';
import {
  type Expected,
  type Interval,
  type IntervalSetting,
  measureInterval,
  SINK,
  type Usage,
  untilOnAir,
} from './relay/interval.ts';
import { NginxRelay, Roomcast } from './relay/parties.ts';
import { type StreamSource, startSource } from './relay/source.ts';

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

interface Shape {
  readonly streams: number;
  /** Of each stream. */
  readonly targets: number;
}

/** One way to push, in one round: what it took before and while it pushed. */
interface Sample {
  readonly idle: Usage;
  readonly busy: Interval;
}

const CLIP = { seconds: 10, gopFrames: 60, videoKbps: 2000, size: '1280x720' };
/** A push lives for hours: what V8 spends on compiling in its first seconds is no part of its price. */
const FIRST_SETTLE_MS = 8_000;
const SETTLE_MS = 3_000;
/** Of memory, that of the process which pushes is told. */
const PUSHER = { roomcast: 'worker', nginx: 'nginx' } as const;

const SUMMARY = `
One stream is 2 Mbit/s of 720p30 with sound, published by this bench to both sides; the receiving nginx is a process of its own that is not counted.
CPU is user and system time of threads from /proc/PID/task/*/schedstat, between two moments of rest of the source, in percent of one core.
roomcast is gateway + worker + Redis, real processes: idleCpu while they receive the streams and push nothing, addedCpu with pushes less that.
nginx is one process: idleCpu while it receives the streams in an application without push, addedCpu in one with push less that.
Roomcast and nginx are measured in turn, and medians told. A target that lacks one byte of what its stream gave ends the bench.
`;

/** Several streams at once: a source, what receives it, and both contenders. */
class Rig {
  readonly shape: Shape;
  readonly setting: IntervalSetting;
  readonly #source: StreamSource;
  readonly #sink: NginxRtmp;
  readonly #roomcast: Roomcast;
  readonly #nginx: NginxRelay;
  #runs = 0;

  private constructor(
    shape: Shape,
    setting: IntervalSetting,
    contenders: { roomcast: Roomcast; nginx: NginxRelay },
  ) {
    this.shape = shape;
    this.setting = setting;
    this.#source = setting.source;
    this.#sink = setting.sink;
    this.#roomcast = contenders.roomcast;
    this.#nginx = contenders.nginx;
  }

  static async open(shape: Shape, clip: readonly FlvTag[], seconds: number): Promise<Rig> {
    const source = startSource(clip, shape.streams);
    const sink = await startNginxRtmp({ applications: [SINK] });
    const push =
      shape.streams > 1
        ? [sink.rtmpUrl(SINK, '').slice(0, -1)]
        : sequence(shape.targets).map((index) => sink.rtmpUrl(SINK, `nginx-${index}`));
    const nginx = await NginxRelay.open(source, push);
    const roomcast = await Roomcast.open(source, shape.streams);
    return new Rig(shape, { source, sink, seconds }, { roomcast, nginx });
  }

  /** Both contenders while they push nothing, at the same time. */
  async idle(): Promise<Usage> {
    await this.#nginx.publish('plain', this.#nginxKeys());
    await delay(this.#runs === 0 ? FIRST_SETTLE_MS : SETTLE_MS);
    const pids = { ...this.#roomcast.pids, nginx: this.#nginx.pid };
    const { usage } = await measureInterval(this.setting, pids);
    await this.#nginx.unpublish();
    return usage;
  }

  async roomcast(mergeMs: number, targets = this.shape.targets): Promise<Interval> {
    this.#runs += 1;
    const keys = sequence(this.shape.streams).map((stream) =>
      sequence(targets).map((target) => `roomcast-${this.#runs}-${stream}-${target}`),
    );
    const expected: Expected = new Map(
      keys.flatMap((own, stream) => own.map((key) => [key, stream] as const)),
    );
    await this.#roomcast.push(
      keys.map((own) => own.map((key) => this.#sink.rtmpUrl(SINK, key))),
      mergeMs,
    );
    await untilOnAir(this.setting, expected);
    await delay(this.#runs === 1 ? FIRST_SETTLE_MS : SETTLE_MS);
    const interval = await measureInterval(this.setting, this.#roomcast.pids, expected);
    await this.#roomcast.assertUntroubled(expected.size);
    await this.#roomcast.stopPushing();
    await this.#sinkIsQuiet();
    return interval;
  }

  async nginx(): Promise<Interval> {
    const keys = this.#nginxKeys();
    const expected: Expected =
      this.shape.streams > 1
        ? new Map(keys.map((key, stream) => [key, stream]))
        : new Map(sequence(this.shape.targets).map((index) => [`nginx-${index}`, 0]));
    await this.#nginx.publish('pushed', keys);
    await untilOnAir(this.setting, expected);
    await delay(SETTLE_MS);
    const interval = await measureInterval(this.setting, { nginx: this.#nginx.pid }, expected);
    await this.#nginx.unpublish();
    await this.#sinkIsQuiet();
    return interval;
  }

  async close(): Promise<void> {
    this.#source.stop();
    await this.#nginx.close();
    await this.#roomcast.close();
    await this.#sink.stop();
  }

  #nginxKeys(): string[] {
    return sequence(this.shape.streams).map((stream) => `nginx-stream-${stream}`);
  }

  async #sinkIsQuiet(): Promise<void> {
    await eventually(async () => (await this.#sink.livePublishers()) === 0, 30_000, 200);
  }
}

function sequence(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}

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

import { type ProgrammeSpec, X264_PRESETS, type X264Preset } from './programme.ts';

/** What a mix's cost depends on. Without picture width, height and fps are 0. */
export interface MixShape {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly preset: X264Preset;
  /** Streams mixed, seen or heard. */
  readonly inputs: number;
}

/** What mixes of one shape took on one kind of machine. */
export interface MeasuredCost {
  /** Of the whole process tree, a moving average. */
  readonly cores: number;
  /** Unix ms of the last measurement. */
  readonly at: number;
}

/** What was kept of a cost as JSON; null for one that would admit any mix or none. */
export function parseMeasuredCost(text: string): MeasuredCost | null {
  try {
    const { cores, at } = JSON.parse(text) as Record<keyof MeasuredCost, unknown>;
    if (typeof cores !== 'number' || !Number.isFinite(cores) || cores <= 0) return null;
    return typeof at === 'number' ? { cores, at } : null;
  } catch {
    return null; // no JSON, or nothing with fields
  }
}

/** By costKey. */
export type MeasuredCosts = ReadonlyMap<string, MeasuredCost>;

const DEFAULT_PRESET: X264Preset = 'veryfast';
const CORES_OF_SOUND = 0.05;
const CORES_PER_HEARD = 0.02;
const CORES_PER_SHOWN = 0.1;
/** With the two above 0.8 of a core for four 720p30 inputs mixed to 720p30, as it was measured. */
const CORES_PER_PICTURE = 0.35;
const PIXEL_RATE = 1280 * 720 * 30;
/** What libx264's presets take beside veryfast. */
const PRESET_FACTOR: Readonly<Record<X264Preset, number>> = {
  ultrafast: 0.5,
  superfast: 0.8,
  veryfast: 1,
  faster: 1.5,
  fast: 3,
  medium: 4,
};
/** The newest measurement's part of a moving average. */
const NEWEST_PART = 0.25;

/** The shape of a programme with so many streams mixed. */
export function shapeOf({ video }: ProgrammeSpec, inputs: number): MixShape {
  if (video === null) return { width: 0, height: 0, fps: 0, preset: DEFAULT_PRESET, inputs };
  const { width, height, fps, preset = DEFAULT_PRESET } = video;
  return { width, height, fps, preset, inputs };
}

/** The name under which a shape's cost is kept: `1280x720@30 veryfast 4`. */
export function costKey({ width, height, fps, preset, inputs }: MixShape): string {
  return `${width}x${height}@${fps} ${preset} ${inputs}`;
}

/** Reverse of costKey; null for any other text. */
export function parseCostKey(text: string): MixShape | null {
  const [, width, height, fps, name, inputs] = /^(\d+)x(\d+)@(\d+) ([a-z]+) (\d+)$/.exec(text) ?? [];
  const preset = X264_PRESETS.find((one) => one === name);
  if (preset === undefined) return null;
  return { width: Number(width), height: Number(height), fps: Number(fps), preset, inputs: Number(inputs) };
}

function assumedCores({ width, height, fps, preset, inputs }: MixShape): number {
  const rate = (width * height * fps) / PIXEL_RATE;
  if (rate === 0) return CORES_OF_SOUND + CORES_PER_HEARD * inputs;
  return CORES_OF_SOUND + CORES_PER_PICTURE * rate * PRESET_FACTOR[preset] + CORES_PER_SHOWN * inputs;
}

/** Cores a mix of this shape takes: as measured, else scaled from the most similar one measured, else assumed. */
export function estimateCores(shape: MixShape, measured: MeasuredCosts): number {
  const exact = measured.get(costKey(shape));
  if (exact !== undefined) return exact.cores;
  const assumed = assumedCores(shape);
  let scale = 1;
  let nearest = Number.POSITIVE_INFINITY;
  for (const [key, { cores }] of measured) {
    const other = parseCostKey(key);
    if (other === null || (other.fps === 0) !== (shape.fps === 0)) continue;
    const distance = Math.abs(Math.log(assumed / assumedCores(other)));
    if (distance >= nearest) continue;
    nearest = distance;
    scale = cores / assumedCores(other);
  }
  return assumed * scale;
}

/** What a running mix took over some seconds; `starved`: it dropped frames, so it would have taken more. */
export interface CostSample {
  readonly cores: number;
  readonly starved: boolean;
}

/** The moving average with one more sample. One of a starved mix is a lower bound: it only ever raises. */
export function withSample(
  before: MeasuredCost | undefined,
  { cores, starved }: CostSample,
  nowMs: number,
): MeasuredCost {
  if (before === undefined) return { cores, at: nowMs };
  if (starved && cores < before.cores) return before;
  return { cores: before.cores + (cores - before.cores) * NEWEST_PART, at: nowMs };
}

/** What a mix says of itself at one moment. */
export interface CostReading {
  readonly key: string;
  readonly pid: number;
  readonly nowMs: number;
  readonly cpuSeconds: number;
  readonly framesDropped: number;
}

/** What is remembered between the readings of one mix. */
export interface CostWatch {
  /** It has been of this shape, in this process, since then. */
  readonly since: CostReading;
  /** Where the window that is being measured began; null until it has settled. */
  readonly from: CostReading | null;
}

/** A join, a leave or a new encoder is over after so long. */
const SETTLED_MS = 10_000;
const WINDOW_MS = 5_000;

/** Follows one mix: a sample for every 5 s after 10 s without a change of its shape. */
export function watchCost(
  before: CostWatch | null,
  now: CostReading,
): { readonly watch: CostWatch; readonly sample: CostSample | null } {
  if (before === null || before.since.key !== now.key || before.since.pid !== now.pid) {
    return { watch: { since: now, from: null }, sample: null };
  }
  const { since, from } = before;
  if (from === null) {
    const settled = now.nowMs - since.nowMs >= SETTLED_MS;
    return { watch: { since, from: settled ? now : null }, sample: null };
  }
  const ms = now.nowMs - from.nowMs;
  if (ms < WINDOW_MS) return { watch: before, sample: null };
  const cores = ((now.cpuSeconds - from.cpuSeconds) * 1_000) / ms;
  const sample = { cores, starved: now.framesDropped > from.framesDropped };
  // Nothing used in 5 s was not measured but missed: there is no /proc, or its processes were not seen.
  return { watch: { since, from: now }, sample: cores > 0 ? sample : null };
}

/** What was set aside for a mix that begins. */
export interface PromisedCores {
  readonly cores: number;
  readonly atMs: number;
  /** What it has used since. */
  readonly cpuSeconds: number;
}

const PROMISE_MS = 10_000;
/** The machine's load is looked at over so long. */
export const LOAD_WINDOW_MS = 5_000;

/** Cores promised to mixes that began within the last 10 s and that the machine's load does not show yet. */
export function outstandingCores(promises: Iterable<PromisedCores>, nowMs: number): number {
  let sum = 0;
  for (const { cores, atMs, cpuSeconds } of promises) {
    if (nowMs - atMs >= PROMISE_MS) continue;
    sum += Math.max(0, cores - (cpuSeconds * 1_000) / LOAD_WINDOW_MS);
  }
  return sum;
}

/** What a worker has room for. */
export interface Room {
  readonly spareCores: number;
  /** Mixes it runs. */
  readonly mixes: number;
}

/** Whether a worker takes a mix that needs so many cores. Without a mix it takes any: else a small machine ran none. */
export function mayTake(needCores: number, { spareCores, mixes }: Room): boolean {
  return mixes === 0 || needCores <= spareCores;
}

/** A worker as the others know it. */
export interface Neighbour extends Room {
  readonly workerId: string;
  /** Workers of one machine have the same. */
  readonly machine: string;
  /** Set aside for mixes whose load does not show yet; its own spareCores are without them. */
  readonly promisedCores: number;
}

/** A worker's room without what the others on its machine have set aside of the same cores. */
export function roomAmong<T extends Neighbour>(worker: T, all: readonly Neighbour[]): T {
  let { spareCores } = worker;
  for (const other of all) {
    if (other.workerId !== worker.workerId && other.machine === worker.machine)
      spareCores -= other.promisedCores;
  }
  return { ...worker, spareCores: Math.max(0, spareCores) };
}

/** `0.8 of a core`, `1.6 cores` */
function showCores(tenths: number): string {
  return `${(tenths / 10).toFixed(1)} ${tenths < 10 ? 'of a core' : 'cores'}`;
}

/** Why a mix waits, in one sentence; `best` is the most that any worker has to spare. */
export function noRoomMessage(needCores: number, best: number): string {
  // Rounded apart, so that what does not fit never reads as if it did.
  const need = showCores(Math.ceil(needCores * 10));
  return `no worker has room for this mix: it needs ${need}, the best has ${(Math.floor(Math.max(0, best) * 10) / 10).toFixed(1)}`;
}

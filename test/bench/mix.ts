import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_VIDEO } from '../../src/domain/programme.ts';
import { makeClip, parseFlv } from '../support/clip.ts';
import { type Carried, countProgrammes } from './mix-capacity.ts';
import { type MixClip, type MixContender, startFilterGraph, startRoomcastMix } from './mix-contender.ts';
import { readTreeCost } from './process-cost.ts';

export interface MixBenchOptions {
  readonly seconds: number;
  /** Counts of 720p30 inputs, one after another. */
  readonly inputs: readonly number[];
  /** Programmes of four inputs that are started at most to see how many the machine carries; 0 skips that. */
  readonly programmes: number;
}

export interface MixCost {
  readonly inputs: number;
  readonly how: string;
  readonly cpuSeconds: number;
  /** Share of one core. */
  readonly cpuPercent: number;
  /** Frames a second that arrived at the server. */
  readonly fps: number;
  /** It delivered what it should; the CPU of one that did not says little. */
  readonly keepsUp: boolean;
  readonly peakMb: number;
  /** CPU for a delivered frame, against the filter graph. */
  readonly cpuRatio: number;
  readonly memoryRatio: number;
}

export interface MixBench {
  readonly bench: 'mix';
  readonly seconds: number;
  readonly results: readonly MixCost[];
  readonly carried: Carried | null;
  readonly summary: string;
}

type Measured = Omit<MixCost, 'cpuRatio' | 'memoryRatio'>;
type Start = (clip: MixClip, inputs: number) => Promise<MixContender>;

const CONTENDERS: readonly { readonly how: string; readonly start: Start }[] = [
  { how: 'roomcast', start: startRoomcastMix },
  { how: 'ffmpeg filter graph', start: startFilterGraph },
];
/** A mix lives for hours: what V8 spends on compiling in its first seconds is no part of its price. */
const SETTLE_MS = 15_000;
const CLIP = { seconds: 10, size: '1280x720', videoKbps: 2500, gopFrames: 60 };
/** Of the frames that were due. */
const KEEPS_UP = 0.98;

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

async function measure(
  { how, start }: (typeof CONTENDERS)[number],
  { clip, inputs, seconds }: { readonly clip: MixClip; readonly inputs: number; readonly seconds: number },
): Promise<Measured> {
  const contender = await start(clip, inputs);
  try {
    await contender.ready();
    await delay(SETTLE_MS);
    const [before, framesBefore] = [await readTreeCost(contender.pid), contender.delivered().frames];
    const beganAt = performance.now();
    await delay(seconds * 1000);
    const [after, framesAfter] = [await readTreeCost(contender.pid), contender.delivered().frames];
    const fps = ((framesAfter - framesBefore) * 1000) / (performance.now() - beganAt);
    const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
    return {
      ...{ inputs, how, cpuSeconds: round(cpuSeconds), cpuPercent: round((cpuSeconds / seconds) * 100) },
      ...{ fps: round(fps), keepsUp: fps >= DEFAULT_VIDEO.fps * KEEPS_UP, peakMb: Math.round(after.peakMb) },
    };
  } finally {
    await contender.stop();
  }
}

function withRatios(pair: readonly Measured[]): MixCost[] {
  const graph = pair.find(({ how }) => how !== 'roomcast') ?? pair[0];
  if (!graph) return [];
  const perFrame = ({ cpuSeconds, fps }: Measured) => cpuSeconds / fps;
  return pair.map((one) => ({
    ...one,
    cpuRatio: round(perFrame(one) / perFrame(graph)),
    memoryRatio: round(one.peakMb / graph.peakMb),
  }));
}

function summaryOf(carried: Carried | null): string {
  if (!carried) return '';
  const { programmes, limit } = carried;
  return `this machine carries ${programmes} programme${programmes === 1 ? '' : 's'} of 4 inputs in real time (${limit})\n`;
}

/** Mixes the same 720p30 clips to 720p30 x264 veryfast, by roomcast and by one FFmpeg in turn. */
export async function runMixBench({ seconds, inputs, programmes }: MixBenchOptions): Promise<MixBench> {
  const dir = await mkdtemp(join(tmpdir(), 'roomcast-bench-'));
  const path = join(dir, 'clip.flv');
  const bytes = await makeClip(CLIP);
  await writeFile(path, bytes);
  const clip: MixClip = { path, tags: parseFlv(bytes) };
  try {
    const results: MixCost[] = [];
    for (const [index, count] of inputs.entries()) {
      // In turn first and second: a machine that gets slower or faster favours neither.
      const order = index % 2 === 0 ? CONTENDERS : CONTENDERS.toReversed();
      const pair: Measured[] = [];
      for (const contender of order) pair.push(await measure(contender, { clip, inputs: count, seconds }));
      results.push(...withRatios(pair));
    }
    const carried = programmes > 0 ? await countProgrammes(clip, { most: programmes, seconds }) : null;
    return { bench: 'mix', seconds, results, carried, summary: summaryOf(carried) };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

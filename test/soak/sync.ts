import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_PROGRAMME, type ProgrammeSpec } from '../../src/domain/programme.ts';
import { type FlvTag, TAG_AUDIO, TAG_VIDEO } from '../../src/media/flv/tag.ts';
import { FLASH_AMPLITUDE, makeFlashClip, quantile } from '../support/av-sync.ts';
import { openViewer } from '../support/output-viewer.ts';
import { startWatchedProgramme, type WatchedProgramme } from '../support/watched-programme.ts';
import { brokenBounds, type SoakContext, type SoakReport } from './context.ts';
import { type SoundOffset, watchFlashes } from './flash-watch.ts';

export interface SyncOptions {
  readonly seconds: number;
}

export interface InputSync {
  readonly input: string;
  /** Beeps that were heard beside a flash. */
  readonly beeps: number;
  readonly p95Ms: number;
  /** How far sound and picture went apart over the run: the slope of the offsets times its length. */
  readonly slopeMs: number;
}

export interface SyncReport extends SoakReport {
  readonly inputs: readonly InputSync[];
}

const INPUTS = [
  { name: 'steady', toneHz: 1000, awaySeconds: 0, speed: 1 },
  { name: 'stalls', toneHz: 1800, awaySeconds: 5, speed: 1 },
  { name: 'fast', toneHz: 2600, awaySeconds: 0, speed: 1.001 },
  { name: 'reconnects', toneHz: 3400, awaySeconds: 1, speed: 1 },
] as const;
const CANVAS = { width: 640, height: 360 };
const PROGRAMME: ProgrammeSpec = {
  ...DEFAULT_PROGRAMME,
  video: { ...CANVAS, fps: 30, bitrateKbps: 1000, gopSeconds: 1 },
};
const SEEN = { width: 64, height: 36 };
/** A whole number of frames and of pieces of sound: played over and over it has no seam. */
const CLIP_SECONDS = 16;
const MAX_P95_MS = 60;
const MAX_SLOPE_MS = 40;
/** A picture waits for the next frame of the programme, up to 33 ms: in a shorter run that alone is a slope. */
const SLOPE_SECONDS = 300;
const HOUR_SECONDS = 3600;
const MAX_HOUR_SLOPE_MS = 20;
/** An input that comes needs a moment until it is heard. */
const LOST_SECONDS = 3;
const LEAST_HEARD = 0.9;

interface LoopedClip {
  readonly tags: readonly FlvTag[];
  readonly loopMs: number;
}

async function makeSeamlessClip(toneHz: number): Promise<LoopedClip> {
  const clip = await makeFlashClip({ seconds: CLIP_SECONDS, toneHz });
  const pictures = clip.filter((tag) => tag.type === TAG_VIDEO).map((tag) => tag.timestamp);
  const loopMs = Math.max(...pictures) + 33;
  // The encoder's last piece of sound would lie beside the first one.
  const tags = clip.filter((tag) => tag.type !== TAG_AUDIO || tag.timestamp < loopMs - 11);
  return { tags, loopMs };
}

/** Growth over the time from the first to the last of them, by least squares. */
function slopeOverRun(offsets: readonly SoundOffset[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [atMean, offsetMean] = [
    mean(offsets.map((one) => one.atMs)),
    mean(offsets.map((one) => one.offsetMs)),
  ];
  let [together, spread] = [0, 0];
  for (const { atMs, offsetMs } of offsets) {
    together += (atMs - atMean) * (offsetMs - offsetMean);
    spread += (atMs - atMean) ** 2;
  }
  return (together / spread) * ((offsets.at(-1)?.atMs ?? 0) - (offsets[0]?.atMs ?? 0));
}

function judge(name: string, offsets: readonly SoundOffset[]): InputSync {
  const sizes = offsets.map((one) => Math.abs(one.offsetMs));
  return {
    input: name,
    beeps: offsets.length,
    p95Ms: Math.round(quantile(sizes, 0.95)),
    slopeMs: Math.round(slopeOverRun(offsets)),
  };
}

function boundsOf({ input, beeps, p95Ms, slopeMs }: InputSync, seconds: number): string[] {
  const away = INPUTS.find(({ name }) => name === input)?.awaySeconds ?? 0;
  const wanted = (seconds - LOST_SECONDS - (away > 0 ? away + LOST_SECONDS : 0)) * LEAST_HEARD;
  const maxSlopeMs = seconds < HOUR_SECONDS ? MAX_SLOPE_MS : MAX_HOUR_SLOPE_MS;
  return brokenBounds([
    [beeps >= wanted, `${input}: only ${beeps} beeps in ${seconds} s`],
    [p95Ms <= MAX_P95_MS, `${input}: p95 of sound against picture is ${p95Ms} ms`],
    [
      seconds < SLOPE_SECONDS || Math.abs(slopeMs) < maxSlopeMs,
      `${input}: sound and picture went apart by ${slopeMs} ms`,
    ],
  ]);
}

/** Half of the run, what happens in its middle, then the rest; a line a minute. */
async function playOut(
  programme: WatchedProgramme,
  clips: readonly LoopedClip[],
  { seconds, line }: SyncOptions & { readonly line: () => string },
  { say, signal }: SoakContext,
): Promise<void> {
  const play = (index: 0 | 1 | 2 | 3) => {
    const { name, speed } = INPUTS[index];
    const { tags = [], loopMs = 0 } = clips[index] ?? {};
    return programme.source.play(name, tags, undefined, { speed, loopMs });
  };
  const cameras = ([0, 1, 2, 3] as const).map(play);
  programme.show(INPUTS.map(({ name }) => name));
  const ticker = setInterval(() => say(line()), 60_000);
  const wait = (s: number) => delay(s * 1000, undefined, { signal });
  try {
    await programme.until(({ inputs }) => inputs.length === INPUTS.length && inputs.every(isLive));
    await wait(seconds / 2);
    cameras[1]?.freeze();
    cameras[3]?.end();
    await wait(INPUTS[3].awaySeconds);
    play(3);
    await wait(INPUTS[1].awaySeconds - INPUTS[3].awaySeconds);
    cameras[1]?.thaw();
    await wait(seconds / 2 - INPUTS[1].awaySeconds);
  } finally {
    clearInterval(ticker);
  }
}

const isLive = ({ state }: { readonly state: string }) => state === 'live';

/** Four cameras with a flash and a beep each second: one steady, one that stalls, one with a fast clock, one that reconnects. */
export async function runSync({ seconds }: SyncOptions, context: SoakContext): Promise<SyncReport> {
  const clips = await Promise.all(INPUTS.map(({ toneHz }) => makeSeamlessClip(toneHz)));
  const [width, height] = [SEEN.width / 2, SEEN.height / 2];
  const watch = watchFlashes({
    width: SEEN.width,
    amplitude: FLASH_AMPLITUDE,
    cells: INPUTS.map(({ toneHz }, index) => ({
      ...{ toneHz, box: { x: (index % 2) * width, y: index < 2 ? 0 : height, width, height } },
    })),
  });
  const viewer = openViewer({ ...SEEN, format: 'gray', onPicture: watch.see, onSound: watch.hear });
  const programme = await startWatchedProgramme(PROGRAMME, (tag) => viewer.push(tag));
  const sofar = () => INPUTS.map(({ name }, index) => judge(name, watch.offsets[index] ?? []));
  const line = () =>
    sofar()
      .map(
        ({ input, beeps, p95Ms, slopeMs }) => `${input} ${beeps} beeps p95 ${p95Ms} ms slope ${slopeMs} ms`,
      )
      .join(', ');
  try {
    await playOut(programme, clips, { seconds, line }, context);
    const inputs = sofar();
    context.say(line());
    return { soak: 'sync', seconds, inputs, broken: inputs.flatMap((input) => boundsOf(input, seconds)) };
  } finally {
    await programme.close();
    await viewer.close();
  }
}

import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_PROGRAMME, type ProgrammeSpec } from '../../src/domain/programme.ts';
import { makeColourClip } from '../support/clip.ts';
import { descendants } from '../support/process-tree.ts';
import { startWatchedProgramme, type WatchedProgramme } from '../support/watched-programme.ts';
import { brokenBounds, type SoakContext, type SoakReport } from './context.ts';

export interface ChurnOptions {
  readonly seconds: number;
  /** From one leave and join to the next. */
  readonly everySeconds: number;
  /** The end is compared with a window of the same length that begins then. */
  readonly compareFromSeconds: number;
  readonly windowSeconds: number;
  /** What memory may have grown by, as a part. */
  readonly memoryTolerance: number;
}

/** Of the programme's whole process tree. */
export interface TreeSize {
  readonly memoryMb: number;
  readonly descriptors: number;
  readonly children: number;
}

export interface ChurnReport extends SoakReport {
  readonly changes: number;
  readonly before: TreeSize;
  readonly after: TreeSize;
}

const PAGE_BYTES = 4096;
const SHOWN = 4;
const COLOURS = ['red', 'blue', 'white', 'lime', 'yellow'];
const TOLERANCE = 0.05;
const PROGRAMME: ProgrammeSpec = {
  ...DEFAULT_PROGRAMME,
  video: { width: 640, height: 360, fps: 30, bitrateKbps: 800, gopSeconds: 1 },
};

async function sizeOf(pid: number): Promise<TreeSize | null> {
  try {
    const [, resident = '0'] = (await readFile(`/proc/${pid}/statm`, 'latin1')).split(' ');
    const descriptors = (await readdir(`/proc/${pid}/fd`)).length;
    return { memoryMb: (Number(resident) * PAGE_BYTES) / 1024 ** 2, descriptors, children: 1 };
  } catch {
    return null; // it ended while we looked
  }
}

async function treeSize(root: number): Promise<TreeSize> {
  const pids = [root, ...descendants(root).map((info) => info.pid)];
  const sizes = (await Promise.all(pids.map(sizeOf))).filter((size) => size !== null);
  const sum = (part: keyof TreeSize) => sizes.reduce((total, size) => total + size[part], 0);
  return { memoryMb: sum('memoryMb'), descriptors: sum('descriptors'), children: sum('children') - 1 };
}

function mean(sizes: readonly TreeSize[]): TreeSize {
  const of = (part: keyof TreeSize) =>
    Math.round((sizes.reduce((sum, size) => sum + size[part], 0) / sizes.length) * 10) / 10;
  return { memoryMb: of('memoryMb'), descriptors: of('descriptors'), children: of('children') };
}

/** One leaves and the one who was away joins, over and over, at steady times. */
async function comeAndGo(
  programme: WatchedProgramme,
  { seconds, everySeconds, onSample }: ChurnOptions & { onSample: (second: number) => Promise<void> },
  signal: AbortSignal,
): Promise<number> {
  const clips = await Promise.all(
    COLOURS.map((color, index) =>
      makeColourClip({ color, toneHz: 400 + 200 * index, size: '320x180', fps: 15 }),
    ),
  );
  const play = (index: number) => programme.source.play(COLOURS[index] ?? '', clips[index] ?? []);
  const cameras = COLOURS.map((_, index) => (index < SHOWN ? play(index) : null));
  let shown = [0, 1, 2, 3];
  let changes = 0;
  const show = () => programme.show(shown.map((index) => COLOURS[index] ?? ''));
  show();
  await programme.until(({ inputs }) => inputs.filter(({ state }) => state === 'live').length === SHOWN);
  const beganAt = performance.now();
  for (let second = 1; second <= seconds; second += 1) {
    await delay(Math.max(0, beganAt + second * 1000 - performance.now()), undefined, { signal });
    await onSample(second);
    if (second % everySeconds > 0) continue;
    const [gone = 0] = shown;
    const back = COLOURS.findIndex((_, index) => !shown.includes(index));
    cameras[gone]?.end();
    cameras[back] = play(back);
    shown = [...shown.slice(1), back];
    show();
    changes += 1;
  }
  return changes;
}

function boundsOf(before: TreeSize, after: TreeSize, memoryTolerance: number): string[] {
  const within = (part: keyof TreeSize, tolerance: number): readonly [boolean, string] => [
    Math.abs(after[part] - before[part]) <= before[part] * tolerance,
    `${part}: ${before[part]} became ${after[part]}`,
  ];
  return brokenBounds([
    within('memoryMb', memoryTolerance),
    within('descriptors', TOLERANCE),
    within('children', TOLERANCE),
  ]);
}

/** Four are mixed and somebody always comes and goes: nothing of those who left may stay. */
export async function runChurn(options: ChurnOptions, { say, signal }: SoakContext): Promise<ChurnReport> {
  const { seconds, compareFromSeconds, windowSeconds, memoryTolerance } = options;
  const programme = await startWatchedProgramme(PROGRAMME, () => undefined);
  const first: TreeSize[] = [];
  const last: TreeSize[] = [];
  const minute: TreeSize[] = [];
  async function onSample(second: number): Promise<void> {
    const size = await treeSize(programme.child.pid);
    if (second > compareFromSeconds && second <= compareFromSeconds + windowSeconds) first.push(size);
    if (second > seconds - windowSeconds) last.push(size);
    minute.push(size);
    if (minute.length < 60) return;
    const { memoryMb, descriptors, children } = mean(minute.splice(0));
    say(`minute ${second / 60}: ${memoryMb} MB, ${descriptors} descriptors, ${children} children`);
  }
  try {
    const changes = await comeAndGo(programme, { ...options, onSample }, signal);
    const [before, after] = [mean(first), mean(last)];
    return {
      ...{ soak: 'churn', seconds, changes, before, after },
      broken: boundsOf(before, after, memoryTolerance),
    };
  } finally {
    await programme.close();
  }
}

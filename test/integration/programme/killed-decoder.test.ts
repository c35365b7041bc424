import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FlvTag } from '../../../src/media/flv/tag.ts';
import {
  COUNT_HEIGHT,
  COUNT_WIDTH,
  countStep,
  makeCountedClip,
  readCount,
} from '../../support/counted-clip.ts';
import { countCpuWait } from '../../support/cpu-wait.ts';
import { eventually } from '../../support/eventually.ts';
import { type OutputViewer, openViewer } from '../../support/output-viewer.ts';
import { SMALL_PROGRAMME } from '../../support/programme-rig.ts';
import { startWatchedProgramme, type WatchedProgramme } from '../../support/watched-programme.ts';

const USERS = ['ann', 'bob', 'eve', 'joe'];
/** Half the programme's: every picture of a camera stands in two of the programme's. */
const CAMERA_FPS = 15;
const PICTURE_MS = 1000 / CAMERA_FPS;
const TICK_MS = 1000 / SMALL_PROGRAMME.video.fps;
const BACK_WITHIN_MS = 1000;
const [WIDTH, HEIGHT] = [2 * COUNT_WIDTH, 2 * COUNT_HEIGHT];

interface Seen {
  readonly ms: number;
  readonly count: number;
}

let programme: WatchedProgramme;
let viewer: OutputViewer;
/** What each of the four cells showed. */
const seen: Seen[][] = USERS.map(() => []);

beforeAll(async () => {
  const clip: readonly FlvTag[] = await makeCountedClip({ fps: CAMERA_FPS, size: '320x180' });
  viewer = openViewer({
    ...{ width: WIDTH, height: HEIGHT, format: 'gray' },
    onPicture(picture, ms) {
      for (const [cell, list] of seen.entries()) {
        const from = (cell % 2) * COUNT_WIDTH + Math.floor(cell / 2) * COUNT_HEIGHT * WIDTH;
        const count = readCount(picture, from, WIDTH);
        if (count !== null) list.push({ ms, count });
      }
    },
  });
  programme = await startWatchedProgramme(SMALL_PROGRAMME, (tag) => viewer.push(tag));
  for (const user of USERS) programme.source.play(user, clip);
  programme.show(USERS);
});

afterAll(async () => {
  await programme?.close();
  await viewer?.close();
});

const framesDropped = () => programme.status()?.framesDropped ?? 0;
const lastMs = () => Math.min(...seen.map((list) => list.at(-1)?.ms ?? 0));

/** The longest time that one picture stood, and the most pictures that were left out at once. */
function flow(list: readonly Seen[]): { readonly longestMs: number; readonly mostSkipped: number } {
  let [longestMs, mostSkipped] = [0, 0];
  let since = list[0];
  for (const one of list) {
    if (!since || one.count === since.count) continue;
    longestMs = Math.max(longestMs, one.ms - since.ms);
    mostSkipped = Math.max(mostSkipped, countStep(since.count, one.count) - 1);
    since = one;
  }
  return { longestMs, mostSkipped };
}

test('a decoder killed with SIGKILL is back within a second, and the other inputs lose no picture', async () => {
  await programme.until(({ inputs }) => inputs.length === 4 && inputs.every(({ state }) => state === 'live'));
  await eventually(() => seen.every((list) => list.length > 60));
  const before = programme.children('scale=');
  expect(before).toHaveLength(USERS.length);
  const fromMs = lastMs() - 1000;
  const cpuWait = countCpuWait();
  const droppedBefore = framesDropped();
  process.kill(before[1] ?? 0, 'SIGKILL');
  await eventually(() => lastMs() > fromMs + 5000);
  const waitedMs = cpuWait(); // of a busy machine

  const window = seen.map((list) => list.filter(({ ms }) => ms >= fromMs));
  const flows = window.map(flow).sort((a, b) => a.longestMs - b.longestMs);
  const [killed, ...others] = flows.toReversed();
  expect(killed?.longestMs, JSON.stringify(flows)).toBeLessThanOrEqual(
    BACK_WITHIN_MS + PICTURE_MS + waitedMs,
  );
  expect(killed?.longestMs, 'nothing was killed').toBeGreaterThan(PICTURE_MS);
  for (const { longestMs, mostSkipped } of others) {
    expect(mostSkipped, JSON.stringify(flows)).toBe(0);
    expect(longestMs, JSON.stringify(flows)).toBeLessThan(2 * PICTURE_MS);
  }
  // It is back at its place in time, not where it was left.
  const lag = (at: number) => {
    const counts = window.map((list) => list.at(at)?.count ?? 0);
    return counts.map((count) => (countStep(counts[0] ?? 0, count) + 128) % 256);
  };
  for (const [cell, difference] of lag(-1).entries())
    expect(Math.abs(difference - (lag(0)[cell] ?? 0)), `cell ${cell}`).toBeLessThanOrEqual(1);
  expect(programme.status()?.encoderStarts).toBe(1);
  expect(framesDropped() - droppedBefore).toBeLessThanOrEqual(waitedMs / TICK_MS);
});

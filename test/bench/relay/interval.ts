import { setTimeout as delay } from 'node:timers/promises';
import type { NginxRtmp } from '../../../src/demo/nginx-rtmp.ts';
import { eventually } from '../../support/eventually.ts';
import { readRssMb, readRunSeconds } from '../process-cost.ts';
import type { Given, StreamSource } from './source.ts';

/** Processes by what they are. */
export type Pids = Readonly<Record<string, number>>;
/** By process: share of one core in percent, and memory held at the end. */
export type Usage = Readonly<Record<string, { readonly percent: number; readonly mb: number }>>;

/** What is to arrive: for each key at the receiving nginx the stream it is a copy of. */
export type Expected = ReadonlyMap<string, number>;

/** Bytes by key. */
type Arrived = ReadonlyMap<string, number>;

/** One measured time. */
export interface Interval {
  readonly usage: Usage;
  /** Pictures that arrived, all targets together; 0 when nothing was pushed. */
  readonly pictures: number;
}

export interface IntervalSetting {
  readonly source: StreamSource;
  readonly sink: NginxRtmp;
  readonly seconds: number;
}

const START_MS = 60_000;
const REST_MS = 20_000;
/** Longer than the longest merge window. */
const STILL_MS = 500;
/** The application of the receiving nginx. */
export const SINK = 'sink';

async function usageBetween(pids: Pids, during: () => Promise<void>): Promise<Usage> {
  const read = () => Promise.all(Object.values(pids).map(readRunSeconds));
  const before = await read();
  const began = performance.now();
  await during();
  const seconds = (performance.now() - began) / 1000;
  const after = await read();
  const entries = Object.entries(pids).map(async ([name, pid], index) => {
    const percent = (((after[index] ?? 0) - (before[index] ?? 0)) / seconds) * 100;
    return [name, { percent, mb: await readRssMb(pid) }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** What the targets lack of what their streams gave, in a sentence; null when each has every byte. */
function findMissing(
  expected: Expected,
  got: (key: string) => number,
  given: (stream: number) => Given,
): string | null {
  for (const [key, stream] of expected) {
    const { bytes } = given(stream);
    if (got(key) !== bytes) return `the target ${key} got ${got(key)} bytes of ${bytes}`;
  }
  return null;
}

/** Waits until all that is expected is on the air. */
export async function untilOnAir({ sink }: IntervalSetting, expected: Expected): Promise<void> {
  await eventually(
    async () => {
      const arriving = await sink.receivedBytes(SINK);
      const isOn = [...expected.keys()].every((key) => (arriving.get(key) ?? 0) > 0);
      return isOn && (await sink.livePublishers()) === expected.size;
    },
    START_MS,
    200,
  );
}

function isSame(a: Arrived, b: Arrived): boolean {
  return a.size === b.size && [...a].every(([key, bytes]) => b.get(key) === bytes);
}

/** Lets the source rest until all that it gave has arrived, and counts that. */
async function rest({ source, sink }: IntervalSetting): Promise<Arrived> {
  source.pause();
  let last: Arrived | null = null;
  return eventually(
    async () => {
      const now = await sink.receivedBytes(SINK);
      const before = last;
      last = now;
      return before !== null && isSame(before, now) && now;
    },
    REST_MS,
    STILL_MS,
  );
}

/** Measures while the source plays, from one moment of rest to the next: what is counted at either is whole. */
export async function measureInterval(
  setting: IntervalSetting,
  pids: Pids,
  expected: Expected = new Map(),
): Promise<Interval> {
  const { source, sink, seconds } = setting;
  const arrivedBefore = await rest(setting);
  const streams = [...new Set(expected.values())];
  const before = new Map(streams.map((stream) => [stream, source.given(stream)]));
  const given = (stream: number): Given => {
    const now = source.given(stream);
    const then = before.get(stream) ?? now;
    return { bytes: now.bytes - then.bytes, pictures: now.pictures - then.pictures };
  };
  const usage = await usageBetween(pids, async () => {
    source.resume();
    await delay(seconds * 1000);
    await rest(setting);
    // A machine that is busy elsewhere may hold everything up for longer than that.
    await eventually(async () => {
      const now = await sink.receivedBytes(SINK);
      const missing = findMissing(
        expected,
        (key) => (now.get(key) ?? 0) - (arrivedBefore.get(key) ?? 0),
        given,
      );
      if (missing !== null) throw new Error(missing);
      return true;
    }, REST_MS);
  });
  const pictures = [...expected.values()].reduce((sum, stream) => sum + given(stream).pictures, 0);
  const isAll = (await sink.livePublishers()) === expected.size;
  source.resume();
  if (!isAll) throw new Error('sessions came or went while measuring');
  return { usage, pictures };
}

import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type NginxRtmp, startNginxRtmp } from '../../src/demo/nginx-rtmp.ts';
import { openRtmpPublisher } from '../../src/media/rtmp/publisher.ts';
import { makeClip, parseFlv } from '../support/clip.ts';
import { eventually } from '../support/eventually.ts';
import { type FlvHub, startFlvHub } from '../support/flv-hub.ts';
import { playClip } from '../support/flv-player.ts';
import { readCost } from './process-cost.ts';

export interface RelayBenchOptions {
  readonly targets: number;
  readonly seconds: number;
  /** How many FFmpeg copies are run; their cost is scaled to all targets. */
  readonly copies: number;
  /** roomcast is measured with each of these merge windows; ratios are against the first. */
  readonly mergeMs: readonly number[];
}

export interface RelayCost {
  readonly how: string;
  /** Targets that were really served in the measured time. */
  readonly targets: number;
  readonly cpuSeconds: number;
  /** Share of one core, scaled to all targets when fewer were run. */
  readonly cpuPercent: number;
  readonly peakMb: number;
  /** CPU against roomcast's, each for all targets. */
  readonly cpuRatio: number;
  readonly memoryRatio: number;
}

export interface RelayBench {
  readonly bench: 'relay';
  readonly targets: number;
  readonly seconds: number;
  readonly kbps: number;
  readonly results: readonly RelayCost[];
}

type Measured = Omit<RelayCost, 'cpuRatio' | 'memoryRatio'>;

interface Setting {
  readonly options: RelayBenchOptions;
  readonly hub: FlvHub;
  readonly sink: NginxRtmp;
}

const START_DEADLINE_MS = 60_000;
/** A push lives for hours: what V8 spends on compiling in its first seconds is no part of its price. */
const SETTLE_MS = 12_000;

async function endChild(child: ChildProcess, end: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  end();
  const deadline = setTimeout(() => child.kill('SIGKILL'), 5000);
  await exited;
  clearTimeout(deadline);
}

/** Waits until all sessions are on the air, measures, and makes sure that none was lost meanwhile. */
async function measure(
  how: string,
  targets: number,
  pids: readonly number[],
  setting: Setting,
): Promise<Measured> {
  const { options, sink } = setting;
  await eventually(async () => (await sink.livePublishers()) === targets, START_DEADLINE_MS, 200);
  await delay(SETTLE_MS);
  const before = await readCost(pids);
  await delay(options.seconds * 1000);
  const after = await readCost(pids);
  if ((await sink.livePublishers()) !== targets)
    throw new Error(`${how}: sessions were lost while measuring`);
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
  const scale = options.targets / targets;
  return {
    how,
    targets,
    cpuSeconds: round(cpuSeconds),
    cpuPercent: round((cpuSeconds / options.seconds) * 100 * scale),
    peakMb: Math.round(after.peakMb * scale),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function sinkUrls(sink: NginxRtmp, prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => sink.rtmpUrl('sink', `${prefix}${index}`));
}

async function sinkIsQuiet(sink: NginxRtmp): Promise<void> {
  await eventually(async () => (await sink.livePublishers()) === 0, 30_000, 200);
}

async function measureRoomcast(setting: Setting, mergeMs: number): Promise<Measured> {
  const { hub, sink, options } = setting;
  // Compiled beside this file, so its name ends like ours does.
  const path = fileURLToPath(import.meta.url).replace(/relay\.(ts|js)$/, 'push-child.$1');
  const urls = sinkUrls(sink, `roomcast${mergeMs}-`, options.targets);
  const child = fork(path, [String(mergeMs), `${hub.url}/stream`, ...urls], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    return await measure(`roomcast push, ${mergeMs} ms window`, options.targets, [child.pid ?? 0], setting);
  } finally {
    await endChild(child, () => child.disconnect());
  }
}

async function measureNginx(setting: Setting, clip: Buffer): Promise<Measured> {
  const { sink, options } = setting;
  const push = sinkUrls(sink, 'nginx', options.targets);
  const relay = await startNginxRtmp({ applications: [{ name: 'live', push }] });
  const publisher = await openRtmpPublisher({ url: relay.rtmpUrl('live', 'source') });
  const player = playClip(parseFlv(clip), (tag) => publisher.write(tag));
  try {
    return await measure('nginx-rtmp push', options.targets, [relay.pid], setting);
  } finally {
    player.stop();
    await publisher.close();
    await relay.stop();
  }
}

async function measureCopies(setting: Setting): Promise<Measured> {
  const { hub, sink, options } = setting;
  const count = Math.min(options.copies, options.targets);
  const children = sinkUrls(sink, 'ffmpeg', count).map((url) =>
    spawn('ffmpeg', ['-v', 'error', '-i', `${hub.url}/stream`, '-c', 'copy', '-f', 'flv', url], {
      stdio: ['ignore', 'ignore', 'ignore'],
    }),
  );
  try {
    const pids = children.map((child) => child.pid ?? 0);
    return await measure('ffmpeg -c copy, a process a target', count, pids, setting);
  } finally {
    await Promise.all(children.map((child) => endChild(child, () => child.kill('SIGKILL'))));
  }
}

function withRatios(measured: readonly Measured[]): RelayCost[] {
  const [ours] = measured;
  if (!ours) return [];
  return measured.map((one) => ({
    ...one,
    cpuRatio: round(one.cpuPercent / ours.cpuPercent),
    memoryRatio: round(one.peakMb / ours.peakMb),
  }));
}

/** One 2.1 Mbit/s stream to many local servers: our push, nginx-rtmp's and FFmpeg copies, one after another. */
export async function runRelayBench(options: RelayBenchOptions): Promise<RelayBench> {
  const clip = await makeClip({ seconds: 10, gopFrames: 60, videoKbps: 2000, size: '1280x720' });
  const tags = parseFlv(clip);
  const sink = await startNginxRtmp({ applications: ['sink'] });
  const hub = await startFlvHub();
  const player = playClip(tags, (tag) => hub.send(tag));
  const setting: Setting = { options, hub, sink };
  try {
    const measured: Measured[] = [];
    for (const mergeMs of options.mergeMs) {
      measured.push(await measureRoomcast(setting, mergeMs));
      await sinkIsQuiet(sink);
    }
    measured.push(await measureNginx(setting, clip));
    await sinkIsQuiet(sink);
    measured.push(await measureCopies(setting));
    const seconds = (tags.at(-1)?.timestamp ?? 1) / 1000;
    return {
      bench: 'relay',
      targets: options.targets,
      seconds: options.seconds,
      kbps: Math.round((clip.length * 8) / 1000 / seconds),
      results: withRatios(measured),
    };
  } finally {
    player.stop();
    await hub.close();
    await sink.stop();
  }
}

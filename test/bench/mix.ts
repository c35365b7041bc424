import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { type NginxRtmp, startNginxRtmp } from '../../src/demo/nginx-rtmp.ts';
import { layOut } from '../../src/domain/layout/layout.ts';
import { DEFAULT_PROGRAMME } from '../../src/domain/programme.ts';
import { programmeCodecOptions } from '../../src/media/ffmpeg/argv.ts';
import { startFfmpeg } from '../../src/media/ffmpeg/process.ts';
import { launchProgramme } from '../../src/media/programme/launcher.ts';
import { makeClip, parseFlv } from '../support/clip.ts';
import { eventually } from '../support/eventually.ts';
import { startFlvSource } from '../support/flv-source.ts';
import { type ProcessCost, readCost } from './process-cost.ts';

export interface MixBenchOptions {
  readonly seconds: number;
  /** 720p30 inputs; 4 by default. */
  readonly inputs?: number;
}

export interface MixCost {
  readonly how: string;
  readonly cpuSeconds: number;
  /** Share of one core. */
  readonly cpuPercent: number;
  readonly peakMb: number;
  /** Against the filter graph. */
  readonly cpuRatio: number;
  readonly memoryRatio: number;
}

export interface MixBench {
  readonly bench: 'mix';
  readonly seconds: number;
  readonly inputs: number;
  readonly results: readonly MixCost[];
}

type Measured = Pick<MixCost, 'how' | 'cpuSeconds' | 'peakMb'>;

interface Setting {
  readonly seconds: number;
  readonly inputs: number;
  readonly clip: Buffer;
  readonly clipPath: string;
  readonly sink: NginxRtmp;
}

const START_DEADLINE_MS = 30_000;
/** Starting costs are not what a day-long mix costs. */
const SETTLE_MS = 4000;
const CLIP = { seconds: 10, size: '1280x720', videoKbps: 2500, gopFrames: 60 };
const ENTRY = fileURLToPath(new URL('../../src/media/programme/main.js', import.meta.url));

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'latin1');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

async function measure(how: string, pids: readonly number[], seconds: number): Promise<Measured> {
  await delay(SETTLE_MS);
  const before: ProcessCost = await readCost(pids);
  await delay(seconds * 1000);
  const after = await readCost(pids);
  return { how, cpuSeconds: after.cpuSeconds - before.cpuSeconds, peakMb: after.peakMb };
}

async function measureRoomcast({ seconds, inputs, clip, sink }: Setting): Promise<Measured> {
  const source = await startFlvSource();
  const tags = parseFlv(clip);
  const names = Array.from({ length: inputs }, (_, index) => `user${index}`);
  for (const name of names) source.play(name, tags);
  let live = 0;
  const child = launchProgramme({
    entry: ENTRY,
    timelineStartedAt: Date.now(),
    log: pino({ level: 'silent' }),
    sources: {
      programme: DEFAULT_PROGRAMME,
      programmeRevision: 1,
      publishUrl: sink.rtmpUrl('live', 'roomcast'),
      inputs: names.map((name) => ({ streamId: name, userId: name, stream: 'main', url: source.url(name) })),
    },
    onEvent: () => undefined,
    onStatus(status) {
      live = status.inputs.filter((input) => input.state === 'live').length;
    },
  });
  try {
    await eventually(() => live === inputs, START_DEADLINE_MS);
    return await measure('roomcast', [child.pid, ...(await childrenOf(child.pid))], seconds);
  } finally {
    await child.stop();
    await source.close();
  }
}

/** What one would write by hand: all inputs in one graph. It stops or freezes when one of them does. */
function filterGraphArgs({ inputs, clipPath, sink }: Setting): string[] {
  const { video, audio, background } = DEFAULT_PROGRAMME;
  const ids = Array.from({ length: inputs }, (_, index) => String(index));
  const users = ids.map((id) => ({ streamId: id, userId: id, stream: 'main' as const, audioOnly: false }));
  const boxes = layOut(DEFAULT_PROGRAMME.layout, users, video);
  const cells = boxes.map(
    ({ width, height }, index) =>
      `[${index}:v]scale=${width}:${height}:force_original_aspect_ratio=increase:flags=bilinear,crop=${width}:${height}[v${index}]`,
  );
  const canvas = `color=c=${background}:s=${video.width}x${video.height}:r=${video.fps}[c]`;
  const overlays = boxes.map(
    ({ x, y }, index) => `[${index === 0 ? 'c' : `o${index - 1}`}][v${index}]overlay=${x}:${y}[o${index}]`,
  );
  const sound = `${ids.map((id) => `[${id}:a]`).join('')}amix=inputs=${inputs}:normalize=0[a]`;
  return [
    ...['-v', 'error', '-nostats'],
    ...ids.flatMap(() => ['-re', '-stream_loop', '-1', '-i', clipPath]),
    ...['-filter_complex', [...cells, canvas, ...overlays, sound].join(';')],
    ...['-map', `[o${inputs - 1}]`, '-map', '[a]', '-r', String(video.fps)],
    ...programmeCodecOptions({
      fps: video.fps,
      videoKbps: video.bitrateKbps,
      gopSeconds: video.gopSeconds,
      audioKbps: audio.bitrateKbps,
    }),
    ...['-f', 'flv', sink.rtmpUrl('live', 'graph')],
  ];
}

async function measureFilterGraph(setting: Setting): Promise<Measured> {
  const child = startFfmpeg({
    args: filterGraphArgs(setting),
    log: pino({ level: 'silent' }),
    name: 'filter graph',
    stdin: 'ignore',
    stdout: 'ignore',
  });
  try {
    await eventually(async () => (await setting.sink.livePublishers()) > 0, START_DEADLINE_MS);
    return await measure('ffmpeg filter graph', [child.pid], setting.seconds);
  } finally {
    await child.stop();
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Mixes the same 720p30 clips to 720p30 x264 veryfast, by roomcast and by one FFmpeg, one after the other. */
export async function runMixBench({ seconds, inputs = 4 }: MixBenchOptions): Promise<MixBench> {
  const dir = await mkdtemp(join(tmpdir(), 'roomcast-bench-'));
  const clipPath = join(dir, 'clip.flv');
  const clip = await makeClip(CLIP);
  await writeFile(clipPath, clip);
  const sink = await startNginxRtmp({ applications: ['live'] });
  try {
    const setting: Setting = { seconds, inputs, clip, clipPath, sink };
    const graph = await measureFilterGraph(setting);
    const roomcast = await measureRoomcast(setting);
    const results = [roomcast, graph].map((cost) => ({
      how: cost.how,
      cpuSeconds: round(cost.cpuSeconds),
      cpuPercent: round((cost.cpuSeconds / seconds) * 100),
      peakMb: Math.round(cost.peakMb),
      cpuRatio: round(cost.cpuSeconds / graph.cpuSeconds),
      memoryRatio: round(cost.peakMb / graph.peakMb),
    }));
    return { bench: 'mix', seconds, inputs, results };
  } finally {
    await sink.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

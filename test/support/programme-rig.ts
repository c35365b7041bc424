import { execFileSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { pino } from 'pino';
import type { MixStatus } from '../../src/domain/job.ts';
import { DEFAULT_PROGRAMME, type LayoutSpec, type ProgrammeSpec } from '../../src/domain/task.ts';
import type { FlvTag } from '../../src/media/flv/tag.ts';
import { launchProgramme, type ProgrammeChild } from '../../src/media/programme/launcher.ts';
import { readFlv } from './clip.ts';
import { eventually } from './eventually.ts';
import { type FlvSource, startFlvSource } from './flv-source.ts';
import { type NginxRtmp, startNginxRtmp } from './nginx-rtmp.ts';

/** Small and quick: the machine of a test run has other things to do. */
export const SMALL_PROGRAMME: ProgrammeSpec = {
  ...DEFAULT_PROGRAMME,
  video: { width: 640, height: 360, fps: 30, bitrateKbps: 800, gopSeconds: 1 },
};

/** A real programme process between a small HTTP-FLV source and nginx-rtmp, which records what it receives. */
export interface ProgrammeRig {
  readonly source: FlvSource;
  readonly nginx: NginxRtmp;
  readonly child: ProgrammeChild;
  /** In the layout last shown; `ann-screen` is the screen of user ann, any other stream a user's camera. */
  show(streamIds: readonly string[], layout?: LayoutSpec): void;
  status(): MixStatus | null;
  /** Resolves when the status is as asked. */
  until(check: (status: MixStatus) => boolean, deadlineMs?: number): Promise<MixStatus>;
  /** What nginx has received so far. */
  received(): Promise<readonly FlvTag[]>;
  /** Resolves when this much more of the programme was received. */
  pass(ms: number): Promise<void>;
  recording(): Promise<string>;
  /** Pids of the programme's FFmpeg children whose command line has the text. */
  children(text: string): number[];
  close(): Promise<void>;
}

const SCREEN = '-screen';

function refOf(streamId: string) {
  const isScreen = streamId.endsWith(SCREEN);
  const userId = isScreen ? streamId.slice(0, -SCREEN.length) : streamId;
  return { streamId, userId, stream: isScreen ? ('aux' as const) : ('main' as const) };
}

const ENTRY = path.resolve(import.meta.dirname, '../../dist/src/media/programme/main.js');

export async function startProgrammeRig(spec: ProgrammeSpec = SMALL_PROGRAMME): Promise<ProgrammeRig> {
  const nginx = await startNginxRtmp({ applications: ['live'], record: true });
  const source = await startFlvSource();
  const publishUrl = nginx.rtmpUrl('live', 'mix');
  let status: MixStatus | null = null;
  let { layout } = spec;
  let layoutRevision = 1;
  const child = launchProgramme({
    entry: ENTRY,
    spec,
    timelineStartedAt: Date.now(),
    log: pino({ level: process.env['TEST_LOG'] ?? 'silent' }, pino.destination(2)),
    sources: { publishUrl, inputs: [], layout, layoutRevision },
    onStatus: (next) => {
      status = next;
    },
  });
  const recording = async (): Promise<string> => {
    const file = (await readdir(nginx.recordingDir)).find((name) => name.endsWith('.flv'));
    if (file === undefined) throw new Error('nginx has recorded nothing');
    return path.join(nginx.recordingDir, file);
  };
  const received = async (): Promise<readonly FlvTag[]> => readFlv(await recording());
  const lastMs = async (): Promise<number> => (await received()).at(-1)?.timestamp ?? 0;
  const until: ProgrammeRig['until'] = (check, deadlineMs = 20_000) =>
    eventually(() => (status && check(status) ? status : null), deadlineMs);

  return {
    source,
    nginx,
    child,
    show(streamIds, wanted = layout) {
      layout = wanted;
      layoutRevision += 1;
      const inputs = streamIds.map((streamId) => ({ ...refOf(streamId), url: source.url(streamId) }));
      child.update({ publishUrl, inputs, layout, layoutRevision });
    },
    status: () => status,
    until,
    received,
    recording,
    async pass(ms) {
      const from = await lastMs();
      await eventually(async () => (await lastMs()) >= from + ms, ms + 20_000, 100);
    },
    children(text) {
      const lines = execFileSync('pgrep', ['-a', '-P', String(child.pid)])
        .toString()
        .split('\n');
      return lines.filter((line) => line.includes(text)).map((line) => Number(line.split(' ')[0]));
    },
    async close() {
      await child.stop();
      await source.close();
      await nginx.stop();
    },
  };
}

import { execFileSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { pino } from 'pino';
import type { MixStatus } from '../../src/domain/job.ts';
import type { LayoutSpec } from '../../src/domain/layout/spec.ts';
import type { MixEvent } from '../../src/domain/mix-event.ts';
import { DEFAULT_PROGRAMME, type ProgrammeSpec } from '../../src/domain/programme.ts';
import type { FlvTag } from '../../src/media/flv/tag.ts';
import { launchProgramme, type ProgrammeChild } from '../../src/media/programme/launcher.ts';
import type { SourceInput, Sources } from '../../src/media/programme/protocol.ts';
import { readFlv } from './clip.ts';
import { eventually } from './eventually.ts';
import { type FlvSource, startFlvSource } from './flv-source.ts';
import { type NginxRtmp, startNginxRtmp } from './nginx-rtmp.ts';

/** Small and quick: the machine of a test run has other things to do. */
export const SMALL_PROGRAMME = {
  ...DEFAULT_PROGRAMME,
  video: { width: 640, height: 360, fps: 30, bitrateKbps: 800, gopSeconds: 1 },
} as const satisfies ProgrammeSpec;

/** A real programme process between a small HTTP-FLV source and nginx-rtmp, which records what it receives. */
export interface ProgrammeRig {
  readonly source: FlvSource;
  readonly nginx: NginxRtmp;
  readonly child: ProgrammeChild;
  /** In the layout last shown; `ann-screen` is the screen of user ann, any other stream a user's camera. */
  show(streamIds: readonly string[], layout?: LayoutSpec): void;
  /** Changes a part of the programme; the rest stays. */
  change(part: Partial<ProgrammeSpec>): void;
  /** What the room lets nobody hear or see of a stream. */
  block(streamId: string, blocked: NonNullable<SourceInput['blocked']>): void;
  /** All that the programme noticed so far. */
  readonly events: readonly MixEvent[];
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
  let sources: Sources = { publishUrl, inputs: [], programme: spec, programmeRevision: 1 };
  const events: MixEvent[] = [];
  const child = launchProgramme({
    entry: ENTRY,
    timelineStartedAt: Date.now(),
    log: pino({ level: process.env['TEST_LOG'] ?? 'silent' }, pino.destination(2)),
    sources,
    onEvent: (event) => events.push(event),
    onStatus: (next) => {
      status = next;
    },
  });
  const tell = (next: Partial<Sources>): void => {
    sources = { ...sources, ...next, programmeRevision: sources.programmeRevision + 1 };
    child.update(sources);
  };
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
    show(streamIds, layout = sources.programme.layout) {
      const inputs = streamIds.map((streamId) => ({ ...refOf(streamId), url: source.url(streamId) }));
      tell({ inputs, programme: { ...sources.programme, layout } });
    },
    change: (part) => tell({ programme: { ...sources.programme, ...part } }),
    block(streamId, blocked) {
      const blockedOf = (input: SourceInput) => (input.streamId === streamId ? { ...input, blocked } : input);
      tell({ inputs: sources.inputs.map(blockedOf) });
    },
    events,
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
